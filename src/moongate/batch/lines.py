"""A batch file read line by line, in memory for one line only.

What every line must be to be sent at all is checked here; whether it should be sent is `moongate batch validate`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from moongate.batch.records import Line
from moongate.errors import UsageError
from moongate.facts.batches import ENDPOINT, METHOD

BUFFER = 1 << 20  # bytes; every read of the disk lets the journal's thread run first
MAX_LINE_BYTES = 100 * 1024 * 1024  # as much as a whole file may have


class _Line(msgspec.Struct):
    custom_id: str
    body: msgspec.Raw
    method: str = METHOD
    url: str = ENDPOINT


_DECODER = msgspec.json.Decoder(_Line)


def read(path: Path) -> Iterator[Line]:
    """Yield the lines of a batch file. Raises UsageError for a file, or a line, that cannot be read as one."""
    try:
        file = path.open("rb", buffering=BUFFER)
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    with file:
        yield from lines_in(file, path)


def lines_in(file: BinaryIO, path: Path) -> Iterator[Line]:
    """Yield the lines of a file, or of a stretch of one, that is open; `path` is what messages call it."""
    index = offset = number = 0
    while text := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(text) > MAX_LINE_BYTES:
            raise UsageError(f"{str(path)!r}, line {number} is longer than {MAX_LINE_BYTES // 2**20} MiB.")
        if text.strip():
            yield _line(text, path, index=index, number=number, offset=offset)
            index += 1
        offset += len(text)


def _line(text: bytes, path: Path, *, index: int, number: int, offset: int) -> Line:
    try:
        read = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{str(path)!r}, line {number} is no request of a batch: {error}.",
            advice="`moongate batch validate` shows every fault of a file.",
        ) from error
    return Line(
        index=index,
        number=number,
        custom_id=read.custom_id,
        body=bytes(read.body),
        url=read.url,
        offset=offset,
        size=len(text),
    )
