"""The platform's other faces, as far as the fake has them."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from moongate.testing import Answer, MoonshotServer, Readings
from moongate.testing.readings import Face

MODELS = ["kimi-k2.6", "kimi-k3"]
SAID = Answer("four words of text", reasoning="")


def server(**readings: Face) -> MoonshotServer:
    return MoonshotServer(models=MODELS, readings=Readings(**readings), replies=lambda _: SAID)  # type: ignore[arg-type]


def post(ask: Any, at: MoonshotServer, path: str, **body: Any) -> tuple[int, Any]:
    answer = ask(at, "POST", path, body)
    return answer.status, json.loads(answer.body)


def test_the_sdk_reads_a_response() -> None:
    with server(responses="any") as at, openai.OpenAI(api_key=at.key, base_url=at.base_url) as client:
        answer = client.responses.create(model="kimi-k2.6", instructions="Be short.", input="hello")
        parts = [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}]
        other = client.responses.create(model="kimi-k3", input=parts, max_output_tokens=2)  # type: ignore[arg-type]
    assert (answer.output_text, answer.status) == ("four words of text", "completed")
    assert other.status == "incomplete"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


@pytest.mark.parametrize(("face", "model", "status"), [
    ("absent", "kimi-k3", 404), ("k3", "kimi-k3", 200), ("k3", "kimi-k2.6", 400), ("any", "kimi-k2.6", 200),
])  # fmt: skip
def test_a_switch_says_for_whom_it_is_there(ask: Any, face: Face, model: str, status: int) -> None:
    with server(responses=face, messages=face) as at:
        assert post(ask, at, "/responses", model=model, input="hello")[0] == status


def test_what_is_not_imitated_is_said(ask: Any) -> None:
    with server(responses="any") as at:
        status, body = post(ask, at, "/responses", model="kimi-k2.6", input="hello", stream=True)
        assert (status, body["error"]["message"]) == (400, "stream: not imitated by this offline server")
        status, body = post(ask, at, "/responses", model="kimi-k3", input="x", reasoning={"effort": "none"})
        assert (status, body["error"]["message"]) == (400, 'reasoning.effort value "none" is not supported')


def test_messages_leave_the_cache_out_of_the_input(ask: Any) -> None:
    long = [{"role": "user", "content": "word " * 2000}]
    with server(messages="any") as at:
        anthropic = "//anthropic/v1/messages"
        first = post(ask, at, anthropic, model="kimi-k2.6", messages=long, max_tokens=50)[1]
        second = post(ask, at, anthropic, model="kimi-k2.6", messages=long, max_tokens=50)[1]
        status, flaw = post(ask, at, anthropic, model="kimi-k2.6", messages=long)
    assert first["content"] == [{"type": "text", "text": "four words of text"}]
    assert first["stop_reason"] == "end_turn"
    used = second["usage"]
    assert used["cache_read_input_tokens"] > 0
    assert used["input_tokens"] + used["cache_read_input_tokens"] == first["usage"]["input_tokens"]
    assert (status, flaw["type"], flaw["error"]["message"]) == (400, "error", "max_tokens: Field required")
