"""The ledger in SQLite: lines are added and added up, never changed.

It works on a connection that is handed to it, inside the caller's transaction; whose money moves is not its matter.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

from moongate.facts.chat import Usage
from moongate.ledger.entry import Entry

_SPENT = """
SELECT CAST(at / 86400 AS INTEGER) AS day, model, provider, currency, count(*) AS calls,
       sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
       sum(coalesce(cost_nano, 0)) AS cost_nano
  FROM ledger WHERE at >= ?
 GROUP BY day, model, provider, currency ORDER BY day, model, provider, currency
"""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What one model took on one day (UTC) at one provider."""

    day: str  # YYYY-MM-DD
    model: str
    provider: str
    currency: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_nano: int


def entries(connection: sqlite3.Connection, *, account_id: int | None = None, since: float = 0.0) -> Iterator[Entry]:
    """Yield the lines from `since` (seconds since the epoch) on, as they were written, of one account or of all."""
    sql = "SELECT * FROM ledger WHERE at >= ? AND (? IS NULL OR account_id = ?) ORDER BY id"
    for row in connection.execute(sql, (since, account_id, account_id)):
        yield _entry(row)


def spent(connection: sqlite3.Connection, *, since: float = 0.0) -> tuple[Spent, ...]:
    """Return what was used by day, model and provider, from `since` on."""
    rows = (dict(row) for row in connection.execute(_SPENT, (since,)))
    return tuple(Spent(day=_day(row.pop("day")), **row) for row in rows)


def _day(number: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(number * 86_400))


def _entry(row: sqlite3.Row) -> Entry:
    fields = dict(row)
    del fields["id"]
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
    return Entry(usage=Usage(**{name: fields.pop(name) for name in names}), **fields)
