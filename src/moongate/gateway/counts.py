"""What one worker counts, in memory that the other workers can read, so that the numbers of all add up.

A file for each worker is mapped into memory; only its worker writes it, anybody reads it. Cells are 64-bit integers,
a series is a run of them, named once. Without a folder the memory is the process's own. `metrics` shows them.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import shutil
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec

from moongate.errors import StorageError

CELLS = 32_768
NAMES_BYTES = 1024 * 1024
SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)  # of a whole call
MILLISECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0)  # of the gateway's own part
MICRO = 1_000_000
CALL_CELLS = 7  # calls, prompt, completion, cached, reasoning, nano, without a price
TIME_CELLS = 2 * (len(SECONDS) + 2) + len(MILLISECONDS) + 2  # whole, own, first byte: sum, buckets, the rest
_HEAD = 2  # cells used, bytes of names used
_STEP_CELLS, _STEP_BYTES = 2048, 16 * 1024  # by which a file gets its room
_REST_CELLS, _REST_BYTES = 64, 8192  # kept for the series that take what has no room

Labels = tuple[tuple[str, str], ...]
Names = tuple[str, str, str, str]  # upstream, model, outcome, currency
Took = tuple[float, float, float | None]  # seconds: the whole call, the gateway's own part, the upstream's first byte
Numbers = tuple[int, int, int, int, int | None]
"""Tokens: prompt, completion, cached, reasoning; and the cost in nano-units, None where no price is known."""


class Series(msgspec.Struct, frozen=True, array_like=True):
    """A run of cells."""

    kind: str
    labels: Labels
    at: int
    width: int


@dataclass(frozen=True, kw_only=True)
class Read:
    """What stood in a series' cells."""

    kind: str
    labels: Labels
    cells: tuple[int, ...]
    alive: bool = True  # whether the worker is: how things stand at one that is dead is of no interest


class Counts:
    """One worker's cells. Not for threads: the loop writes. Its file in the folder is locked while it lives."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._memory, self._handle = _mapped(folder)
        self._cells = memoryview(self._memory)[: CELLS * 8].cast("q")
        self._room = (CELLS, NAMES_BYTES) if folder is None else (_STEP_CELLS, _STEP_BYTES)
        self._known: dict[tuple[str, Labels], int] = {}
        self._calls: dict[Names, list[Numbers]] = {}  # that ended since the last flush
        self._times: dict[str, list[Took]] = {}  # likewise, by upstream
        self._answers: dict[tuple[str, int], int] = {}  # since then
        self._cells[0], self._cells[1] = _HEAD, 0

    def answered(self, route: str, status: int) -> None:
        """Count an answer of the gateway's, whatever it was."""
        answers, which = self._answers, (route, status)
        answers[which] = answers.get(which, 0) + 1

    def ended(self, names: Names, numbers: Numbers, took: Took | None) -> None:
        """Count a call that ended. Others see it after the next `flush`, which costs less for many than for one."""
        calls = self._calls.get(names)
        if calls is None:
            calls = self._calls[names] = []
        calls.append(numbers)
        if took is not None:
            times = self._times.get(names[0])
            if times is None:
                times = self._times[names[0]] = []
            times.append(took)

    def flush(self) -> None:
        """Add up what was counted, and write the sums where others see them; called twice a second."""
        answers, self._answers = self._answers, {}
        for (route, status), count in answers.items():
            self._add(self._series("answers", (("route", route), ("status", str(status))), 1), [count])
        calls, self._calls = self._calls, {}
        times, self._times = self._times, {}
        for names, rows in calls.items():
            labels = tuple(zip(("upstream", "model", "outcome", "currency"), names, strict=True))
            self._add(self._series("calls", labels, CALL_CELLS), _calls_cells(rows))
        for upstream, all_took in times.items():
            self._add(self._series("times", (("upstream", upstream),), TIME_CELLS), _times_cells(all_took))

    def stands(self, what: str, value: int, upstream: str = "") -> None:
        """Note how something stands now."""
        labels = (("upstream", upstream),) if upstream else ()
        self._cells[self._series(what, labels, 1)] = value

    def all(self) -> list[Read]:
        """Return what every worker of the folder counted, those that are no more too."""
        self.flush()
        return list(_read(self._memory, alive=True)) if self.folder is None else read_all(self.folder)

    def close(self) -> None:
        """Let go of the memory; the file stays, since what was counted must not be uncounted."""
        self._cells.release()
        self._memory.close()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _add(self, at: int, counted: Iterable[int]) -> None:
        for number, count in enumerate(counted, start=at):
            if count:
                self._cells[number] += count

    def _series(self, kind: str, labels: Labels, width: int) -> int:
        """Return where a series begins, made if it is new. When there is no room it is the one for the rest."""
        known = self._known.get((kind, labels))
        if known is not None:
            return known
        at, named = self._cells[0], self._cells[1]
        line = msgspec.json.encode(Series(kind, labels, at, width)) + b"\n"
        if not self._has_room(at + width + _REST_CELLS, named + len(line) + _REST_BYTES):
            rest = tuple((name, "other") for name, _ in labels)
            if labels != rest:
                return self._series(kind, rest, width)
        begin = CELLS * 8 + named
        self._memory[begin : begin + len(line)] = line
        self._cells[0], self._cells[1] = at + width, named + len(line)  # last, so that readers see whole lines
        self._known[kind, labels] = at
        return at

    def _has_room(self, cells: int, names: int) -> bool:
        """Say whether there is room for so many cells and bytes of names, and see to it that the file has it."""
        has_cells, has_names = self._room
        try:
            while has_cells < min(cells, CELLS):
                _allot(self._handle, has_cells * 8, _STEP_CELLS * 8)
                has_cells += _STEP_CELLS
            while has_names < min(names, NAMES_BYTES):
                _allot(self._handle, CELLS * 8 + has_names, _STEP_BYTES)
                has_names += _STEP_BYTES
        except OSError:
            return False
        finally:
            self._room = has_cells, has_names
        return cells <= CELLS and names <= NAMES_BYTES


def _calls_cells(calls: Sequence[Numbers]) -> list[int]:
    *tokens, nanos = zip(*calls, strict=True)
    priced = [nano for nano in nanos if nano is not None]
    return [len(calls), *(sum(count) for count in tokens), sum(priced), len(calls) - len(priced)]


def _times_cells(times: Sequence[Took]) -> list[int]:
    call, overhead, first = zip(*times, strict=True)
    came = [seconds for seconds in first if seconds is not None]
    return [*_buckets(call, SECONDS), *_buckets(overhead, MILLISECONDS), *_buckets(came, SECONDS)]


def _buckets(times: Sequence[float], bounds: Sequence[float]) -> list[int]:
    """Return the sum in microseconds, and how many times are within each bound and beyond the one before."""
    times = sorted(times)
    upto = [0, *(bisect_right(times, bound) for bound in bounds), len(times)]
    return [round(sum(times) * MICRO), *(high - low for low, high in pairwise(upto))]


@contextlib.contextmanager
def shared_folder(database: Path) -> Iterator[Path]:
    """Make a folder in which the workers of one gateway count, and remove it at the end.

    Folders that a killed gateway left behind go, too. Raises StorageError where none can be made.
    """
    parent = database.with_name(f"{database.stem}-counts")
    try:
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(parent):  # so that nobody takes a folder for left that is just being made
            for left in [each for each in parent.iterdir() if each.is_dir() and not _is_used(each)]:
                shutil.rmtree(left, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(dir=parent))
            owner = os.open(folder, os.O_RDONLY)
            fcntl.flock(owner, fcntl.LOCK_EX)
    except OSError as error:
        raise StorageError(f"Nothing can be written to {str(parent)!r}: {error.strerror or error}.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(owner)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _is_used(folder: Path) -> bool:
    handle = os.open(folder, os.O_RDONLY)
    try:
        return _is_locked(handle)
    finally:
        os.close(handle)


def read_all(folder: Path) -> list[Read]:
    """Return what every worker counted that has, or had, a file here."""
    found: list[Read] = []
    for path in sorted(folder.glob("*.counts")):
        try:
            with path.open("rb") as file:
                alive = _is_locked(file.fileno())
                memory = file.read()
        except OSError:
            continue  # removed meanwhile
        if len(memory) == CELLS * 8 + NAMES_BYTES:
            found += _read(memory, alive=alive)
    return found


def _read(memory: bytes | mmap.mmap, *, alive: bool) -> Iterator[Read]:
    with memoryview(memory) as whole, whole[: CELLS * 8].cast("q") as cells:
        names = bytes(whole[CELLS * 8 : CELLS * 8 + cells[1]])
        for line in names.splitlines():
            series = msgspec.json.decode(line, type=Series)
            values = tuple(cells[series.at : series.at + series.width])
            yield Read(kind=series.kind, labels=series.labels, cells=values, alive=alive)


def _is_locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _mapped(folder: Path | None) -> tuple[mmap.mmap, int | None]:
    size = CELLS * 8 + NAMES_BYTES
    if folder is None:
        return mmap.mmap(-1, size), None
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(suffix=".counts", dir=folder)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.truncate(handle, size)
            _allot(handle, 0, _STEP_CELLS * 8)
            _allot(handle, CELLS * 8, _STEP_BYTES)
        except OSError:
            os.close(handle)
            Path(name).unlink()
            raise
        return mmap.mmap(handle, size), handle
    except OSError as error:
        raise StorageError(f"Nothing can be written to {str(folder)!r}: {error.strerror or error}.") from error


def _allot(handle: int | None, at: int, size: int) -> None:
    """Give a part of the file its room: a page that a full disk cannot give later kills who counts in it."""
    if handle is not None and os.pwrite(handle, bytes(size), at) < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
