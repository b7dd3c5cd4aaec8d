"""Which line a custom_id belongs to, on disk: providers answer in any order, and a million names fill the memory.

Derived from the input when a job is made; the journal knows lines by their number only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from moongate.batch.records import Line
from moongate.errors import UsageError
from moongate.store.migrate import Migration
from moongate.store.sqlite import explained, open_database, transaction

FILE = "names.sqlite3"
_STEPS = (
    Migration(version=1, sql="CREATE TABLE names (line INTEGER PRIMARY KEY, custom_id TEXT NOT NULL UNIQUE) STRICT;"),
)


class Names:
    """The names of a job's lines. Raises StorageError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._connection = open_database(self._path, steps=_STEPS)

    def fill(self, lines: Iterable[Line]) -> None:
        """Take the names of all lines in, in place of what was there. Raises UsageError for one that comes twice."""
        with explained(self._path), transaction(self._connection):
            self._connection.execute("DELETE FROM names")
            for line in lines:
                self._add(line)

    def index(self, custom_id: str) -> int | None:
        """Return the line of a name, None when no line has it."""
        row = self._connection.execute("SELECT line FROM names WHERE custom_id = ?", (custom_id,)).fetchone()
        return None if row is None else int(row[0])

    def of(self, indexes: Sequence[int]) -> Iterator[tuple[int, str]]:
        """Yield (line, name) of these lines."""
        for index in indexes:
            row = self._connection.execute("SELECT custom_id FROM names WHERE line = ?", (index,)).fetchone()
            if row is not None:
                yield index, str(row[0])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _add(self, line: Line) -> None:
        try:
            self._connection.execute("INSERT INTO names VALUES (?, ?)", (line.index, line.custom_id))
        except sqlite3.IntegrityError:
            raise UsageError(
                f"Line {line.number} has the custom_id {line.custom_id!r}, which another line has already.",
                advice="`moongate batch validate` shows every fault of a file.",
            ) from None
