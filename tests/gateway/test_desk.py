"""Accounts, keys and money in a real file: what the command line and the gateway do at the desk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moongate.errors import UsageError
from moongate.facts.chat import Usage
from moongate.facts.money import Money
from moongate.gateway.accounts import Intent
from moongate.gateway.desk import Desk
from moongate.gateway.keys import KeyRow
from moongate.ledger.entry import Entry


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path / "gateway.sqlite3", clock=lambda: 1000.0) as opened:
        yield opened


def usd(amount: str) -> Money:
    return Money.of(amount, "USD")


def intent(key: KeyRow, number: int, worst: int) -> Intent:
    return Intent(
        at=1000.0,
        account_id=key.account_id,
        key_id=key.id,
        request_id=f"r{number}",
        asked_model="m",
        provider="p",
        worst_nano=worst,
    )


def entry(key: KeyRow, number: int, cost: int | None) -> Entry:
    return Entry(
        at=1000.0,
        account_id=key.account_id,
        key_id=key.id,
        request_id=f"r{number}",
        model="m",
        asked_model="m",
        provider="p",
        usage=Usage(),
        cost_nano=cost,
        currency="USD",
        price_basis="b",
        latency_ms=1,
        outcome="ok",
        status=200,
    )


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
    assert desk.holder(secret) == key
    assert desk.holder(secret + "x") is None
    files = b"".join(file.read_bytes() for file in desk.path.parent.glob("gateway*"))
    assert secret.encode() not in files
    assert secret[len(key.prefix) :].encode() not in files


def test_keys_are_rotated_and_revoked_by_id_or_prefix(desk: Desk) -> None:
    desk.create_account("ada", usd("1"))
    first, secret = desk.create_key("ada", "laptop")
    second, new_secret = desk.rotate(first.prefix)
    assert (second.id, second.account, second.name) == (first.id, "ada", "laptop")
    assert (second.rotated_at, second.prefix) == ("1970-01-01T00:16:40Z", new_secret[: len(second.prefix)])
    assert desk.holder(secret) is None
    assert desk.holder(new_secret) == second
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


def test_a_reservation_takes_the_worst_case(desk: Desk) -> None:
    desk.create_account("ada", Money(nano=100, currency="USD"))
    key, _ = desk.create_key("ada")
    assert desk.reserve(intent(key, 1, 70)).reserved_nano == 70
    refused = desk.reserve(intent(key, 2, 70))
    assert (refused.balance_nano, refused.held_nano, refused.reserved_nano) == (100, 70, None)
    assert desk.reserve(intent(key, 3, 30)).reserved_nano == 30
    desk.settle(entry(key, 1, 20), "USD")
    assert desk.reserve(intent(key, 4, 50)).reserved_nano == 50
    assert desk.reserve(intent(key, 5, 1)).reserved_nano is None
    assert desk.account("ada").balance.nano == 80


def test_only_a_call_that_is_alone_can_overdraw_and_then_none_begins(desk: Desk) -> None:
    desk.create_account("ada", Money(nano=100, currency="USD"))
    key, _ = desk.create_key("ada")
    desk.reserve(intent(key, 1, 10))
    assert desk.reserve(intent(key, 2, 150)).reserved_nano is None  # not covered, and not alone
    desk.settle(entry(key, 1, 0), "USD")
    assert desk.reserve(intent(key, 3, 150)).reserved_nano == 100
    assert desk.reserve(intent(key, 4, 1)).reserved_nano is None
    desk.settle(entry(key, 3, 150), "USD")
    assert desk.account("ada").balance.nano == -50
    assert desk.reserve(intent(key, 5, 0)).reserved_nano is None


def test_a_call_without_price_is_written_and_takes_nothing(desk: Desk) -> None:
    desk.create_account("ada", Money(nano=100, currency="USD"))
    key, _ = desk.create_key("ada")
    desk.settle(entry(key, 1, None), "USD")
    assert desk.account("ada").balance.nano == 100
    assert desk.entries("ada")[0].cost is None
    assert desk.used()[0].document == {
        "day": "1970-01-01", "provider": "p", "model": "m", "calls": 1, "failed": 0, "unpriced": 1,
        "prompt_tokens": 0, "completion_tokens": 0, "cached_tokens": 0, "reasoning_tokens": 0,
        "cost": "0", "currency": "USD", "mean_latency_ms": 1,
    }  # fmt: skip


def test_what_a_dead_gateway_had_set_aside_is_written_off(desk: Desk) -> None:
    desk.create_account("ada", Money(nano=100, currency="USD"))
    key, _ = desk.create_key("ada")
    desk.reserve(intent(key, 1, 100))
    assert desk.write_off() == 1
    assert desk.write_off() == 0
    (line,) = desk.entries()
    assert (line.outcome, line.cost_nano, line.request_id) == ("lost", 0, "r1")
    assert desk.reserve(intent(key, 2, 100)).reserved_nano == 100
