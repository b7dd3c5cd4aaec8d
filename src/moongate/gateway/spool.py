"""Bodies that are too large for memory: in files without a name, under a cap for all of them together."""

from __future__ import annotations

import contextlib
import mmap
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from moongate.gateway.asked import Edit
from moongate.wire.peek import Body

IN_MEMORY_BYTES = 1024 * 1024
DISK_BYTES = 2 * 1024**3  # of one worker
PIECE_BYTES = 256 * 1024


class FullError(Exception):
    """There is no room for another body."""


class Spool:
    """The room for large bodies. Raises FullError when it is used up, or the disk is."""

    def __init__(self, folder: Path | None = None, *, most_bytes: int = DISK_BYTES) -> None:
        self._folder = folder
        self._most = most_bytes
        self.used = 0  # bytes

    def open(self) -> Spooled:
        """Return an empty body."""
        try:
            return Spooled(self, tempfile.TemporaryFile(dir=self._folder))
        except OSError as error:
            raise FullError(str(error)) from error

    def take(self, size: int) -> None:
        """Make room for some bytes more."""
        if self.used + size > self._most:
            raise FullError(f"{self._most} bytes are in use")
        self.used += size


class Spooled:
    """One body on the disk."""

    def __init__(self, spool: Spool, file: BinaryIO) -> None:
        self._spool = spool
        self._file: BinaryIO | None = file
        self._map: mmap.mmap | None = None
        self.size = 0

    def write(self, piece: bytes) -> None:
        """Add a piece. Raises FullError."""
        if self._file is None:
            return
        self._spool.take(len(piece))
        self.size += len(piece)
        try:
            self._file.write(piece)
        except OSError as error:
            raise FullError(str(error)) from error

    def whole(self) -> mmap.mmap:
        """Return the body to be looked at, without reading it into memory. Raises FullError."""
        if self._map is None and self._file is not None:
            try:
                self._file.flush()
                self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
            except OSError as error:
                raise FullError(str(error)) from error
        if self._map is None:
            raise FullError("the body was closed")
        return self._map

    def close(self) -> None:
        """Give the room back; twice does no harm."""
        file, view = self._file, self._map
        self._file = self._map = None
        if file is None:
            return
        self._spool.used -= self.size
        if view is not None:
            view.close()
        with contextlib.suppress(OSError):  # what a full disk did not take is written once more, and no longer wanted
            file.close()


def pieces(body: Body, edits: tuple[Edit, ...]) -> Iterator[bytes]:
    """Yield a body with its edits, which do not overlap, in pieces that fit into memory."""
    at = 0
    for edit in sorted(edits, key=_start):
        yield from _span(body, at, edit.start)
        yield edit.text
        at = edit.end
    yield from _span(body, at, len(body))


def length(body: Body, edits: tuple[Edit, ...]) -> int:
    """Return how long a body with its edits is."""
    return len(body) + sum(len(edit.text) - (edit.end - edit.start) for edit in edits)


def _span(body: Body, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, PIECE_BYTES):
        yield body[at : min(at + PIECE_BYTES, end)]


def _start(edit: Edit) -> int:
    return edit.start
