"""A byte for every line of a job, as a value: a change returns new marks and copies little.

The bytes lie in pages; setting one copies its page and the tuple of pages, about a microsecond for a million lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

PAGE: Final = 4096  # lines

SENT: Final = 1  # on its way: intended, and not answered yet
DOUBT: Final = 2  # a try of it may have been charged, and its answer is lost
DONE: Final = 4  # it has an answer
FAILED: Final = 8  # it ended without one

_ENDED = DONE | FAILED


class Marks:
    """Immutable; equal when every line has the same mark."""

    __slots__ = ("_pages", "_total")

    def __init__(self, total: int = 0, pages: tuple[bytes, ...] | None = None) -> None:
        self._total = total
        self._pages = _blank(total) if pages is None else pages

    def __len__(self) -> int:
        return self._total

    def __getitem__(self, index: int) -> int:
        return self._pages[index // PAGE][index % PAGE]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Marks) and other._total == self._total and other._pages == self._pages

    def __hash__(self) -> int:
        return hash((self._total, self._pages))

    def set(self, index: int, mark: int) -> Marks:
        """Return marks in which the line at `index` has this one."""
        at, pages = index // PAGE, self._pages
        page, place = pages[at], index % PAGE
        changed = b"%b%c%b" % (page[:place], mark, page[place + 1 :])
        return Marks(self._total, (*pages[:at], changed, *pages[at + 1 :]))

    def translated(self, table: bytes) -> Marks:
        """Return marks in which every one is replaced by what stands at its place in a table of 256."""
        return Marks(self._total, tuple(page.translate(table) for page in self._pages))

    def count(self, mark: int) -> int:
        """Return how many lines have exactly this mark."""
        return sum(page.count(mark) for page in self._pages)

    def waiting(self) -> Iterator[int]:
        """Yield the indexes of the lines that neither ended nor are on their way."""
        for at, page in enumerate(self._pages):
            if page.translate(_OPEN).strip(b"\0"):
                yield from (at * PAGE + place for place, mark in enumerate(page) if not mark & (_ENDED | SENT))


def table(change: dict[int, int]) -> bytes:
    """Return a table for `translated` that changes these marks and leaves the others."""
    return bytes(change.get(mark, mark) for mark in range(256))


_OPEN = bytes(0 if mark & (_ENDED | SENT) else 1 for mark in range(256))


def _blank(total: int) -> tuple[bytes, ...]:
    full, rest = divmod(total, PAGE)
    return (bytes(PAGE),) * full + ((bytes(rest),) if rest else ())
