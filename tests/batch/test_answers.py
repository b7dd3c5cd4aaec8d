"""Result lines as documented, and what an answer's body says."""

from __future__ import annotations

import json

import pytest

from moongate.batch.answers import failed_line, result_line, usage_in
from moongate.errors import NotJsonError, ServerError, TimedOutError
from moongate.facts.chat import Usage
from moongate.facts.providers import built_in
from moongate.wire.replies import Reply

ROW = built_in()["moonshot"]
CHOICE = '{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}'


def usage(text: str) -> Usage | None:
    return usage_in(text.encode(), ROW, model="kimi-k2.6")


def test_usage_is_read_in_its_known_shapes() -> None:
    plain = '"usage":{"prompt_tokens":30,"completion_tokens":10,"total_tokens":40}'
    assert usage(f'{{"choices":[{CHOICE}],{plain}}}') == Usage(prompt_tokens=30, completion_tokens=10)
    details = (
        plain[:-1]
        + ',"prompt_tokens_details":{"cached_tokens":7},"completion_tokens_details":{"reasoning_tokens":4}}'
    )
    assert usage(f'{{"choices":[{CHOICE}],{details}}}') == Usage(
        prompt_tokens=30, completion_tokens=10, cached_tokens=7, reasoning_tokens=4
    )
    odd = '"usage":{"prompt_tokens":-1,"completion_tokens":10,"cost":0.25}'
    found = usage(f'{{"choices":[{CHOICE}],{odd}}}')
    assert found is not None and found.prompt_tokens == 0 and found.reported_cost is not None
    assert usage(f'{{"choices":[{CHOICE}]}}') is None


def test_a_good_status_with_an_error_inside_is_that_error() -> None:
    error = '{"error":{"message":"the host failed","code":502}}'
    with pytest.raises(ServerError):
        usage(f'{{"choices":[{error}]}}')
    with pytest.raises(ServerError):
        usage(error)


@pytest.mark.parametrize("text", ["", "<html>", "[]", "{}", '{"choices":[]}', '{"choices":[3]}', '{"choices":'])
def test_what_is_no_answer_is_said(text: str) -> None:
    with pytest.raises(NotJsonError):
        usage(text)


def test_a_result_line_is_the_documented_one() -> None:
    body = b'{"id":"chatcmpl-1","choices":[]}'
    line = result_line('a "quoted" id', Reply(status=200, headers={"msh-request-id": "r1"}, body=body))
    assert line.endswith(b"\n") and json.loads(line) == {
        "id": 'a "quoted" id',
        "custom_id": 'a "quoted" id',
        "response": {"status_code": 200, "request_id": "r1", "body": {"id": "chatcmpl-1", "choices": []}},
        "error": None,
    }


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{\n  "a": "x\\ny"\r\n}', {"a": "x\ny"}),
        (b"<html>\n</html>", "<html>\n</html>"),
        (b"", ""),
        (b'"\xff"', '"\ufffd"'),
    ],
)
def test_a_body_never_breaks_its_line(body: bytes, shown: object) -> None:
    line = result_line("a", Reply(status=500, body=body))
    assert line.count(b"\n") == 1 and json.loads(line)["response"]["body"] == shown


def test_a_line_without_any_answer_says_what_happened() -> None:
    line = json.loads(failed_line("a", TimedOutError("It took too long.", advice="Try again.")))
    assert line["response"] is None
    assert line["error"] == {"code": "timed_out", "message": "It took too long. Try again."}
