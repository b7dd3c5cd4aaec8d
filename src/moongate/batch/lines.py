"""A batch file read line by line, in memory for one line only.

What every line must be to be sent at all is checked here; whether it should be sent is `moongate batch validate`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from moongate.batch.records import Line
from moongate.errors import RequestRefusedError, UsageError
from moongate.facts.batches import ENDPOINT, METHOD
from moongate.wire.peek import models_in

MAX_LINE_BYTES = 100 * 1024 * 1024  # as much as a whole file may have


class _Line(msgspec.Struct):
    custom_id: str
    body: msgspec.Raw
    method: str = METHOD
    url: str = ENDPOINT


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch file is: how many lines, of what bytes, for which models."""

    total: int
    size: int  # bytes
    sha256: str
    models: tuple[str, ...]


_DECODER = msgspec.json.Decoder(_Line)


def read(path: Path) -> Iterator[Line]:
    """Yield the lines of a batch file. Raises UsageError for a file, or a line, that cannot be read as one."""
    with opened(path) as file:
        yield from _lines(file, path)


def survey(path: Path) -> Survey:
    """Read a batch file through once. Raises UsageError for one that is none, or empty."""
    digest = sha256_of(path)
    models: dict[str, None] = {}
    total = size = 0
    for line in read(path):
        total, size = total + 1, line.offset + line.size
        try:
            models.update(dict.fromkeys(models_in(line.body)))
        except RequestRefusedError as error:
            raise UsageError(f"{str(path)!r}, line {line.number}: {error.message}") from error
    if total == 0:
        raise UsageError(f"{str(path)!r} has no lines.")
    return Survey(total=total, size=size, sha256=digest, models=tuple(models))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file. Raises UsageError when it cannot be read."""
    digest = hashlib.sha256()
    with opened(path) as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def opened(path: Path) -> BinaryIO:
    """Return a file opened for reading. Raises UsageError when that cannot be done."""
    try:
        return path.open("rb", buffering=1 << 20)
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error


def _lines(file: BinaryIO, path: Path) -> Iterator[Line]:
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
