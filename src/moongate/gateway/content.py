"""What was said, for those who switched `log_content` on: written beside the ledger, removed after so many days.

A file of its own, so that it can be deleted, or left out of backups, by itself. Removed content is overwritten on the
disk (`secure_delete`). It is written behind the calls, in groups: a kill loses the last moments of it.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from moongate.errors import StorageError
from moongate.gateway.seams import Hold
from moongate.store.migrate import migrations
from moongate.store.sqlite import explained, open_database, transaction

log = logging.getLogger("moongate.gateway")

DAY_S = 86_400.0
PRUNE_EVERY_S = 600.0
BODY_MAX = 1 << 20  # bytes kept of a request and of an answer
QUEUE_MAX = 64 << 20  # bytes that wait to be written; beyond, content is left out

Row = tuple[str, float, int, bytes, bytes, int]


@dataclass(frozen=True, kw_only=True)
class Said:
    """One call's content. Bodies over 1 MiB are cut."""

    request_id: str
    at: float
    key_id: int
    request: bytes
    answer: bytes
    is_cut: bool


class Content:
    """The file at `path`, made when there is something to keep. `write` and `close` belong to a thread of their own.

    `on` says whether anything is kept; what was kept before is removed on time either way.
    """

    def __init__(self, path: Path, *, on: bool, days: float, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self.on = on
        self.days = days
        self._clock = clock
        self._queue: deque[Row] = deque()
        self._waiting = 0
        self._left_out = 0
        self._pruned = float("-inf")
        self._connection: sqlite3.Connection | None = None

    def keep(self, hold: Hold, request: bytes, answer: bytes) -> None:
        """Note what was said, if it is to be kept; returns at once."""
        if not self.on:
            return
        is_cut = len(request) > BODY_MAX or len(answer) > BODY_MAX
        request, answer = request[:BODY_MAX], answer[:BODY_MAX]
        size = len(request) + len(answer)
        if self._waiting + size > QUEUE_MAX:
            self._left_out += 1
            return
        self._queue.append((hold.request_id, hold.want.at, hold.caller.key_id, request, answer, int(is_cut)))
        self._waiting += size

    @property
    def due(self) -> bool:
        """Whether there is something to write or to remove."""
        return bool(self._queue) or (self._clock() - self._pruned >= PRUNE_EVERY_S and self.path.exists())

    def write(self) -> None:
        """Write what waits, remove what is too old. A failure costs the content, never a call: it is logged."""
        rows = [self._queue.popleft() for _ in range(len(self._queue))]
        self._waiting -= sum(len(row[3]) + len(row[4]) for row in rows)
        left_out, self._left_out = self._left_out, 0
        try:
            if rows or self.path.exists():
                self._written(rows)
        except StorageError as error:
            log.error("the content of %d calls is not kept: %s", len(rows), error)  # noqa: TRY400 - it explains itself
        if left_out:
            log.error("the content of %d calls is not kept: it came faster than the disk takes it", left_out)

    def close(self) -> None:
        """Write what waits, and close the file."""
        self.write()
        if self._connection is not None:
            self._connection.close()

    def _written(self, rows: list[Row]) -> None:
        if self._connection is None:
            self._connection = opened(self.path)
        now = self._clock()
        with explained(self.path):
            with transaction(self._connection):
                self._connection.executemany("INSERT OR REPLACE INTO content VALUES (?, ?, ?, ?, ?, ?)", rows)
            if now - self._pruned >= PRUNE_EVERY_S:
                self._pruned = now
                prune(self._connection, before=now - self.days * DAY_S)


def beside(database: Path) -> Path:
    """Return where the content lies that belongs to a ledger."""
    return database.with_name(f"{database.stem}-content.sqlite3")


def opened(path: Path) -> sqlite3.Connection:
    """Open the file, made if need be. Raises StorageError."""
    connection = open_database(path, steps=migrations("content"))
    connection.execute("PRAGMA secure_delete = ON")
    return connection


def prune(connection: sqlite3.Connection, *, before: float) -> int:
    """Remove what is older, from the write-ahead log too; return how many calls' content that was."""
    gone = connection.execute("DELETE FROM content WHERE at < ?", (before,)).rowcount
    if gone:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return gone


def find(connection: sqlite3.Connection, request_id: str) -> Said | None:
    """Return the content of one call, if it is kept."""
    row = connection.execute("SELECT * FROM content WHERE request_id = ?", (request_id,)).fetchone()
    return None if row is None else Said(**{**dict(row), "is_cut": bool(row["is_cut"])})
