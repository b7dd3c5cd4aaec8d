"""How a file travels: the parts that a provider's limits cut it into, and a part of its own for lines chosen anew.

A part is a stretch of a file, so that nothing is copied: `stretch` opens one for reading. What one file may hold is
`records.Limits`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from moongate.batch.blocks import blocks, opened
from moongate.batch.records import Limits, Part
from moongate.errors import UsageError
from moongate.store.atomic import replacing


def split(path: str | Path, limits: Limits, *, number: int = 0, first: int = 0) -> Iterator[Part]:
    """Yield the parts of a batch file, each as full as the limits allow; lines stay whole and in their order.

    Parts are counted from `number`, and their lines from `first`. Blank lines travel with the line before them and
    are not counted. Raises UsageError for a line that no file may hold, and for a file that cannot be read.
    """
    plan = _Plan(str(path), limits, number=number, first=first)
    for place, line in _lines(path):
        yield from plan.add(place, len(line), blank=not line.strip())
    yield from plan.finish()


def pick(source: str | Path, indexes: Iterable[int], target: str | Path) -> int:
    """Write the lines with these indexes, ascending, to a file of their own; return how many there are.

    Indexes count from 0, blank lines left out. Raises UsageError when the source has fewer lines.
    """
    wanted = iter(indexes)
    index, count, sought = 0, 0, next(wanted, None)
    with replacing(target) as file:
        for _, line in _lines(source):
            if sought is None:
                break
            if not line.strip():
                continue
            if index == sought:
                file.write(line if line.endswith(b"\n") else line + b"\n")
                count, sought = count + 1, next(wanted, None)
            index += 1
        if sought is not None:
            raise UsageError(f"{str(source)!r} has no line {sought}: it has changed since the job began.")
    return count


def stretch(path: str | Path, offset: int, size: int) -> BinaryIO:
    """Return a part of a file, opened for reading from its beginning to its end.

    Raises UsageError when the file cannot be read.
    """
    try:
        file = Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed with what is returned
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    return cast(BinaryIO, io.BufferedReader(_Stretch(file, offset, size), buffer_size=1 << 20))


class _Plan:
    """Fills one part after the other."""

    def __init__(self, path: str, limits: Limits, *, number: int, first: int) -> None:
        self._path, self._limits = path, limits
        self._number, self._first = number, first
        self._offset = self._size = self._lines = 0

    def add(self, number: int, size: int, *, blank: bool) -> Iterator[Part]:
        most = self._limits.max_bytes
        if size > most:
            raise UsageError(f"{self._path!r}, line {number} has {size} bytes, more than the {most} of a whole file.")
        full = self._lines == self._limits.max_lines and not blank
        if self._size and (self._size + size > most or full):
            yield from self.finish()
        self._size += size
        self._lines += not blank

    def finish(self) -> Iterator[Part]:
        if self._lines:
            yield Part(
                number=self._number,
                path=self._path,
                offset=self._offset,
                size=self._size,
                first=self._first,
                lines=self._lines,
            )
            self._number += 1
            self._first += self._lines
        self._offset += self._size
        self._size = self._lines = 0


class _Stretch(io.RawIOBase):
    """Some bytes of a file, as a file."""

    def __init__(self, file: io.FileIO, offset: int, size: int) -> None:
        self._file, self._start, self._size = file, offset, size
        self._at = 0
        file.seek(offset)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = min(max(base + offset, 0), self._size)
        self._file.seek(self._start + self._at)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._file.readinto(memoryview(buffer)[: self._size - self._at]) or 0
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    with opened(path) as file:
        for block in blocks(file):
            if block.too_long:
                raise UsageError(f"{str(path)!r}, line {block.first} has {block.size} bytes: no file may hold it.")
            yield from enumerate(block.lines, block.first)
