"""The operations of the API as values: what to send, and how to read what comes back.

A `Call` holds bytes, not a connection; who sends it, and how often, is decided elsewhere (`retry`, `transport`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, BinaryIO, Generic, TypeVar

import msgspec

from moongate.errors import NotJsonError, NotOfferedError, UsageError
from moongate.facts.chat import Answer, Message
from moongate.facts.money import Balance, Money
from moongate.facts.providers import Provider
from moongate.wire.fold import answer_from
from moongate.wire.replies import Reply, decode, error_in_event

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A body too large for memory: `head`, then `size` bytes from what `open` returns, then `tail`.

    Opening and reading are the door's; `progress` is told (bytes read, size) as it goes.
    """

    head: bytes
    tail: bytes
    size: int
    open: Callable[[], BinaryIO]
    progress: Callable[[int, int], None] | None = None

    @property
    def length(self) -> int:
        """The length of the whole body in bytes."""
        return len(self.head) + self.size + len(self.tail)


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """One request to an endpoint.

    `repeatable` says that sending it twice does no harm and costs nothing; a chat is not repeatable, because a call
    whose answer was lost may have been charged. `model` is the id named in the body, for messages.
    """

    method: str
    url: str
    decode: Callable[[Reply], T]
    body: bytes | None = None
    upload: Upload | None = None  # instead of `body`
    headers: Mapping[str, str] = field(default_factory=dict)
    with_key: bool = True
    repeatable: bool = True
    model: str | None = None
    max_reply_bytes: int = 64 * 1024 * 1024

    @property
    def name(self) -> str:
        """The request line, as evidence shows it."""
        return f"{self.method} {self.url}"


def list_body(row: Provider, *, has_key: bool) -> Call[bytes]:
    """The live list, as bytes: the catalog keeps them beside what they say (`wire.listing` reads them).

    With a key, OpenRouter's `/models/user` answers with what that key may use.
    """
    path = row.list_keyed if has_key and row.list_keyed else row.list
    return Call(
        method="GET",
        url=row.url(path),
        decode=lambda reply: reply.body,
        with_key=has_key and row.list_auth != "none",
        max_reply_bytes=32 * 1024 * 1024,
    )


def chat_fields(
    *, model: str, messages: Sequence[Message], stream: bool = False, extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the fields of a chat request.

    A stream asks for its usage in the last chunk: without `include_usage` some endpoints report none.
    """
    fields: dict[str, Any] = {"model": model, "messages": list(messages)}
    if stream:
        fields |= {"stream": True, "stream_options": {"include_usage": True}}
    return fields | dict(extra or {})


def encoded(fields: Mapping[str, Any]) -> bytes:
    """Return the bytes of a request body. Raises UsageError for what JSON cannot hold."""
    try:
        return msgspec.json.encode(fields)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"The request cannot be written as JSON: {error}.") from error


def chat_body(
    *, model: str, messages: Sequence[Message], stream: bool = False, extra: Mapping[str, Any] | None = None
) -> bytes:
    """Return the bytes of a chat request. Raises UsageError for what JSON cannot hold."""
    return encoded(chat_fields(model=model, messages=messages, stream=stream, extra=extra))


def chat(row: Provider, body: bytes, *, model: str) -> Call[Answer]:
    """A chat, whose answer comes in one piece or, when the body says so, as a stream. `body` has passed the guard."""
    return Call(
        method="POST",
        url=row.url("/chat/completions"),
        body=body,
        headers={"content-type": "application/json", "accept": "application/json, text/event-stream"},
        decode=lambda reply: _answer(reply, row, model),
        repeatable=False,
        model=model,
    )


def _answer(reply: Reply, row: Provider, model: str) -> Answer:
    """Read an answer; OpenRouter reports a host that failed with status 200 (its documentation, 2026-08-22)."""
    payload = decode(reply.body, what="The answer")
    choices = payload.get("choices") if isinstance(payload, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else payload
    if isinstance(first, dict) and first.get("error"):
        raise error_in_event(first, row, model=model)
    return answer_from(payload, asked_model=model)


def balance(row: Provider) -> Call[Balance]:
    """The account's money. Raises NotOfferedError where the provider has no such call."""
    if row.balance is None:
        raise NotOfferedError(f"{row.title} has no balance to ask for.", advice="Look into its console.")
    return Call(method="GET", url=row.url(row.balance), decode=lambda reply: _balance(reply, row))


def estimate(row: Provider, *, model: str, messages: Sequence[Message]) -> Call[int]:
    """How many tokens a prompt has, counted by the provider. Raises NotOfferedError where it does not count."""
    if row.estimate is None:
        raise NotOfferedError(f"{row.title} does not count tokens in advance.")
    return Call(
        method="POST",
        url=row.url(row.estimate),
        body=chat_body(model=model, messages=messages),
        headers={"content-type": "application/json"},
        decode=_estimate,
        model=model,
    )


def _estimate(reply: Reply) -> int:
    """Read Moonshot's `{"data": {"total_tokens": 80}}`, however wrapped, or llama.cpp's `input_tokens`."""
    payload = decode(reply.body, what="The token count")
    if not isinstance(payload, dict):
        payload = {}
    data = payload.get("data")
    total = data.get("total_tokens") if isinstance(data, dict) else payload.get("input_tokens")
    if type(total) is not int:
        raise NotJsonError("The token count holds no number of tokens.")
    return total


class _MoonshotAmounts(msgspec.Struct):
    available_balance: Decimal
    voucher_balance: Decimal
    cash_balance: Decimal


class _MoonshotBalance(msgspec.Struct):
    """Numbers in the region's currency, which the body does not name (OpenAPI document of 2026-08-17)."""

    data: _MoonshotAmounts

    def balance(self, row: Provider) -> Balance:
        currency, data = row.currency or "USD", self.data
        return Balance(
            provider=row.name,
            currency=currency,
            available=Money.of(data.available_balance, currency),
            cash=Money.of(data.cash_balance, currency),
            voucher=Money.of(data.voucher_balance, currency),
        )


class _OpenRouterKey(msgspec.Struct):
    limit_remaining: Decimal | None


class _OpenRouterBalance(msgspec.Struct):
    """What the key may still spend, in US dollars; null means that it has no limit of its own (SDK of 2026-10)."""

    data: _OpenRouterKey

    def balance(self, row: Provider) -> Balance:
        left = self.data.limit_remaining
        available = None if left is None else Money.of(left, "USD")
        return Balance(provider=row.name, currency="USD", available=available, unlimited=left is None)


class _AimlapiBalance(msgspec.Struct):
    """`current_balance` with its own currency (docs.aimlapi.com, 2026-08-21)."""

    current_balance: Decimal
    currency: str = "USD"

    def balance(self, row: Provider) -> Balance:
        available = Money.of(self.current_balance, self.currency)
        return Balance(provider=row.name, currency=self.currency, available=available)


_BALANCES: Mapping[str, type[_MoonshotBalance | _OpenRouterBalance | _AimlapiBalance]] = {
    "moonshot": _MoonshotBalance,
    "openrouter": _OpenRouterBalance,
    "aimlapi": _AimlapiBalance,
    "openai": _MoonshotBalance,
}


def _balance(reply: Reply, row: Provider) -> Balance:
    shape = _BALANCES[row.balance_shape or row.dialect]
    try:
        return msgspec.json.decode(reply.body, type=shape).balance(row)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, ValueError) as error:
        raise NotJsonError(
            f"The balance of {row.host} has an unknown shape.", advice="Check the base url."
        ) from error
