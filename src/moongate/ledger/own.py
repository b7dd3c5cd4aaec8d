"""The ledger of somebody's own calls: what was used and what it cost, never what was said.

The command line keeps one; a client keeps none unless it is handed one.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Self

from moongate.facts.chat import Answer, Usage
from moongate.ledger import book
from moongate.ledger.book import Spent
from moongate.ledger.entry import NO_PRICE
from moongate.store.migrate import migrations
from moongate.store.sqlite import explained, open_database

FILE_NAME = "ledger.sqlite3"
_ADD = """
INSERT INTO ledger (at, model, asked_model, provider, prompt_tokens, completion_tokens, cached_tokens,
                    reasoning_tokens, cost_nano, currency, price_basis)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


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
            return book.spent(self._opened(), since=since)

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
