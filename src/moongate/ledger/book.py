"""The gateway's ledger in SQLite: lines are added, never changed.

It works on a connection that is handed to it, inside the caller's transaction; whose money moves is not its matter.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from moongate.facts.chat import Usage
from moongate.ledger.entry import Entry


def entries(connection: sqlite3.Connection, *, account_id: int | None = None, since: float = 0.0) -> Iterator[Entry]:
    """Yield the lines from `since` (seconds since the epoch) on, as they were written, of one account or of all."""
    sql = "SELECT * FROM ledger WHERE at >= ? AND (? IS NULL OR account_id = ?) ORDER BY id"
    for row in connection.execute(sql, (since, account_id, account_id)):
        yield _entry(row)


def _entry(row: sqlite3.Row) -> Entry:
    fields = dict(row)
    del fields["id"]
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
    return Entry(usage=Usage(**{name: fields.pop(name) for name in names}), **fields)
