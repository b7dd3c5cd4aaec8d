"""Accounts, keys and money in a real file: what the command line and the gateway do at the desk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from moongate.errors import UsageError
from moongate.facts.money import Money
from moongate.gateway.books import Books
from moongate.gateway.callers import Callers
from moongate.gateway.desk import Desk
from moongate.gateway.journal import Line, framed
from moongate.gateway.keys import KeyRow


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path / "gateway.sqlite3", clock=lambda: 1000.0) as opened:
        yield opened


def usd(amount: str) -> Money:
    return Money.of(amount, "USD")


def line(key: KeyRow, cost: int | None) -> Line:
    return Line(
        1000.0, key.account_id, key.id, "r1", "m", "m", "p", 0, 0, 0, 0, cost, "USD", "b", 1, "ok", 200, 0, 0,
    )  # fmt: skip


def opens(desk: Desk, secret: str) -> bool:
    with contextlib.closing(Callers(desk.path)) as callers:
        callers.look()
        return sha256(secret.encode()).digest() in callers.by_digest


def test_accounts_are_made_listed_and_topped_up(desk: Desk) -> None:
    made = desk.create_account("ada", usd("1.5"))
    assert (made.name, made.balance, made.created_at) == ("ada", usd("1.5"), "1970-01-01T00:16:40Z")
    assert desk.top_up("ada", usd("0.25")).balance == usd("1.75")
    assert [account.name for account in desk.accounts()] == ["ada"]


def test_what_cannot_be_an_account_is_refused_with_advice(desk: Desk) -> None:
    desk.create_account("ada", usd("0"))
    refused = [
        lambda: desk.create_account("ada", usd("0")),
        lambda: desk.create_account(" ", usd("0")),
        lambda: desk.create_account("bob", Money.of(0, "usd")),
        lambda: desk.top_up("ada", Money.of(1, "CNY")),
        lambda: desk.top_up("ada", usd("0")),
        lambda: desk.top_up("eve", usd("1")),
        lambda: desk.create_key("eve", "x"),
        lambda: desk.keys("eve"),
    ]
    for call in refused:
        with pytest.raises(UsageError) as raised:
            call()
        assert raised.value.advice
    with pytest.raises(UsageError, match="more than an account can hold"):
        desk.top_up("ada", usd("99999999999"))
    assert desk.account("ada").balance == usd("0")


def test_a_key_is_shown_once_and_kept_as_a_hash(desk: Desk) -> None:
    desk.create_account("ada", usd("1"))
    key, secret = desk.create_key("ada", "laptop")
    assert secret.startswith("sk-mg-")
    assert len(secret) >= len("sk-mg-") + 43  # 256 bits
    assert secret.startswith(key.prefix)
    assert opens(desk, secret)
    assert not opens(desk, secret + "x")
    files = b"".join(file.read_bytes() for file in desk.path.parent.glob("gateway*"))
    assert secret.encode() not in files
    assert secret[len(key.prefix) :].encode() not in files


def test_keys_are_rotated_and_revoked_by_id_or_prefix(desk: Desk) -> None:
    desk.create_account("ada", usd("1"))
    first, secret = desk.create_key("ada", "laptop")
    second, new_secret = desk.rotate(first.prefix)
    assert (second.id, second.account, second.name) == (first.id, "ada", "laptop")
    assert (second.rotated_at, second.prefix) == ("1970-01-01T00:16:40Z", new_secret[: len(second.prefix)])
    assert not opens(desk, secret)
    assert opens(desk, new_secret)
    assert desk.has_keys()
    assert not desk.revoke(str(second.id)).active
    assert not desk.has_keys()
    assert [key.active for key in desk.keys("ada")] == [False]


def test_a_key_that_is_not_meant_clearly_is_refused_without_repeating_a_secret(desk: Desk) -> None:
    desk.create_account("ada", usd("1"))
    _, secret = desk.create_key("ada")
    desk.create_key("ada")
    with pytest.raises(UsageError, match="may be any of the keys 1, 2"):
        desk.revoke("sk-mg-")
    for unknown in ("", "77", "sk-mg-\N{SNOWMAN}"):
        with pytest.raises(UsageError, match="no key"):
            desk.revoke(unknown)
    desk.revoke(secret)
    with pytest.raises(UsageError, match="revoked already") as raised:
        desk.revoke(secret)
    assert secret not in str(raised.value)


def test_a_call_without_price_is_written_and_takes_nothing(desk: Desk) -> None:
    desk.create_account("ada", Money(nano=100, currency="USD"))
    key, _ = desk.create_key("ada")
    with contextlib.closing(Books(desk.path)) as books:
        books.next_journal().append(framed(msgspec.json.encode(line(key, None))))
    assert desk.account("ada").balance.nano == 100
    assert desk.entries("ada")[0].cost is None
    assert desk.used()[0].document == {
        "day": "1970-01-01", "provider": "p", "model": "m", "calls": 1, "failed": 0, "unpriced": 1,
        "prompt_tokens": 0, "completion_tokens": 0, "cached_tokens": 0, "reasoning_tokens": 0,
        "cost": "0", "currency": "USD", "mean_latency_ms": 1,
    }  # fmt: skip
