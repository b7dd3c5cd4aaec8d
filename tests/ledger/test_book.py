"""The ledger's lines: kept as written."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from moongate.facts.chat import Usage
from moongate.facts.money import Money
from moongate.ledger import book
from moongate.ledger.entry import Entry
from moongate.store.sqlite import open_database


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(tmp_path / "a.sqlite3")) as opened:
        yield opened


def entry(number: int, *, account: int = 1, at: float = 0.0, cost: int | None = 5) -> Entry:
    return Entry(
        at=at,
        account_id=account,
        key_id=account,
        request_id=f"r{number}",
        model="kimi-k2.6",
        asked_model="kimi-k2.6",
        provider="moonshot",
        usage=Usage(prompt_tokens=10, completion_tokens=3, cached_tokens=2, reasoning_tokens=1),
        cost_nano=cost,
        currency="USD",
        price_basis="list price",
        latency_ms=12,
        outcome="ok",
        status=200,
    )


def add(connection: sqlite3.Connection, entry: Entry) -> None:
    fields = dataclasses.asdict(entry)
    tokens = fields.pop("usage")
    del tokens["reported_cost"]
    fields |= tokens
    names = ", ".join(fields)
    marks = ", ".join(f":{name}" for name in fields)
    connection.execute(f"INSERT INTO ledger ({names}) VALUES ({marks})", fields)  # noqa: S608 - our own names


def test_a_line_comes_back_as_it_was_written(connection: sqlite3.Connection) -> None:
    add(connection, entry(1))
    (line,) = book.entries(connection)
    assert line == entry(1)
    assert line.cost == Money(nano=5, currency="USD")


def test_lines_of_one_account_and_since_a_time(connection: sqlite3.Connection) -> None:
    for line in (entry(1), entry(2, account=2), entry(3, at=100.0, cost=None)):
        add(connection, line)
    assert [line.request_id for line in book.entries(connection, account_id=1)] == ["r1", "r3"]
    (late,) = book.entries(connection, since=50.0)
    assert late.cost is None
