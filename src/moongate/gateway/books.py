"""The books as one worker keeps them: its journal into the ledger, its slices out of the balances, in rounds.

A blocking object for one thread. `synchronous = NORMAL`: what a power cut takes from here it takes together with how
far the journals are read, so that they are read again; before a journal is deleted everything is synced.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moongate.gateway import crew, leases
from moongate.gateway.journal import Journal, path_of
from moongate.gateway.leases import Ask, Grant
from moongate.gateway.pots import PotName
from moongate.store.sqlite import explained, open_database, transaction

REAP_S = 1.0  # how often one looks for workers that are no more
JOURNAL_MAX = 16 * 1024 * 1024  # bytes, then the next one is begun


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of a round."""

    grants: tuple[Grant, ...]  # in the order in which they were asked for
    wanted: tuple[PotName, ...]  # what others wait for


class Books:
    """The database at `path`, with a place in its crew. Raises StorageError, as every method does."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._folder = crew.folder_of(path)
        self._journals: list[Journal] = []  # the last one is written to, by the loop's thread
        self._read = 0  # of the first
        self._number = 0
        self._reaped = 0.0
        self._connection = open_database(path)
        try:
            with explained(path):
                self._connection.execute("PRAGMA synchronous = NORMAL")
                crew.reap(self._connection, self._folder)
                self.worker_id, self._lock = crew.enter(self._connection, self._folder, now=clock())
        except BaseException:
            self._connection.close()
            raise

    def next_journal(self) -> Journal:
        """Begin the worker's next journal; the one before is deleted once it is in the ledger."""
        self._number += 1
        with explained(self._folder):
            journal = Journal(path_of(self._folder, self.worker_id, self._number))
        self._journals.append(journal)
        return journal

    def round(self, gives: Mapping[PotName, int], asks: Sequence[Ask]) -> Report:
        """Book what is new in the journal, give back, take, and see what others want."""
        with explained(self.path):
            self._book()
            now = self._clock()
            if not self._reaped <= now < self._reaped + REAP_S:
                self._reaped = now
                crew.reap(self._connection, self._folder, but=self.worker_id)
            return self._traded(gives, asks, now)

    def close(self) -> None:
        """Book everything, free every slice, and leave the crew; so for a worker that died and has no heir yet."""
        try:
            with explained(self.path):
                for journal in self._journals:
                    journal.close()
                crew.reap(self._connection, self._folder, but=self.worker_id)
                crew.leave(self._connection, self._folder, self.worker_id, self._lock)
        finally:
            self._connection.close()

    def _traded(self, gives: Mapping[PotName, int], asks: Sequence[Ask], now: float) -> Report:
        connection, worker = self._connection, self.worker_id
        if not gives and not asks and not leases.is_wanted(connection, worker):
            return Report(grants=(), wanted=())
        with transaction(connection):
            for pot, amount in gives.items():
                leases.give(connection, worker, pot, amount, now=now)
            grants = tuple(leases.take(connection, worker, asked, now=now) for asked in asks)
            return Report(grants=grants, wanted=leases.wanted(connection, worker))

    def _book(self) -> None:
        while self._journals:
            journal = self._journals[0]
            if journal.size > self._read:
                self._read = crew.book(self._connection, journal.path, self.worker_id)
            if len(self._journals) == 1:
                return
            self._discard(self._journals.pop(0))

    def _discard(self, journal: Journal) -> None:
        journal.close()
        with crew.durably(self._connection), transaction(self._connection):
            self._connection.execute("UPDATE workers SET pid = pid WHERE id = ?", (self.worker_id,))
        journal.path.unlink()
        self._read = 0
