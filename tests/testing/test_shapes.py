"""Streams and bodies on the wire, dialect by dialect, and against the published contract's required fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moongate.testing import Answer, MoonshotServer, Readings, ToolCall

Ask = Callable[..., Any]
Body = Callable[..., dict[str, object]]
WITH_USAGE = {"include_usage": True}


def test_the_order_of_a_stream(server: MoonshotServer, ask: Ask, body: Body) -> None:
    answer = ask(server, "POST", "/chat/completions", body("hi", stream=True))
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.body.endswith(b"data: [DONE]\n\n")
    deltas = [event["choices"][0]["delta"] for event in answer.events]
    assert deltas[0] == {"role": "assistant", "content": ""}
    kinds = [next(iter(delta), None) for delta in deltas[1:]]
    assert kinds == ["reasoning_content"] * 5 + ["content", None]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == (
        "The user wrote something; I answer it."
    )
    assert all(event["system_fingerprint"].startswith("fpv0_") for event in answer.events)
    assert len({event["id"] for event in answer.events}) == 1


def test_usage_without_asking_is_in_the_choice(server: MoonshotServer, ask: Ask, body: Body) -> None:
    events = ask(server, "POST", "/chat/completions", body(stream=True)).events
    assert events[-1]["choices"][0]["usage"]["total_tokens"] > 0
    assert not any("usage" in event for event in events)


@pytest.mark.parametrize(
    ("where", "choice", "top"), [("both", True, True), ("choice", True, False), ("top", False, True)]
)
def test_where_usage_goes_when_asked_for(ask: Ask, body: Body, where: Any, choice: bool, top: bool) -> None:
    with MoonshotServer(readings=Readings(usage_in_stream=where)) as server:
        asked = body(stream=True, stream_options=WITH_USAGE)
        events = ask(server, "POST", "/chat/completions", asked).events
    finish = next(event for event in events if event["choices"] and event["choices"][0]["finish_reason"])
    assert ("usage" in finish["choices"][0]) is choice
    last = [event for event in events if not event["choices"]]
    assert bool(last) is top
    if choice and top:
        assert last[0]["usage"] == finish["choices"][0]["usage"]


def test_tool_calls_stream_in_pieces(ask: Ask, body: Body) -> None:
    call = ToolCall(name="get_weather", arguments={"city": "Paris"})
    with MoonshotServer(replies=[Answer(tool_calls=(call,), reasoning="")]) as server:
        events = ask(server, "POST", "/chat/completions", body(stream=True)).events
    pieces = [event["choices"][0]["delta"].get("tool_calls", [None])[0] for event in events]
    pieces = [piece for piece in pieces if piece]
    assert pieces[0]["id"] == "get_weather_0"
    assert pieces[0]["function"] == {"name": "get_weather", "arguments": ""}
    assert all(piece.keys() == {"index", "function"} for piece in pieces[1:])
    assert "".join(piece["function"]["arguments"] for piece in pieces) == '{"city":"Paris"}'
    assert events[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_usage_null_and_cmpl_are_readings(ask: Ask, body: Body) -> None:
    with MoonshotServer(readings=Readings(usage_null=True, response_id="cmpl")) as server:
        asked = body(stream=True, stream_options=WITH_USAGE)
        events = ask(server, "POST", "/chat/completions", asked).events
    assert events[0]["usage"] is None
    assert events[0]["id"].startswith("cmpl-") and len(events[0]["id"]) == 37


def test_openrouter_says_reasoning_and_cost(ask: Ask, body: Body) -> None:
    with MoonshotServer(dialect="openrouter") as server:
        asked = body(model="moonshotai/kimi-k2.6:nitro", temperature=0.3)
        plain = ask(server, "POST", "/chat/completions", asked)
        stream = ask(server, "POST", "/chat/completions", {**asked, "stream": True})
    value = plain.json()
    assert value["model"] == "moonshotai/kimi-k2.6-20260420"
    assert "reasoning_content" not in value["choices"][0]["message"]
    assert value["choices"][0]["message"]["reasoning_details"][0]["type"] == "reasoning.text"
    assert value["usage"]["cost"] > 0
    assert plain.headers["x-generation-id"] == value["id"]
    assert stream.body.startswith(b": OPENROUTER PROCESSING\n\n")
    assert stream.events[-1]["usage"]["cost"] > 0


def test_openrouter_words_its_refusals(ask: Ask, body: Body) -> None:
    with MoonshotServer(dialect="openrouter") as server:
        unknown = ask(server, "POST", "/chat/completions", body(model="kimi-k2.6"))
        keyless = ask(server, "POST", "/chat/completions", body(), key=None)
        server.accounts.default.denied.add("moonshotai/kimi-k2.6")
        unroutable = ask(server, "POST", "/chat/completions", body(model="moonshotai/kimi-k2.6"))
    said = {"code": "model_not_found", "retryable": False, "requested_models": ["kimi-k2.6"]}
    message = "kimi-k2.6 is not a valid model ID"
    assert (unknown.status, unknown.json()) == (
        400,
        {"error": {"code": 400, "message": message, "availability": said}},
    )
    assert keyless.message == "Missing Authentication header"
    assert (unroutable.status, unroutable.message) == (404, "No endpoints found for moonshotai/kimi-k2.6.")


def test_aimlapi_leaks_the_upstream_id_and_counts_credits(ask: Ask, body: Body) -> None:
    with MoonshotServer(dialect="aimlapi") as server:
        asked = body(model="moonshot/kimi-k2-6")
        plain = ask(server, "POST", "/chat/completions", asked)
        stream = ask(server, "POST", "/chat/completions", {**asked, "stream": True})
        refused = ask(server, "POST", "/chat/completions", body(model="nope"))
    value = plain.json()
    assert value["model"] == "kimi-k2.6"
    assert value["choices"][0]["message"]["reasoning_content"]
    assert value["meta"]["usage"]["usd_spent"] == float(plain.headers["x-aimlapi-usd-spent"])
    assert "x-aimlapi-usd-spent" not in stream.headers
    assert stream.events[-1]["meta"]["usage"]["credits_used"] >= 1
    assert refused.json().keys() == {"requestId", "statusCode", "timestamp", "path", "message"}


def test_a_plain_openai_server(ask: Ask, body: Body) -> None:
    with MoonshotServer(dialect="openai") as server:
        value = ask(server, "POST", "/chat/completions", body()).json()
        refused = ask(server, "POST", "/chat/completions", body(model="nope")).json()
    assert "reasoning_content" not in value["choices"][0]["message"]
    assert value["usage"].keys() == {"prompt_tokens", "completion_tokens", "total_tokens"}
    assert refused["error"]["code"] == "model_not_found"


# Required fields of Moonshot's published OpenAPI document (revision of 2026-08-17), and what its answers show.
REQUIRED: dict[str, tuple[str, ...]] = {
    "BalanceResponse": ("code", "data", "scode", "status"),
    "BalanceResponse.data": ("available_balance", "voucher_balance", "cash_balance"),
    "EstimateTokenResponse": ("data",),
    "ErrorResponse": ("error",),
    "ErrorResponse.error": ("message",),
    "ModelList.data[]": (
        "id",
        "object",
        "created",
        "owned_by",
        "context_length",
        "supports_image_in",
        "supports_video_in",
        "supports_reasoning",
    ),
    "ChatCompletionResponse": ("id", "object", "created", "model", "choices", "usage"),
    "ChatCompletionResponse.usage": ("prompt_tokens", "completion_tokens", "total_tokens"),
    "ChatCompletionChunk": ("id", "object", "created", "model", "choices"),
    "ChoiceDelta": ("index", "delta", "finish_reason"),
}


def test_answers_have_the_contracts_fields(server: MoonshotServer, ask: Ask, body: Body) -> None:
    balance = ask(server, "GET", "/users/me/balance").json()
    chat = ask(server, "POST", "/chat/completions", body()).json()
    events = ask(server, "POST", "/chat/completions", body(stream=True)).events
    refusal = ask(server, "POST", "/chat/completions", body(n=2)).json()
    found: dict[str, list[Any]] = {
        "BalanceResponse": [balance],
        "BalanceResponse.data": [balance["data"]],
        "EstimateTokenResponse": [ask(server, "POST", "/tokenizers/estimate-token-count", body()).json()],
        "ErrorResponse": [refusal],
        "ErrorResponse.error": [refusal["error"]],
        "ModelList.data[]": ask(server, "GET", "/models").json()["data"],
        "ChatCompletionResponse": [chat],
        "ChatCompletionResponse.usage": [chat["usage"]],
        "ChatCompletionChunk": events,
        "ChoiceDelta": [choice for event in events for choice in event["choices"]],
    }
    for name, required in REQUIRED.items():
        assert found[name], name
        for value in found[name]:
            assert set(required) <= value.keys(), name
