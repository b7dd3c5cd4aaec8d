"""Operations as values: what is sent, and how each answer is read."""

from __future__ import annotations

import json

import pytest

from moongate.errors import (
    InsufficientBalanceError,
    MoongateError,
    NotJsonError,
    NotOfferedError,
    ServerError,
    UsageError,
)
from moongate.facts.providers import built_in
from moongate.wire import calls
from moongate.wire.replies import Reply

ROWS = built_in()
HELLO = [{"role": "user", "content": "hi"}]


def _reply(body: object) -> Reply:
    return Reply(status=200, body=body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize(
    ("provider", "has_key", "url", "with_key"),
    [
        ("moonshot", True, "https://api.moonshot.ai/v1/models", True),
        ("openrouter", False, "https://openrouter.ai/api/v1/models", False),
        ("openrouter", True, "https://openrouter.ai/api/v1/models/user", True),
        ("aimlapi", True, "https://api.aimlapi.com/v1/models?include=pricing", False),
        ("kimi-code", True, "https://api.kimi.com/coding/v1/models", True),
    ],
)
def test_the_list(provider: str, has_key: bool, url: str, with_key: bool) -> None:
    call = calls.list_body(ROWS[provider], has_key=has_key)
    assert (call.method, call.url, call.with_key, call.repeatable) == ("GET", url, with_key, True)


def test_a_chat_is_never_repeatable() -> None:
    body = calls.chat_body(model="kimi-k2.6", messages=HELLO, stream=True, extra={"max_tokens": 9})
    call = calls.chat(ROWS["moonshot"], body, model="kimi-k2.6")
    assert not call.repeatable and call.model == "kimi-k2.6" and call.body == body
    assert json.loads(body) == {
        "model": "kimi-k2.6",
        "messages": HELLO,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 9,
    }


@pytest.mark.parametrize("message", [object(), {"content": 1j}, {"content": lambda: 0}])
def test_what_json_cannot_hold(message: object) -> None:
    with pytest.raises(UsageError):
        calls.chat_body(model="x", messages=[message])  # type: ignore[list-item]
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(UsageError):
        calls.chat_body(model="x", messages=deep)  # type: ignore[arg-type]


MOONSHOT = {"code": 0, "data": {"available_balance": 49.58894, "voucher_balance": 46.58893, "cash_balance": 3.00001}}
OWED = {"data": {"available_balance": 46.58893, "voucher_balance": 46.58893, "cash_balance": -1.5}}


@pytest.mark.parametrize(
    ("provider", "body", "available", "unlimited", "cash"),
    [
        ("moonshot", MOONSHOT, "49.58894 USD", False, "3.00001 USD"),
        ("moonshot-cn", MOONSHOT, "49.58894 CNY", False, "3.00001 CNY"),
        ("moonshot", OWED, "46.58893 USD", False, "-1.5 USD"),
        ("openrouter", {"data": {"limit_remaining": 74.5, "limit": 100}}, "74.5 USD", False, "None"),
        ("openrouter", {"data": {"limit_remaining": None}}, "None", True, "None"),
        ("aimlapi", {"current_balance": 123.45, "currency": "USD"}, "123.45 USD", False, "None"),
    ],
)
def test_balances(provider: str, body: object, available: str, unlimited: bool, cash: str) -> None:
    balance = calls.balance(ROWS[provider]).decode(_reply(body))
    assert (str(balance.available), balance.unlimited, str(balance.cash)) == (available, unlimited, cash)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"data":{}}',
        b"\xff",
        b'{"data":{"available_balance":"NaN","voucher_balance":0,"cash_balance":0}}',
        b'{"data":{"available_balance":"1e999999","voucher_balance":0,"cash_balance":0}}',
    ],
)
def test_a_balance_of_no_known_shape(body: bytes) -> None:
    with pytest.raises(NotJsonError, match="balance"):
        calls.balance(ROWS["moonshot"]).decode(_reply(body))


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"total_tokens": 80}},
        {"code": 0, "data": {"total_tokens": 80}, "status": True},
        {"input_tokens": 80, "object": "response.input_tokens"},
    ],
)
def test_token_counts(body: object) -> None:
    assert calls.estimate(ROWS["moonshot"], model="kimi-k2.6", messages=HELLO).decode(_reply(body)) == 80


@pytest.mark.parametrize("body", [[], {}, {"data": {"total_tokens": "80"}}, {"data": {"total_tokens": True}}])
def test_no_token_count(body: object) -> None:
    with pytest.raises(NotJsonError):
        calls.estimate(ROWS["moonshot"], model="kimi-k2.6", messages=HELLO).decode(_reply(body))


def test_what_a_provider_does_not_have() -> None:
    with pytest.raises(NotOfferedError, match="Kimi Code"):
        calls.balance(ROWS["kimi-code"])
    with pytest.raises(NotOfferedError, match="OpenRouter"):
        calls.estimate(ROWS["openrouter"], model="x", messages=HELLO)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"code": 502, "message": "Provider returned error"}}, ServerError),
        ({"error": {"code": 402, "message": "Insufficient credits."}, "choices": []}, InsufficientBalanceError),
        ({"choices": [{"message": {"content": "half"}, "error": {"code": 502, "message": "x"}}]}, ServerError),
    ],
)
def test_an_error_with_status_200(body: object, kind: type[MoongateError]) -> None:
    with pytest.raises(kind):
        calls.chat(ROWS["openrouter"], b"{}", model="moonshotai/kimi-k2.6").decode(_reply(body))
