"""Where a job's results go: two files, answers and failures, each written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moongate.batch.journal import begun, results
from moongate.errors import UsageError
from moongate.store.atomic import write_lines


def errors_of(output: Path) -> Path:
    """Return the file for the failures beside one for the answers."""
    return output.with_name(output.name + ".errors.jsonl")


def check_place(output: Path, source: Any) -> None:
    """Raise UsageError, before anything is paid for, when results could not be written to `output`.

    Also when they would take the place of `source`, what the job is made of, if that is a file.
    """
    if isinstance(source, str | Path):
        given = os.path.realpath(source)
        if given in (os.path.realpath(output), os.path.realpath(errors_of(output))):
            raise UsageError(
                f"Results in {str(output)!r} would take the place of the input.", advice="Name another file with -o."
            )
    target = Path(os.path.realpath(output))
    if target.exists() and not target.is_file() and not target.is_dir():  # a pipe or a device
        return
    if not target.parent.is_dir():
        raise UsageError(f"There is no folder {str(target.parent)!r} for the results.", advice="Make it first.")
    if target.is_dir() or not os.access(target.parent, os.W_OK | os.X_OK):
        raise UsageError(f"Results cannot be written to {str(output)!r}.", advice="Name another place with -o.")


def source_of(folder: Path) -> Path | None:
    """Return the file that a job is made of, None where a program handed its lines over."""
    opened = begun(folder)
    return None if opened is None else folder / (opened.source or opened.input)


def write_results(folder: Path, output: Path) -> int:
    """Write a job's answers to `output` in input order, and its failures beside it; return the number of answers."""
    errors = errors_of(output)
    check_place(output, source_of(folder))
    count = write_lines(output, (line for _, line in results(folder, ok=True)))
    failures = results(folder, ok=False)
    first = next(failures, None)
    if first is None:
        errors.unlink(missing_ok=True)
    else:
        write_lines(errors, (line for _, line in _chained(first, failures)))
    return count


def _chained(first: tuple[int, bytes], rest: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    yield first
    yield from rest
