"""Answers in one piece, and the usage records inside them."""

from __future__ import annotations

from typing import Any

import pytest

from moongate.errors import NotJsonError
from moongate.facts.chat import Usage
from moongate.facts.money import Money
from moongate.wire.fold import answer_from, chunk_from, usage_from

RECORDED: dict[str, Any] = {
    "id": "chatcmpl-6a5aba1e3efb9c153e521886",
    "model": "kimi-k3",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "", "reasoning_content": "Hm"},
                 "finish_reason": "length"}],
    "usage": {"prompt_tokens": 87, "completion_tokens": 32, "total_tokens": 119, "cached_tokens": 87,
              "completion_tokens_details": {"reasoning_tokens": 29}, "prompt_tokens_details": {"cached_tokens": 87}},
}  # fmt: skip


def test_a_recorded_answer() -> None:
    answer = answer_from(RECORDED, asked_model="kimi-k3")
    assert (answer.content, answer.reasoning, answer.finish_reason, answer.model) == ("", "Hm", "length", "kimi-k3")
    assert answer.usage == Usage(prompt_tokens=87, completion_tokens=32, cached_tokens=87, reasoning_tokens=29)


def test_a_tool_call() -> None:
    call = {
        "index": 0,
        "id": "get_weather_0",
        "type": "function",
        "function": {"name": "get_weather", "arguments": "{}"},
    }
    answer = answer_from({"choices": [{"message": {"content": None, "tool_calls": [call, 7, {}]}}]}, asked_model="x")
    assert [(c.id, c.name, c.arguments) for c in answer.tool_calls] == [
        ("get_weather_0", "get_weather", "{}"),
        ("",) * 3,
    ]
    assert answer.content == "" and answer.usage is None and answer.reasoning is None


@pytest.mark.parametrize("payload", [None, [], {}, {"choices": []}, {"choices": [7]}, {"choices": {}}, {"data": []}])
def test_an_answer_without_a_choice(payload: object) -> None:
    with pytest.raises(NotJsonError, match="no choice"):
        answer_from(payload, asked_model="x")


@pytest.mark.parametrize(
    ("raw", "cost"),
    [
        ({"cost": 0.0000205}, "0.0000205"),
        ({"cost": "0.1"}, "0.1"),
        ({"cost": True}, None),
        ({"cost": "1e999999"}, None),
        ({"cost": "NaN"}, None),
        ({"cost": "Infinity"}, None),
        ({"cost": []}, None),
    ],
)
def test_a_reported_cost(raw: dict[str, Any], cost: str | None) -> None:
    usage = usage_from(raw)
    assert usage is not None and usage.reported_cost == (None if cost is None else Money.of(cost, "USD"))


def test_aimlapis_cost_stands_beside_the_usage() -> None:
    payload = {"choices": [{"delta": {}}], "meta": {"usage": {"credits_used": 10201, "usd_spent": 0.0051005}}}
    chunk = chunk_from(payload)
    assert chunk.usage is not None and str(chunk.usage.reported_cost) == "0.0051005 USD"


@pytest.mark.parametrize("count", [-1, "7", 7.0, None, True, [7]])
def test_what_is_no_count_counts_nothing(count: object) -> None:
    assert usage_from({"prompt_tokens": count, "prompt_tokens_details": count}) == Usage()


def test_odd_chunks_add_nothing() -> None:
    odd = {"id": 7, "model": [], "choices": [{"delta": {"content": 7, "tool_calls": "x"}, "finish_reason": {}}]}
    chunk = chunk_from(odd)
    assert (chunk.content, chunk.tool_calls, chunk.finish_reason, chunk.id, chunk.model) == ("", (), None, None, None)
