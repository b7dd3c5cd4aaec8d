"""Result lines as providers write them, in the shapes that are documented and in those that are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moongate.batch.fetched import named, outcome_of
from moongate.batch.records import Outcome
from moongate.batch.spending import Tariff
from moongate.facts.providers import built_in

ROW = built_in()["moonshot"]
BODY = {"choices": [{"message": {"content": "hi"}}], "usage": {"prompt_tokens": 30, "completion_tokens": 10}}


def outcome(**fields: Any) -> Outcome:
    line = {"id": "a", "custom_id": "a", "response": None, "error": None} | fields
    return outcome_of(json.dumps(line).encode(), 7, ROW, Tariff(None, None), model="kimi-k2.6")


def test_the_documented_answer() -> None:
    found = outcome(response={"status_code": 200, "request_id": "", "body": BODY})
    assert found == Outcome(index=7, status=200, prompt_tokens=30, completion_tokens=10)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"error": {"code": "content_filter", "message": "no"}}, "content_filter"),
        ({"error": {"type": "server_error", "message": "no"}}, "server_error"),
        ({"error": "no"}, "no_result"),
        ({}, "no_result"),
        ({"response": {"status_code": 429, "body": {"error": {"type": "rate_limit_reached_error"}}}}, "rate_limited"),
        ({"response": {"status_code": 400, "body": {"error": {"message": "bad"}}}}, "bad_request"),
        ({"response": {"status_code": 200, "body": {"choices": []}}}, "not_json"),
        ({"response": {"status_code": 200, "body": "text"}}, "not_json"),
    ],
)
def test_failures_have_a_kind_wherever_they_are_told(fields: dict[str, Any], kind: str) -> None:
    assert outcome(**fields).kind == kind


def test_what_is_no_result_line_has_no_name() -> None:
    assert named(b'{"custom_id": "a", "extra": [1]}') == "a"
    for text in (b"", b"\n", b"<html>", b'{"id": "a"}', b'{"custom_id": 3}', b"[" * 5000):
        assert named(text) is None
