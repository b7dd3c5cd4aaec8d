"""Chat: what is said, how it is cut, counted, cached and charged."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from moongate.testing import Account, Answer, FixedClock, MoonshotServer, Readings, ToolCall

Ask = Callable[..., Any]
Body = Callable[..., dict[str, object]]


def test_a_plain_answer(ask: Ask, body: Body) -> None:
    with MoonshotServer(clock=FixedClock(1784330782.0)) as server:
        answer = ask(server, "POST", "/chat/completions", body("say hi"))
    value = answer.json()
    assert re.fullmatch(r"chatcmpl-6a5aba1e[0-9a-f]{16}", value.pop("id"))
    assert value == {
        "object": "chat.completion",
        "created": 1784330782,
        "model": "kimi-k2.6",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "say hi",
                    "reasoning_content": "The user wrote something; I answer it.",
                },
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 12,
            "total_tokens": 15,
            "completion_tokens_details": {"reasoning_tokens": 10},
        },
    }
    assert answer.headers["msh-request-id"]


def test_without_thinking_there_is_no_reasoning(server: MoonshotServer, ask: Ask, body: Body) -> None:
    value = ask(server, "POST", "/chat/completions", body(thinking={"type": "disabled"})).json()
    assert "reasoning_content" not in value["choices"][0]["message"]
    assert "completion_tokens_details" not in value["usage"]


def test_too_few_tokens_leave_only_reasoning(server: MoonshotServer, ask: Ask, body: Body) -> None:
    for field in ("max_tokens", "max_completion_tokens"):
        choice = ask(server, "POST", "/chat/completions", body(**{field: 3})).json()["choices"][0]
        assert choice["finish_reason"] == "length"
        assert choice["message"]["content"] == ""
        assert choice["message"]["reasoning_content"] == "The user wro"


def test_a_cut_never_splits_a_character(server: MoonshotServer, ask: Ask, body: Body) -> None:
    asked = body("月月月", max_tokens=1, thinking={"type": "disabled"})
    choice = ask(server, "POST", "/chat/completions", asked).json()["choices"][0]
    assert choice["message"]["content"] == "月"


def test_stop_words_end_the_answer(server: MoonshotServer, ask: Ask, body: Body) -> None:
    choice = ask(server, "POST", "/chat/completions", body("one two three", stop=["three", " two"])).json()
    assert choice["choices"][0]["message"]["content"] == "one"


def test_json_mode_echoes_json(server: MoonshotServer, ask: Ask, body: Body) -> None:
    asked = body("hi", response_format={"type": "json_object"})
    value = ask(server, "POST", "/chat/completions", asked).json()
    assert value["choices"][0]["message"]["content"] == '{"echo":"hi"}'


@pytest.mark.parametrize(("style", "expected"), [("_", "get_weather_0"), (":", "get_weather:0")])
def test_tool_calls(ask: Ask, body: Body, style: Any, expected: str) -> None:
    answer = Answer(tool_calls=(ToolCall(name="get_weather", arguments={"city": "Paris"}),))
    with MoonshotServer(replies=[answer], readings=Readings(tool_call_id_style=style)) as server:
        choice = ask(server, "POST", "/chat/completions", body()).json()["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == ""
    assert choice["message"]["tool_calls"] == [
        {
            "index": 0,
            "id": expected,
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
        }
    ]


def test_a_repeated_prompt_is_cached_in_units(server: MoonshotServer, ask: Ask, body: Body) -> None:
    long = body("x" * 3000)
    first, second = (ask(server, "POST", "/chat/completions", long).json()["usage"] for _ in range(2))
    assert "cached_tokens" not in first and "prompt_tokens_details" not in first
    assert first["prompt_tokens"] == second["prompt_tokens"]
    assert second["cached_tokens"] == second["prompt_tokens_details"]["cached_tokens"] == 512


def test_the_cache_belongs_to_an_account(server: MoonshotServer, ask: Ask, body: Body) -> None:
    other = server.accounts.add(Account())
    ask(server, "POST", "/chat/completions", body("x" * 3000))
    usage = ask(server, "POST", "/chat/completions", body("x" * 3000), key=other.key).json()["usage"]
    assert "cached_tokens" not in usage


@pytest.mark.parametrize(("mode", "same", "longer"), [("whole", 752, None), ("off", None, None)])
def test_other_readings_of_the_cache(ask: Ask, body: Body, mode: Any, same: int, longer: int) -> None:
    with MoonshotServer(readings=Readings(cache=mode)) as server:
        texts = ["x" * 3000, "x" * 3000, "x" * 3001]
        used = [ask(server, "POST", "/chat/completions", body(text)).json()["usage"] for text in texts]
    assert [usage.get("cached_tokens") for usage in used] == [None, same, longer]


def test_calls_are_charged_at_list_price(server: MoonshotServer, ask: Ask, body: Body) -> None:
    before = server.accounts.default.available
    usage = ask(server, "POST", "/chat/completions", body("x" * 400)).json()["usage"]
    due = Decimal(usage["prompt_tokens"]) * Decimal("0.95") + usage["completion_tokens"] * Decimal("4.00")
    assert before - server.accounts.default.available == due / 1_000_000
    assert server.accounts.default.spent == due / 1_000_000


def test_the_chinese_platform_charges_yuan(ask: Ask, body: Body) -> None:
    with MoonshotServer(region="cn") as server:
        usage = ask(server, "POST", "/chat/completions", body()).json()["usage"]
        spent = server.accounts.default.spent
    assert spent == (usage["prompt_tokens"] * Decimal("6.50") + usage["completion_tokens"] * 27) / 1_000_000


def test_no_money_gets_429(server: MoonshotServer, ask: Ask, body: Body) -> None:
    account = server.accounts.default
    account.voucher, account.cash = Decimal(0), Decimal("-1")
    owed = ask(server, "POST", "/chat/completions", body())
    account.cash = Decimal(0)
    empty = ask(server, "POST", "/chat/completions", body())
    assert owed.status == empty.status == 429
    assert owed.json()["error"]["type"] == empty.json()["error"]["type"] == "exceeded_current_quota_error"
    assert owed.message == (
        f"Your account {account.org}<{account.ak}> is suspended due to insufficient balance, "
        "please recharge your account or check your plan and billing details"
    )
    assert empty.message == (
        f"You exceeded your current token quota: <{account.org}> 0, please check your account balance"
    )


def test_other_readings_of_money_keys_and_lengths(ask: Ask, body: Body) -> None:
    poor = Account(cash=Decimal(0), voucher=Decimal(0))
    read = Readings(no_money=403, wrong_key="incorrect_api_key_error", max_tokens="ignored", k2_temperature="free")
    with MoonshotServer(accounts=[poor], readings=read) as server:
        refused = ask(server, "POST", "/chat/completions", body())
        assert (refused.status, "insufficient balance" in refused.message) == (403, True)
        wrong = ask(server, "GET", "/models", key="sk-nobody")
        assert (wrong.status, wrong.json()["error"]["type"]) == (401, "incorrect_api_key_error")
        poor.cash = Decimal(1)
        whole = ask(server, "POST", "/chat/completions", body("x" * 400, max_tokens=3, temperature=0.3)).json()
        assert whole["choices"][0]["finish_reason"] == "stop"
        cut = ask(server, "POST", "/chat/completions", body("x" * 400, max_completion_tokens=3)).json()
        assert cut["choices"][0]["finish_reason"] == "length"
        assert ask(server, "POST", "/chat/completions", body(model="kimi-k3", temperature=0.3)).status == 400


def test_the_estimate_is_the_prompt(server: MoonshotServer, ask: Ask, body: Body) -> None:
    estimate = ask(server, "POST", "/tokenizers/estimate-token-count", body("héllo world"))
    usage = ask(server, "POST", "/chat/completions", body("héllo world")).json()["usage"]
    assert estimate.json() == {"data": {"total_tokens": usage["prompt_tokens"]}}


def test_the_estimate_judges_too(ask: Ask, body: Body) -> None:
    with MoonshotServer(readings=Readings(estimate_wrapped=True)) as server:
        path = "/tokenizers/estimate-token-count"
        assert ask(server, "POST", path, body()).json()["status"] is True
        assert ask(server, "POST", path, body(model="nope")).status == 404
        assert ask(server, "POST", path, body(messages=[])).status == 400
        assert ask(server, "POST", path, b"{").status == 400
