"""A job's journal on disk: events in SQLite, result lines in a file beside it, one process at a time.

An event counts once it is committed, and only then is it told. The result lines are on the disk before the events
that name them; what lies behind the last of them is left over from a commit that never came, and is cut off.
"""

from __future__ import annotations

import os
import sqlite3
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec
from msgspec.structs import replace

from moongate.batch import commands as cmd
from moongate.batch import events as ev
from moongate.batch import state as st
from moongate.errors import BusyError, StorageError
from moongate.store.migrate import migrations
from moongate.store.sqlite import explained, open_database

if TYPE_CHECKING:
    from filelock import BaseFileLock

JOURNAL, ANSWERS, LOCK = "journal.sqlite3", "answers.jsonl", "lock"
_ADD = "INSERT INTO commits (at, events) VALUES (?, ?)"
_ALL = "SELECT seq, at, events FROM commits WHERE ? = 0 ORDER BY seq"  # no seek: that finds nothing in a torn file
_SINCE = "SELECT seq, at, events FROM commits WHERE seq > ? ORDER BY seq"
_NONE, _ANSWER, _FAILURE = 0, 1, 2  # what a line has

Entry = tuple[ev.AnyEvent, bytes]  # an event, and the result line that a `Settled` stands for


class Journal:
    """The journal in `folder`, opened for work. Raises BusyError while another process holds it.

    `state` is what the committed events amount to. Not safe for threads: whoever commits does so alone.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._clock = clock
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _locked(folder)
        try:
            self._connection = open_database(folder / JOURNAL, steps=migrations("batch"))
            self.state, self._end = _replayed(self._connection, folder)
            self._answers = _opened_answers(folder / ANSWERS, self._end)
        except BaseException:
            self._lock.release()
            raise

    def commit(self, entries: Sequence[Entry]) -> tuple[ev.AnyEvent, ...]:
        """Write events down, all or none, and return them as they now stand.

        Raises StorageError; then nothing of it counts, and the same may be tried again.
        """
        if not entries:
            return ()
        placed = _placed(entries, self._end)
        events = tuple(event for event, _ in placed)
        with explained(self.folder / JOURNAL):
            end = self._written(placed)
            self._connection.execute(_ADD, (self._clock(), ev.encoded(events)))  # one statement: a commit of its own
            self._end = end
        return events

    @property
    def end(self) -> int:
        """Where the committed result lines end: the place of the next one."""
        return self._end

    def apply(self, events: Sequence[ev.AnyEvent]) -> tuple[cmd.Command, ...]:
        """Take committed events into `state`; return what is to be done after the last one."""
        commands: tuple[cmd.Command, ...] = ()
        for event in events:
            self.state, commands = st.step(self.state, event)
        return commands

    def note(self, *events: ev.AnyEvent) -> tuple[cmd.Command, ...]:
        """Commit events that carry no result, and take them in."""
        return self.apply(self.commit([(event, b"") for event in events]))

    def results(self, *, ok: bool | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield (index, result line with its line break) in input order: all, the answers, or the failures."""
        yield from _results(self._connection, self._answers, ok)

    def close(self) -> None:
        """Close the files and let others in; twice does no harm."""
        if self._lock.is_locked:
            os.close(self._answers)
            self._connection.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _written(self, placed: Sequence[Entry]) -> int:
        """Append the result lines and have them on the disk; return where the file ends then."""
        lines = b"".join(line for _, line in placed)
        if not lines:
            return self._end
        view, at = memoryview(lines), self._end
        while view:
            count = os.pwrite(self._answers, view, at)
            view, at = view[count:], at + count
        os.fdatasync(self._answers)
        return at


def look(folder: Path) -> st.State:
    """Return a job's state, also while another process works on it. Raises StorageError."""
    connection = open_database(folder / JOURNAL, steps=migrations("batch"))
    try:
        with explained(folder / JOURNAL):
            return st.replay(_events(connection))
    finally:
        connection.close()


def results(folder: Path, *, ok: bool | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield a job's results as `Journal.results` does, also while another process works on it."""
    connection = open_database(folder / JOURNAL, steps=migrations("batch"))
    try:
        with explained(folder / JOURNAL):
            answers = os.open(folder / ANSWERS, os.O_RDONLY)
            try:
                yield from _results(connection, answers, ok)
            finally:
                os.close(answers)
    finally:
        connection.close()


def _locked(folder: Path) -> BaseFileLock:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, timeout=0, mode=0o600, thread_local=False)  # taken and let go in any thread
    try:
        lock.acquire()
    except Timeout:
        raise BusyError(
            f"Job {folder.name!r} is being worked on by another process.",
            advice="Wait for it, or end it with `moongate batch cancel`; what it has finished is kept.",
        ) from None
    except OSError as error:
        raise StorageError(f"{str(folder)!r} cannot be locked: {error.strerror or error}.") from error
    return lock


def _replayed(connection: sqlite3.Connection, folder: Path) -> tuple[st.State, int]:
    """Return the state, and where the last committed result line ends."""
    state, end = st.State(), 0
    with explained(folder / JOURNAL):
        for event in _events(connection):
            state, _ = st.step(state, event)
            if isinstance(event, ev.Settled):
                end = max(end, event.outcome.offset + event.outcome.size)
    return state, end


def begun(folder: Path) -> ev.Opened | None:
    """Return how a job began, from its first commit alone. Raises StorageError."""
    _, _, events = next(since(folder, 0), (0, 0.0, []))
    return next((event for event in events if isinstance(event, ev.Opened)), None)


def since(folder: Path, seq: int) -> Iterator[tuple[int, float, list[ev.AnyEvent]]]:
    """Yield the commits after the one with this number: each one's number, time and events. Raises StorageError."""
    connection = open_database(folder / JOURNAL, steps=migrations("batch"))
    try:
        with explained(folder / JOURNAL):
            yield from _commits(connection, seq)
    finally:
        connection.close()


def _events(connection: sqlite3.Connection) -> Iterator[ev.AnyEvent]:
    for _, _, events in _commits(connection):
        yield from events


def _commits(connection: sqlite3.Connection, seq: int = 0) -> Iterator[tuple[int, float, list[ev.AnyEvent]]]:
    for number, at, row in connection.execute(_SINCE if seq else _ALL, (seq,)):
        try:
            yield number, at, ev.decoded(row)
        except (msgspec.DecodeError, TypeError) as error:
            raise StorageError(
                f"A batch journal is damaged: {error}.", advice="Start the job over with --new."
            ) from error


def _opened_answers(path: Path, end: int) -> int:
    with explained(path):
        answers = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(answers, end)
    return answers


def _placed(entries: Sequence[Entry], at: int) -> list[Entry]:
    """Return the entries with the place of each result line in its event, where it is not there yet."""
    placed: list[Entry] = []
    for event, line in entries:
        if line and isinstance(event, ev.Settled):
            if not event.outcome.size:
                outcome = replace(event.outcome, offset=at, size=len(line))
                placed.append((replace(event, outcome=outcome), line))
            elif (event.outcome.offset, event.outcome.size) == (at, len(line)):
                placed.append((event, line))
            else:
                raise ValueError(f"a result line was placed at {event.outcome.offset}, and belongs at {at}")
            at += len(line)
        else:
            placed.append((event, line))
    return placed


def _results(connection: sqlite3.Connection, answers: int, ok: bool | None) -> Iterator[tuple[int, bytes]]:
    """Yield the last result of every line, in input order: a retry's stands above the failure before it.

    Thirteen bytes are held for a line: where its result lies, how long it is, what it is.
    """
    offsets, sizes, kinds = array("Q"), array("I"), bytearray()
    for event in _events(connection):
        if isinstance(event, ev.Opened):
            offsets, sizes, kinds = (
                array("Q", bytes(8 * event.total)),
                array("I", bytes(4 * event.total)),
                bytearray(event.total),
            )
        elif isinstance(event, ev.Settled):
            outcome = event.outcome
            offsets[outcome.index], sizes[outcome.index] = outcome.offset, outcome.size
            kinds[outcome.index] = _ANSWER if outcome.ok else _FAILURE
    for index, kind in enumerate(kinds):
        if kind != _NONE and (ok is None or ok == (kind == _ANSWER)):
            yield index, os.pread(answers, sizes[index], offsets[index])
