"""What the ledger adds up to, in every grouping, equals the sum of its lines."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from moongate.errors import UsageError
from moongate.facts.money import Money
from moongate.gateway.books import Books
from moongate.gateway.desk import Desk
from moongate.gateway.journal import Line, framed
from moongate.gateway.limits import Limits
from moongate.gateway.usage import By, groups_from

DAY_S = 86_400.0


def line(number: int) -> Line:
    ada = number % 2 == 0
    owner, currency = (1, "USD") if ada else (2, "CNY")
    return Line(
        number % 3 * DAY_S, owner, owner, str(number), "m" if number % 4 else "", "asked", "p", number, 1, 0, 0,
        number or None, currency, "b", number, "ok" if number else "server", 200, number % 3, 0,
    )  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path / "gateway.sqlite3", clock=lambda: 0.0) as desk:
        desk.create_account("ada", Money.of(1, "USD"))
        desk.create_account("bob", Money.of(1, "CNY"))
        desk.create_key("ada", "", Limits(tags=("ci", "night")))
        desk.create_key("bob")
        with contextlib.closing(Books(desk.path)) as books:
            journal = books.next_journal()
            for number in range(12):
                journal.append(framed(msgspec.json.encode(line(number))))
        yield desk


@pytest.mark.parametrize("by", ["day", "provider", "model", "key", "account"])
def test_every_grouping_adds_up_to_the_same(desk: Desk, by: By) -> None:
    rows = desk.used((by,))
    assert sum(row.cost_nano for row in rows) == sum(range(12))
    assert sum(row.counts["calls"] for row in rows) == 12
    assert sum(row.counts["prompt_tokens"] for row in rows) == sum(range(12))
    assert {row.currency for row in rows} == {"USD", "CNY"}  # never added up together


def test_a_call_counts_for_each_of_its_tags(desk: Desk) -> None:
    rows = {row.group["tag"]: row for row in desk.used(("tag",))}
    assert rows.keys() == {"ci", "night", ""}
    assert rows["ci"].cost_nano == rows["night"].cost_nano == sum(range(0, 12, 2))


def test_failed_and_unpriced_calls_are_told_apart(desk: Desk) -> None:
    (first, *_) = desk.used(("day", "account"))
    assert first.group == {"day": "1970-01-01", "account": "ada"}
    assert (first.counts["failed"], first.counts["unpriced"], first.counts["calls"]) == (1, 1, 2)
    assert first.document["mean_latency_ms"] == 3


def test_usage_since_a_moment_begins_with_its_day(desk: Desk) -> None:
    assert [row.group["day"] for row in desk.used(("day",), since=1.5 * DAY_S) if row.currency == "USD"] == [
        time.strftime("%Y-%m-%d", time.gmtime(number * DAY_S)) for number in (1, 2)
    ]


def test_groups_are_named_between_commas() -> None:
    assert groups_from("model, day") == ("day", "model")
    for text in ("", "days", "day,day", "day,"):
        with pytest.raises(UsageError, match="cannot be told by"):
            groups_from(text)
