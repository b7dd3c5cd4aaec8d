"""Lint many files: in this process, or in several that are handed a few at a time. Results come in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from moongate.errors import StorageError
from moongate.lint.knowledge import Knowledge
from moongate.lint.options import Options
from moongate.lint.run import Result, lint_file

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkContext, SpawnContext

_AT_ONCE, _LONGEST = 48, 32_768  # files, and characters of their paths, for a process at a time
_WAITING = 3  # batches that a process has at a time: together less than a pipe holds, so that handing never waits
Work: TypeAlias = "Callable[[tuple[str, ...]], Batch]"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The results of some files that have anything to tell, and how many files there were."""

    results: tuple[Result, ...]
    files: int


def lint_files(paths: Iterable[str], knowledge: Knowledge, options: Options, *, jobs: int = 1) -> Iterator[Batch]:
    """Yield the results of files, a few at a time, in the order of the paths; memory does not grow with them.

    Raises StorageError when one of several processes ends before its time.
    """
    work = partial(_lint, knowledge=knowledge, options=options)
    batches = _batches(paths)
    return map(work, batches) if jobs <= 1 else _in_processes(batches, work, jobs)


def _lint(paths: tuple[str, ...], knowledge: Knowledge, options: Options) -> Batch:
    results = (lint_file(path, knowledge, options) for path in paths)
    return Batch(results=tuple(r for r in results if r.findings or r.notes), files=len(paths))


def _batches(paths: Iterable[str]) -> Iterator[tuple[str, ...]]:
    batch: list[str] = []
    length = 0
    for path in paths:
        batch.append(path)
        length += len(path)
        if len(batch) >= _AT_ONCE or length > _LONGEST:
            yield tuple(batch)
            batch, length = [], 0
    if batch:
        yield tuple(batch)


def _in_processes(batches: Iterable[tuple[str, ...]], work: Work, jobs: int) -> Iterator[Batch]:
    """Hand batches round, a few to each process at a time; the oldest result is then always the next one's."""
    with ExitStack() as stack:
        lines = [_started(stack, work) for _ in range(jobs)]
        handed, window = 0, _WAITING * jobs
        for batch in batches:
            line = lines[handed % jobs]
            if handed >= window:
                yield _received(line)
            line.send(batch)
            handed += 1
        for number in range(max(0, handed - window), handed):
            yield _received(lines[number % jobs])


def _started(stack: ExitStack, work: Work) -> Connection:
    """Start a process and return our end of its line; it ends when that is closed."""
    import multiprocessing  # 15 ms, for those who ask for several

    from moongate.lint.rules import rules

    rules()  # loaded once, before the processes part
    if "fork" in multiprocessing.get_all_start_methods():
        context: ForkContext | SpawnContext = multiprocessing.get_context("fork")
    else:
        context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(here, there, work), daemon=True)
    process.start()
    there.close()
    stack.callback(process.join)
    stack.callback(here.close)
    return here


def _received(line: Connection) -> Batch:
    try:
        found = line.recv()
    except (EOFError, ConnectionError) as error:
        raise StorageError("A process of the linter was ended from outside.", advice="Try -j 1.") from error
    assert isinstance(found, Batch)  # noqa: S101 — a programming error, not a user's
    return found


def _serve(other: Connection, line: Connection, work: Work) -> None:
    """Judge what comes until the line is closed."""
    other.close()
    try:
        while True:
            line.send(work(line.recv()))
    except (EOFError, ConnectionError, KeyboardInterrupt):
        return
