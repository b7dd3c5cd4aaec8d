"""The ledger of somebody's own calls: what was used and what it cost, never what was said.

The command line keeps one; a client keeps none unless it is handed one.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from moongate.facts.chat import Answer, Usage
from moongate.ledger.entry import NO_PRICE
from moongate.store.migrate import migrations
from moongate.store.sqlite import explained, open_database, transaction

Kind = Literal["chat", "batch_run", "batch"]
"""How calls were made: one by one, as lines of a job through chats, or through a provider's batch API."""

FILE_NAME = "ledger.sqlite3"
_ADD = """
INSERT INTO ledger (at, model, asked_model, provider, prompt_tokens, completion_tokens, cached_tokens,
                    reasoning_tokens, cost_nano, currency, price_basis)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ADD_MANY = """
INSERT INTO ledger (job, at, kind, model, asked_model, provider, calls, prompt_tokens, completion_tokens,
                    cached_tokens, reasoning_tokens, cost_nano, currency, price_basis)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)
"""
_POSTED = "SELECT seq FROM posted WHERE job = ? AND opened_at = ?"
_POST = "INSERT INTO posted VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq"
_SPENT = """
SELECT CAST(at / 86400 AS INTEGER) AS day, kind, model, provider, currency, sum(calls) AS calls,
       sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
       sum(coalesce(cost_nano, 0)) AS cost_nano
  FROM ledger WHERE at >= ?
 GROUP BY day, kind, model, provider, currency ORDER BY day, kind, model, provider, currency
"""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What one model took on one day (UTC) at one provider, by one kind of call."""

    day: str  # YYYY-MM-DD
    kind: Kind
    model: str
    provider: str
    currency: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_nano: int


@dataclass(frozen=True, kw_only=True)
class Batched:
    """Answered lines of a job of one day, as one line of the ledger. A cost of None: no price is known."""

    at: float  # when the first of them was written down
    kind: Kind
    model: str
    asked_model: str
    provider: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost_nano: int | None
    currency: str
    price_basis: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How far a job's journal is written down: up to the commit `seq`. Jobs of one name differ by when they began."""

    job: str
    opened_at: float
    seq: int


class OwnLedger:
    """A SQLite file at `path`, made when the first call is written down. Errors come out as StorageError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None

    def add(self, answer: Answer, *, provider: str, at: float) -> None:
        """Write an answered call down; `at` is when it was, in seconds since the epoch."""
        used, cost = answer.usage or Usage(), answer.cost
        money = (cost.money.nano, cost.money.currency, cost.basis) if cost else (None, "", NO_PRICE)
        tokens = (used.prompt_tokens, used.completion_tokens, used.cached_tokens, used.reasoning_tokens)
        with explained(self.path):
            self._opened().execute(_ADD, (at, answer.model, answer.asked_model, provider, *tokens, *money))

    def spent(self, *, since: float = 0.0) -> tuple[Spent, ...]:
        """Return what was used by day (UTC), model and provider; nothing when nothing was written down yet."""
        if self._connection is None and not self.path.exists():
            return ()
        with explained(self.path):
            rows = (dict(row) for row in self._opened().execute(_SPENT, (since,)))
            return tuple(Spent(day=_day(row.pop("day")), **row) for row in rows)

    def posted(self, job: str, opened_at: float) -> Mark:
        """Return how far a job's journal is written down."""
        with explained(self.path):
            row = self._opened().execute(_POSTED, (job, opened_at)).fetchone()
        return Mark(job=job, opened_at=opened_at, seq=int(row[0]) if row else 0)

    def post(self, lines: Iterable[Batched], *, since: Mark, seq: int) -> bool:
        """Write down what a job's journal says between a mark and the commit `seq`, whole or not at all.

        Returns False, and writes nothing, when somebody else went on from that mark meanwhile.
        """
        connection = self._opened()
        with explained(self.path), transaction(connection):
            row = connection.execute(_POSTED, (since.job, since.opened_at)).fetchone()
            if (int(row[0]) if row else 0) != since.seq:
                return False
            connection.executemany(_ADD_MANY, [(since.job, *astuple(line)) for line in lines])
            connection.execute(_POST, (since.job, since.opened_at, seq))
        return True

    def close(self) -> None:
        """Close the file; twice does no harm."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_database(self.path, steps=migrations("own"))
        return self._connection


def _day(number: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(number * 86_400))
