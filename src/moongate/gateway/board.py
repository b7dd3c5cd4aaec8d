"""What the workers of one gateway tell each other of an account upstream: calls under way, a minute's use, limits.

Memory that the parent makes and all workers have. Each worker writes in its own row only, and anybody reads, so that
no lock is held by a worker that dies; one that takes its place takes its row, too. Times are in seconds of a clock
that all processes of the machine share.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
from typing import NamedTuple

from moongate.wire.limits import WINDOW_S, Limits

log = logging.getLogger("moongate.gateway")

SLOTS = 1024  # upstreams that a worker can tell of, renamed ones too; the limits of more are each worker's own
LOOKS = 16  # of a worker for each one behind it (three at most), until that one has given a place back
BUCKETS = 64  # of a second each
_NAME, _IN_FLIGHT, _NOT_BEFORE, _LEARNED_AT, _RPM, _TPM, _AT_ONCE, _HEAD = range(8)
_STAMPS, _REQUESTS, _TOKENS = _HEAD, _HEAD + BUCKETS, _HEAD + 2 * BUCKETS
WIDTH = _HEAD + 3 * BUCKETS
MILLI = 1000


class Use(NamedTuple):
    """What others have under way, and what they used in the last minute."""

    in_flight: int = 0
    requests: int = 0
    tokens: int = 0


class Told(NamedTuple):
    """What a 429 told another worker: limits, when that was, and until when it asked to wait."""

    limits: Limits
    at: float
    not_before: float


class Board:
    """The memory. Make it before the workers, and `row` in each of them."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._memory = mmap.mmap(-1, workers * SLOTS * WIDTH * 8)  # shared with children
        self._cells = memoryview(self._memory).cast("q")

    def begins(self, worker: int) -> None:
        """Free what a worker before this one had under way: it is dead, and its connections with it."""
        for at in self._places(worker):
            if not self._cells[at + _NAME]:
                break
            self._cells[at + _IN_FLIGHT] = 0

    def notes(self, worker: int, upstream: str) -> Notes | None:
        """Return a worker's notes on an upstream; None when there is no room for more."""
        name = int.from_bytes(hashlib.sha256(upstream.encode()).digest()[:7]) + 1
        own = self._find(worker, name, 0)
        if own is None:
            log.warning("more than %d upstreams: the limits of %s hold for each worker by itself", SLOTS, upstream)
            return None
        self._cells[own + _NAME] = name
        others = [number for number in range(self.workers) if number != worker]
        return Notes(self, worker, name, self._cells[own : own + WIDTH], others)

    def cells(self, worker: int, name: int) -> memoryview | None:
        """Return a worker's cells for an upstream, which stay where they are; None while it has none."""
        at = self._find(worker, name)
        return None if at is None else self._cells[at : at + WIDTH]

    def _find(self, worker: int, name: int, or_free: int | None = None) -> int | None:
        """Return where a worker's notes of a name begin. Rows are filled from their beginning, and no name goes."""
        for at in self._places(worker):
            found = self._cells[at + _NAME]
            if found in (name, or_free):
                return at
            if not found:
                break
        return None

    def _places(self, worker: int) -> range:
        first = worker * SLOTS * WIDTH
        return range(first, first + SLOTS * WIDTH, WIDTH)


class Notes:
    """One worker's notes on one upstream, and what the others noted."""

    def __init__(self, board: Board, worker: int, name: int, own: memoryview, others: list[int]) -> None:
        self._board = board
        self._name = name
        self._own = own
        self._unseen = others  # workers that have no notes on it yet
        self._others: list[memoryview] = []
        self.looks = 1 + LOOKS * min(board.workers - 1 - worker, 3)  # how often to look for a place to be given back

    def under_way(self, calls: int) -> None:
        """Note how many calls are under way."""
        self._own[_IN_FLIGHT] = calls

    def used(self, now: float, requests: int, tokens: int) -> None:
        """Note requests that left, or tokens that were told; taken back with a minus."""
        at = int(now) % BUCKETS
        if self._own[_STAMPS + at] != int(now):
            self._own[_REQUESTS + at] = self._own[_TOKENS + at] = 0
            self._own[_STAMPS + at] = int(now)
        self._own[_REQUESTS + at] += requests
        self._own[_TOKENS + at] += tokens

    def before(self) -> list[tuple[float, int, int]]:
        """Return when this worker, or the one before it in its row, used how many requests and tokens."""
        own = self._own
        places = range(BUCKETS)
        return sorted((own[_STAMPS + at] + 1.0, own[_REQUESTS + at], own[_TOKENS + at]) for at in places)

    def told(self, told: Told) -> None:
        """Note what a 429 told."""
        limits = told.limits
        self._own[_RPM], self._own[_TPM], self._own[_AT_ONCE] = (
            n or 0 for n in (limits.rpm, limits.tpm, limits.concurrency)
        )
        self._own[_NOT_BEFORE], self._own[_LEARNED_AT] = round(told.not_before * MILLI), round(told.at * MILLI)

    def others_use(self, now: float) -> Use:
        """Return what the others have under way and used in the last minute, or a second longer."""
        oldest = int(now) - int(WINDOW_S)
        in_flight = requests = tokens = 0
        for cells in self._of_others():
            in_flight += cells[_IN_FLIGHT]
            for at in range(BUCKETS):
                if cells[_STAMPS + at] >= oldest:
                    requests += cells[_REQUESTS + at]
                    tokens += cells[_TOKENS + at]
        return Use(in_flight, requests, tokens)

    def _of_others(self) -> list[memoryview]:
        if self._unseen:
            found = {worker: self._board.cells(worker, self._name) for worker in self._unseen}
            self._unseen = [worker for worker, cells in found.items() if cells is None]
            self._others += [cells for cells in found.values() if cells is not None]
        return self._others

    def others_told(self) -> list[Told]:
        """Return what 429s told the others, whenever that was."""
        return [
            Told(
                Limits(rpm=cells[_RPM] or None, tpm=cells[_TPM] or None, concurrency=cells[_AT_ONCE] or None),
                cells[_LEARNED_AT] / MILLI,
                cells[_NOT_BEFORE] / MILLI,
            )
            for cells in self._of_others()
        ]
