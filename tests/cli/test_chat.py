from __future__ import annotations

import io
import json
import sys

import pytest

from moongate.testing import Answer, Fault

WRONG = ["moonshotai/kimi-k2.6", "kimi-k2-6", "Kimi-K2.6", "kimi-k2.6-thinking", "kimi-k2-0711-preview"]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_id_is_refused_and_nothing_is_posted(moongate, server, name) -> None:
    ran = moongate("chat", "hi", "-m", name)
    assert ran.code == 1
    assert ran.out == ""
    assert "'kimi-k2.6'" in ran.err
    assert [r for r in server.requests if r.method == "POST"] == []


def test_the_owner_of_a_foreign_id_is_named(moongate, server) -> None:
    assert "OpenRouter" in moongate("chat", "hi", "-m", "moonshotai/kimi-k2.6").err
    assert "AIMLAPI" in moongate("chat", "hi", "-m", "kimi-k2-6").err
    assert "2026-05-25" in moongate("chat", "hi", "-m", "kimi-k2-0711-preview").err


def test_the_right_id_is_sent_once(moongate, server) -> None:
    ran = moongate("chat", "hi", "-m", "kimi-k2.6")
    assert (ran.code, ran.out) == (0, "hi\n")
    assert server.count("POST", "/v1/chat/completions") == 1


def test_a_refusal_as_a_document(moongate, server) -> None:
    ran = moongate("chat", "hi", "-m", "kimi-k2-6", "--json")
    assert ran.code == 1
    assert set(ran.json["error"]) == {"kind", "message", "advice", "suggestions"}
    assert ran.json["error"]["kind"] == "model_refused"
    assert ran.json["error"]["suggestions"] == ["kimi-k2.6"]


def test_an_answer_as_a_document(moongate, server) -> None:
    ran = moongate("chat", "hi", "--json")
    assert set(ran.json) == {
        "id", "model", "asked_model", "content", "reasoning", "tool_calls", "finish_reason", "usage", "cost",
    }  # fmt: skip
    assert set(ran.json["usage"]) == {"prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"}
    assert ran.json["content"] == "hi"
    assert ran.json["cost"] is None  # a loopback address is not Moonshot: its list prices do not count there


def test_a_stream_as_json_lines(moongate, server) -> None:
    ran = moongate("chat", "hi there", "--json", "--stream")
    *pieces, answer = [json.loads(line) for line in ran.out.splitlines()]
    assert "".join(piece["content"] for piece in pieces) == answer["content"] == "hi there"
    assert answer["usage"]["completion_tokens"] > 0


def test_a_routing_prefix_is_taken_off_and_said(moongate, server) -> None:
    ran = moongate("chat", "hi", "-m", "moonshot/kimi-k2.6")
    assert ran.code == 0
    assert "note: 'moonshot/kimi-k2.6' is sent as 'kimi-k2.6'" in ran.err
    assert json.loads(server.requests[-1].body)["model"] == "kimi-k2.6"


def test_flags_become_parameters(moongate, server) -> None:
    moongate("chat", "hi", "--system", "be brief", "--thinking", "off", "--max-tokens", "9", "--temperature", "0.6")
    body = json.loads(server.requests[-1].body)
    assert body["messages"][0] == {"role": "system", "content": "be brief"}
    assert body["thinking"] == {"type": "disabled"}
    assert (body["max_tokens"], body["temperature"]) == (9, 0.6)


def test_what_is_piped_in_is_read(moongate, server, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("häuser".encode())))
    assert moongate("chat", "sum up:").out == "sum up:\n\nhäuser\n"


def test_piped_bytes_that_are_no_text(moongate, server, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe")))
    ran = moongate("chat", "sum up:")
    assert ran.code == 2
    assert "UTF-8" in ran.err


def test_a_broken_stream_shows_what_came_and_fails(moongate, server) -> None:
    server.inject(Fault("no_done", path="/chat/completions"))
    ran = moongate("chat", "hi", "--stream")
    assert ran.code == 4
    assert "broke off" in ran.err


def test_an_answer_cut_off_by_reasoning_is_explained(moongate, server) -> None:
    server.replies = [Answer("", reasoning="thinking …", finish_reason="length")]
    ran = moongate("chat", "hi")
    assert ran.code == 0
    assert "max_tokens was used up on reasoning" in ran.err


def test_quiet_keeps_notes_to_itself(moongate, server) -> None:
    assert moongate("chat", "hi", "-m", "moonshot/kimi-k2.6", "--quiet").err == ""


def test_a_parameter_that_the_model_refuses_is_not_sent(moongate, server) -> None:
    ran = moongate("chat", "hi", "-m", "kimi-k2.6", "--temperature", "0.3", "--json")
    assert ran.code == 2
    assert ran.json["error"]["kind"] == "parameter"
    assert "--rules fix" in ran.json["error"]["advice"]
    assert server.count("POST", "/v1/chat/completions") == 0


def test_it_is_changed_and_said_when_told_to(moongate, server) -> None:
    ran = moongate("chat", "hi", "-m", "kimi-k2.6", "--temperature", "0.3", "--rules", "fix")
    assert (ran.code, ran.out) == (0, "hi\n")
    assert "note: changed temperature" in ran.err


def test_or_sent_as_it_is(moongate, server, monkeypatch) -> None:
    monkeypatch.setenv("MOONGATE_RULES", "pass")
    ran = moongate("chat", "hi", "-m", "kimi-k2.6", "--temperature", "0.3")
    assert ran.code == 3
    assert "invalid temperature: only 1 is allowed" in ran.err
