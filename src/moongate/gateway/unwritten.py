"""What happens while the disk is full: refused, or gone on with, and said loudly either way.

A line that could not be written waits in memory, up to a bound, and is written as soon as there is room.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

from moongate.errors import StorageError
from moongate.gateway.journal import FULL

log = logging.getLogger("moongate.gateway")

OnFull = Literal["refuse", "go_on"]
MOST = 100_000  # lines in memory, about 40 MB
SAY_EVERY_S = 10.0
_FULL_CODES = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})


class Unwritten:
    """The lines that wait, and what becomes of calls meanwhile.

    `shut` says that no call may begin: the disk is full and `on_full` is "refuse".
    """

    def __init__(self, write: Callable[[bytes], None], on_full: OnFull) -> None:
        self.shut = False
        self.full = False
        self.goes_on = on_full == "go_on"
        self.lost = 0
        self._write = write
        self._lines: deque[bytes] = deque()
        self._said = float("-inf")

    def keep(self, line: bytes, error: OSError) -> None:
        """Keep a line that the disk did not take. Raises StorageError where calls are to be refused then."""
        if len(self._lines) < MOST:
            self._lines.append(line)
        else:
            self.lost += 1
        self._is_full(error)
        if not self.goes_on:
            raise _refusal(error) from error

    def keep_all(self, lines: Sequence[bytes], error: OSError) -> StorageError | None:
        """Keep several, and return what `keep` raises."""
        failure = None
        for line in lines:
            try:
                self.keep(line, error)
            except StorageError as refused:
                failure = refused
        return failure

    def retry(self) -> None:
        """Write what waits, as far as there is room."""
        while self._lines:
            try:
                self._write(self._lines[0])
            except OSError as error:
                self._is_full(error)
                return
            self._lines.popleft()

    def give_up(self) -> None:
        """Write what waits, for the last time, and say what is lost now that the worker ends."""
        self.retry()
        lost = len(self._lines) + self.lost
        if lost:
            log.error("%d SETTLED CALLS ARE LOST: the disk did not take their records until the gateway ended", lost)

    def recovered(self) -> None:
        """Let calls begin again, now that the books could be written, unless lines wait still."""
        if self.full and not self._lines:
            lost = f"; {self.lost} settled calls are lost" if self.lost else ", nothing is lost"
            log.warning("the disk takes the gateway's records again%s", lost)
            self.full = self.shut = False
            self.lost = 0

    def check(self) -> None:
        """Raise StorageError while no call may begin."""
        if self.shut:
            raise _refusal(OSError(errno.ENOSPC, "No space left on device"))

    def blames(self, error: StorageError) -> bool:
        """Say whether an error of the books means that the disk is full, and act on it."""
        cause = error.__cause__
        code = getattr(cause, "sqlite_errorcode", 0)
        is_full = code & 0xFF in _FULL_CODES or (isinstance(cause, OSError) and cause.errno in FULL)
        if is_full:
            self._is_full(cause)
        return is_full

    @property
    def waiting(self) -> int:
        """How many lines wait in memory."""
        return len(self._lines)

    @property
    def trouble(self) -> str | None:
        """What is wrong, in words; None where nothing is."""
        if not self.full:
            return None
        return "the disk is full: calls go on uncounted" if self.goes_on else "the disk is full: calls are refused"

    def _is_full(self, error: BaseException | None) -> None:
        self.full = True
        self.shut = not self.goes_on
        now = time.monotonic()
        if now - self._said >= SAY_EVERY_S:
            self._said = now
            log.error(
                "THE DISK DOES NOT TAKE THE GATEWAY'S RECORDS (%s): %s. %d settled calls wait in memory, %d are lost",
                error,
                "calls go on, and no budget holds" if self.goes_on else "calls are refused until it does",
                len(self._lines),
                self.lost,
            )


def _refusal(error: OSError) -> StorageError:
    return StorageError(
        f"The gateway's journal cannot be written: {error.strerror or error}.",
        advice="Free some space; calls are refused until then, unless [gateway] on_disk_full is 'go_on'.",
    )
