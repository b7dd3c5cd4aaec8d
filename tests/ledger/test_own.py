"""The ledger of one's own calls: added up by day and kind, and jobs' sums in it once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from moongate.facts.chat import Answer, Cost, Usage
from moongate.facts.money import Money
from moongate.ledger.own import Batched, OwnLedger

LINE = Batched(
    at=86_400.0,
    kind="batch",
    model="kimi-k2.6",
    asked_model="kimi-k2.6",
    provider="moonshot",
    calls=100,
    prompt_tokens=1000,
    completion_tokens=300,
    cached_tokens=200,
    cost_nano=7_000,
    currency="USD",
    price_basis="list price; a batch costs 60% of it",
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[OwnLedger]:
    with OwnLedger(tmp_path / "own.sqlite3") as ledger:
        yield ledger


def test_spent_by_day_kind_model_and_provider(ledger: OwnLedger) -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=3)
    cost = Cost(money=Money(nano=5, currency="USD"), basis="list price")
    answer = Answer(
        id="a", model="kimi-k2.6", asked_model="kimi-k2.6", content="", finish_reason="stop", usage=usage, cost=cost
    )
    for at in (0.0, 1.0, 86_400.0):
        ledger.add(answer, provider="moonshot", at=at)
    assert ledger.post([LINE], since=ledger.posted("words-1", 1.5), seq=8)
    told = [(line.day, line.kind, line.calls, line.prompt_tokens, line.cost_nano) for line in ledger.spent()]
    assert told == [
        ("1970-01-01", "chat", 2, 20, 10),
        ("1970-01-02", "batch", 100, 1000, 7_000),
        ("1970-01-02", "chat", 1, 10, 5),
    ]
    assert [line.kind for line in ledger.spent(since=2.0)] == ["batch", "chat"]


def test_a_journal_is_read_on_from_where_it_was_left_and_nothing_counts_twice(ledger: OwnLedger) -> None:
    start = ledger.posted("words-1", 1.5)
    assert start.seq == 0 and ledger.post([LINE], since=start, seq=8)
    assert not ledger.post([LINE], since=start, seq=8)  # another process was quicker
    assert ledger.posted("words-1", 1.5).seq == 8
    assert ledger.post([replace(LINE, calls=1, cost_nano=None)], since=ledger.posted("words-1", 1.5), seq=9)
    assert ledger.posted("words-1", 2.5).seq == 0  # a job of that name that was started over
    (line,) = {line.kind: line for line in ledger.spent()}.values()
    assert line.cost_nano in (0, 7_000) and sum(line.calls for line in ledger.spent()) == 101
