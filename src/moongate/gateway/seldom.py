"""A filter for the log of calls: the same line once in a while, however many calls have the same trouble."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator

EVERY_S = 10.0
REMEMBERED = 256  # lines


class Seldom(logging.Filter):
    """Lets a line pass that was not there for 10 seconds, and says how often it was held back since the last time."""

    def __init__(self, *, every_s: float = EVERY_S, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every_s = every_s
        self._clock = clock
        self._said: dict[str, tuple[float, int]] = {}  # when, and how often since

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record is written; one that was held back before is told with their number."""
        if record.exc_info:
            return True  # a fault of our own: the same words may stand for another one
        text, now = record.getMessage(), self._clock()
        said_at, held_back = self._said.get(text, (float("-inf"), 0))
        if now - said_at < self._every_s:
            self._said[text] = said_at, held_back + 1
            return False
        if len(self._said) >= REMEMBERED:
            self._said.clear()
        self._said[text] = now, 0
        if held_back:
            record.msg, record.args = "%s (and %d times more since it was said last)", (text, held_back)
        return True


@contextlib.contextmanager
def seldom(log: logging.Logger) -> Iterator[None]:
    """Have a log say the same thing seldom for the length of the block."""
    added = Seldom()
    log.addFilter(added)
    try:
        yield
    finally:
        log.removeFilter(added)
