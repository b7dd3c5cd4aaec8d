"""Everything that is written to the terminal: data to stdout, talk to stderr.

Text that came from outside is stripped of control sequences when it goes to a terminal. rich is loaded only where a
table or a progress bar is drawn.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import click

from moongate.errors import MoongateError, StorageError
from moongate.wire.clean import printable


@dataclass(frozen=True, kw_only=True)
class Show:
    """How this command was asked to speak."""

    json: bool = False
    quiet: bool = False
    debug: bool = False
    color: bool = True

    def data(self, *parts: str | tuple[str, str], end: str = "\n") -> None:
        """Write a line to stdout; a part may be (text, colour)."""
        _write(sys.stdout, "".join(self._part(part) for part in parts) + end, cleaned=True)

    def raw(self, content: bytes) -> None:
        """Write bytes to stdout as they are; as text that cannot do harm where stdout is a terminal."""
        if sys.stdout is None or sys.stdout.isatty():
            _write(sys.stdout, content.decode("utf-8", "replace"))
        else:
            _write(sys.stdout, "")
            sys.stdout.buffer.write(content)
            _write(sys.stdout, "")

    def document(self, value: Any) -> None:
        """Write one JSON document to stdout, indented on a terminal."""
        _document(value)

    def line(self, value: Any) -> None:
        """Write one JSON line to stdout."""
        import msgspec

        _write(sys.stdout, msgspec.json.encode(value).decode() + "\n")

    def talk(self, text: str) -> None:
        """Say something on stderr, unless asked to be quiet."""
        if not self.quiet:
            _write(sys.stderr, text + "\n")

    def notes(self, notes: Iterable[str]) -> None:
        """Say on stderr what was changed on the way."""
        for note in notes:
            self.talk(f"note: {note}")

    def _part(self, part: str | tuple[str, str]) -> str:
        if not on_terminal():
            return part if isinstance(part, str) else part[0]
        if isinstance(part, str):
            return printable(part)
        return click.style(printable(part[0]), fg=part[1]) if self.color else printable(part[0])

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write a table to stdout: drawn on a terminal, tab-separated otherwise."""
        if not on_terminal():
            for row in (columns, *rows):
                self.data("\t".join(printable(cell) for cell in row))
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold" if self.color else "")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        Console(no_color=not self.color, highlight=False).print(table)

    @contextmanager
    def progress(self, title: str, *, counts: bool = False) -> Iterator[Any]:
        """Yield a function of (done, total) that draws a bar on stderr, where stderr is a terminal.

        The numbers are bytes, or with `counts` things.
        """
        if self.quiet or not sys.stderr.isatty():
            yield lambda done, total: None
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True, no_color=not self.color)
        numbers = MofNCompleteColumn() if counts else DownloadColumn()
        columns = (TextColumn("{task.description}"), BarColumn(), numbers, TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(title, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


def on_terminal() -> bool:
    """Say whether stdout is a terminal; a closed one is none."""
    return sys.stdout is not None and sys.stdout.isatty()


def failure(error: MoongateError, *, as_json: bool, debug: bool) -> int:
    """Report an error and return its exit code."""
    if debug:
        _write(sys.stderr, "".join(traceback.format_exception(error)))
    if as_json:
        _document({"error": described(error)})
    parts = (error.message, error.advice)
    _write(sys.stderr, "moongate: " + " ".join(part for part in parts if part) + "\n")
    return error.exit_code


def described(error: MoongateError) -> Mapping[str, Any]:
    """Return the JSON form of an error."""
    return {
        "kind": error.kind,
        "message": error.message,
        "advice": error.advice,
        "suggestions": list(error.suggestions),
    }


def bug(error: Exception, *, as_json: bool, debug: bool) -> int:
    """Report an error that nobody foresaw."""
    if debug:
        _write(sys.stderr, "".join(traceback.format_exception(error)))
    told = MoongateError(
        f"moongate failed in a way it did not foresee ({type(error).__name__}).",
        advice="Run the same command with --debug, and report what it prints.",
    )
    return failure(told, as_json=as_json, debug=False)


def interrupted(*, as_json: bool) -> None:
    """Say that the user stopped it."""
    if as_json:
        _document({"error": {"kind": "interrupted", "message": "interrupted", "advice": "", "suggestions": []}})
    _write(sys.stderr, "\nmoongate: interrupted\n")


def help_page(text: str) -> None:
    """Show a page of help for a command that was called without what it needs."""
    _write(sys.stderr, text + "\n")


def log_to_stderr(show: Show) -> None:
    """Send the library's warnings to stderr as talk, and its errors even to who asked for quiet."""

    class Talk(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said = replace(show, quiet=show.quiet and record.levelno < logging.ERROR)
            said.talk(f"{record.levelname.lower()}: {record.getMessage()}{_fault(record, whole=show.debug)}")

    logger = logging.getLogger("moongate")
    logger.handlers = [Talk()]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if show.debug else logging.WARNING)


def _fault(record: logging.LogRecord, *, whole: bool) -> str:
    """Return what a record says of an exception: all of it, or kind and place: its text may hold secrets."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return ""
    if whole:
        return "\n" + "".join(traceback.format_exception(error)).rstrip()
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f" ({type(error).__name__}{place}; --debug shows all of it)"


def _document(value: Any) -> None:
    import msgspec

    text = msgspec.json.encode(value)
    _write(sys.stdout, msgspec.json.format(text, indent=2 if on_terminal() else 0).decode() + "\n")


def _write(file: TextIO | None, text: str, *, cleaned: bool = False) -> None:
    """Write and flush. A stream that is closed has no reader; one that cannot take it is reported, and given up."""
    if file is None:
        return
    try:
        file.write(text if cleaned or not file.isatty() else printable(text))
        file.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        give_up(file)
        raise StorageError(f"The output cannot be written: {error.strerror or error}.") from error


def give_up(file: TextIO) -> None:
    """Send what is left in a stream's buffer nowhere, so that its end is no error too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, file.fileno())
    os.close(nowhere)


def speak_utf8() -> None:
    """Escape what the terminal's encoding cannot show, instead of failing over it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
