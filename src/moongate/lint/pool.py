"""Lint many files: in this process, or in several that are handed a few at a time. Results come in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from moongate.lint.knowledge import Knowledge
from moongate.lint.options import Options
from moongate.lint.run import Result, lint_file

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

_AT_ONCE = 64  # files for a process at a time


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The results of some files that have anything to tell, and how many files there were."""

    results: tuple[Result, ...]
    files: int


def lint_files(paths: Iterable[str], knowledge: Knowledge, options: Options, *, jobs: int = 1) -> Iterator[Batch]:
    """Yield the results of files, a few at a time, in the order of the paths; memory does not grow with them."""
    work = partial(_lint, knowledge=knowledge, options=options)
    batches = _batches(paths)
    if jobs <= 1:
        yield from map(work, batches)
        return
    with _context().Pool(jobs) as pool:
        yield from pool.imap(work, batches)


def _lint(paths: tuple[str, ...], knowledge: Knowledge, options: Options) -> Batch:
    results = (lint_file(path, knowledge, options) for path in paths)
    return Batch(results=tuple(r for r in results if r.findings or r.notes), files=len(paths))


def _batches(paths: Iterable[str]) -> Iterator[tuple[str, ...]]:
    rest = iter(paths)
    while batch := tuple(itertools.islice(rest, _AT_ONCE)):
        yield batch


def _context() -> BaseContext:
    """Return the way to start processes: by fork where that is usual, which costs no imports."""
    import multiprocessing  # 15 ms, for those who ask for several

    return multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn")
