"""The journal of one worker: settled calls, appended before their last byte goes out, until they are in the ledger.

A line is the checksum of its text (8 hex digits), a blank, a JSON list, and a newline, so that a line that was cut
off by a kill or a full disk is recognised. The list is one call, or several that were settled together, a list each.
Files are private (0600), numbered, deleted once the ledger has them.
"""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import msgspec

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
CHUNK = 1 << 20


class Line(msgspec.Struct, array_like=True, gc=False):
    """One settled call, as it stands in a journal."""

    at: float
    account_id: int
    key_id: int
    request_id: str
    model: str
    asked_model: str
    provider: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost_nano: int | None
    currency: str
    price_basis: str
    latency_ms: int
    outcome: str
    status: int
    day: int  # (UTC) that it counts for
    budgets: int  # drawn from: 1 the day's, 2 the month's


_decode = msgspec.json.Decoder(Line).decode
_decode_all = msgspec.json.Decoder(list[Line]).decode


def framed(payload: bytes) -> bytes:
    """Return a JSON list as a line."""
    return b"%08x %b\n" % (zlib.crc32(payload), payload)


def path_of(folder: Path, worker_id: int, number: int) -> Path:
    """Return where a journal lies."""
    return folder / f"{worker_id:08d}-{number:06d}.log"


class Journal:
    """An open journal; one process appends to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)

    def append(self, line: bytes) -> None:
        """Hand a line to the operating system, whole or not at all. Raises OSError."""
        written = os.write(self._file, line)
        if written != len(line):
            os.ftruncate(self._file, self.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.size += written

    def close(self) -> None:
        """Close the file; a line that comes later is refused, and not written into whatever is opened next."""
        os.close(self._file)
        self._file = -1


@dataclass(frozen=True, kw_only=True)
class Group:
    """Lines of a journal that stand one after the other."""

    lines: list[Line]
    end: int  # the position behind them
    broken: int = 0  # lines among them that could not be read


def read(path: Path, position: int) -> Iterator[Group]:
    """Yield the lines from `position` on, in groups.

    What follows the last newline is left: it is still being written, or was cut off by the end of its writer, who
    then never said that the call was settled. A file that is not there has no lines.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(position)
        rest = b""
        while piece := file.read(CHUNK):
            whole, newline, rest = (rest + piece).rpartition(b"\n")
            if newline:
                position += len(whole) + 1
                found = [_lines(text) for text in whole.split(b"\n")]
                lines = list(chain.from_iterable(found))
                yield Group(lines=lines, end=position, broken=found.count([]))


def _lines(text: bytes) -> list[Line]:
    """Return the calls of a line of the file; none of one that is broken."""
    payload = text[9:]
    if text[:9] != b"%08x " % zlib.crc32(payload):
        return []
    try:
        return _decode_all(payload) if payload.startswith(b"[[") else [_decode(payload)]
    except msgspec.MsgspecError:
        return []
