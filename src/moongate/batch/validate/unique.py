"""Which ids occur twice: exact, without holding them all.

Ids are kept in memory up to a bound. Beyond it they lie on the disk, spread by their hash over so many partitions
that one of them fits into memory; at the end each is read back and its ids are compared as texts. A hash only says
where an id lies, so that two ids that share one are never taken for the same.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec

from moongate.errors import StorageError

IN_MEMORY = 24 << 20  # bytes that ids may take, together with what a dict adds to each
PER_ID = 150  # bytes, measured: the text's header, its number, its place in a dict
PARTITIONS = 512
FLUSH = 16 << 20  # bytes of ids that wait to be written, all partitions together

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[list[str], list[int]]).decode


class Repeat(msgspec.Struct, frozen=True, kw_only=True):
    """An id that was there before: in which line first, and in which one again."""

    id: str
    first: int
    again: int


class Unique:
    """Ids as they come, with the numbers of their lines; `repeats` at the end. To be closed."""

    def __init__(self, *, in_memory: int = IN_MEMORY, partitions: int = PARTITIONS, flush: int = FLUSH) -> None:
        self._in_memory, self._flush = in_memory, flush
        self._seen: dict[str, int] = {}
        self._found: list[Repeat] = []  # those met while everything was in memory; bounded by what is in memory
        self._waiting: list[tuple[list[str], list[int]]] = [([], []) for _ in range(partitions)]
        self._places: list[list[tuple[int, int]]] = [[] for _ in range(partitions)]
        self._held = 0  # bytes, in memory or waiting
        self._file: BinaryIO | None = None

    def add(self, ids: Sequence[str], first: int) -> None:
        """Add the ids of lines that follow each other, the first of which has the number `first`."""
        self._held += sum(map(len, ids)) + PER_ID * len(ids)
        numbers = range(first, first + len(ids))
        if self._file is not None:
            self._spread(ids, numbers)
        elif self._held <= self._in_memory:
            self._keep(ids, numbers)
        else:
            self._overflow(ids, numbers)

    def repeats(self) -> Iterator[Repeat]:
        """Yield every repetition; in the order of lines while all ids fit into memory, else in no order."""
        if self._file is None:
            yield from self._found
            return
        with _explained():
            self._write()
            for places in self._places:
                yield from self._within(self._file, places)

    def close(self) -> None:
        """Give the disk back."""
        if self._file is not None:
            self._file.close()

    def _keep(self, ids: Sequence[str], numbers: range) -> None:
        first = list(map(self._seen.setdefault, ids, numbers))
        if first != list(numbers):
            pairs = zip(ids, first, numbers, strict=True)
            self._found += [Repeat(id=id_, first=one, again=now) for id_, one, now in pairs if one != now]

    def _overflow(self, ids: Sequence[str], numbers: range) -> None:
        """Move to the disk what was kept, in its order, and what was found: a repeated id as often as it came."""
        with _explained():
            self._file = tempfile.TemporaryFile(prefix="moongate-ids-")  # noqa: SIM115 - closed by `close`
        self._spread(tuple(self._seen), tuple(self._seen.values()))
        again = self._found
        self._spread([repeat.id for repeat in again], [repeat.again for repeat in again])
        self._seen, self._found = {}, []
        self._spread(ids, numbers)

    def _spread(self, ids: Sequence[str], numbers: Sequence[int]) -> None:
        waiting, count = self._waiting, len(self._waiting)
        for id_, number in zip(ids, numbers, strict=True):
            texts, lines = waiting[hash(id_) % count]
            texts.append(id_)
            lines.append(number)
        if self._held > self._flush:
            with _explained():
                self._write()

    def _write(self) -> None:
        assert self._file is not None  # noqa: S101 - opened before anything is spread
        at = self._file.seek(0, 2)
        for (texts, lines), places in zip(self._waiting, self._places, strict=True):
            if texts:
                size = self._file.write(_pack((texts, lines)))
                places.append((at, size))
                at += size
                texts.clear()
                lines.clear()
        self._held = 0

    def _within(self, file: BinaryIO, places: list[tuple[int, int]]) -> Iterator[Repeat]:
        """Compare the ids of one partition."""
        seen: dict[str, int] = {}
        for at, size in places:
            file.seek(at)
            texts, lines = _unpack(file.read(size))
            for id_, number in zip(texts, lines, strict=True):
                first = seen.setdefault(id_, number)
                if first != number:
                    yield Repeat(id=id_, first=first, again=number)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn the disk's refusal into an error that says where."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"Ids cannot be set aside in {tempfile.gettempdir()!r}: {error.strerror or error}.",
            advice="Free some space there, or set TMPDIR to another folder.",
        ) from error
