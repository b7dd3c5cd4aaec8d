"""How many calls may be under way: grows until the provider asks for less, then halves. Pure; times are handed in.

It doubles at first (one more for every answer), and after the first complaint it grows by one for every round of
answers. Calls that left before the last cut say nothing new, so one burst of refusals cuts once.
"""

from __future__ import annotations

LONGEST_WAIT_S = 300.0  # a provider that asks for more is asked again after this


class Throttle:
    """The limit for one account. `most` is never passed; `limit` is what holds now."""

    def __init__(self, *, most: int, first: int = 16) -> None:
        self.most = most
        self._limit = float(min(first, most))
        self._cut_at = float("-inf")
        self._growing_fast = True
        self.opens_at = float("-inf")  # nothing leaves before

    @property
    def limit(self) -> int:
        """How many calls may be under way."""
        return int(self._limit)

    def answered(self) -> None:
        """Note an answer: there may be room for more."""
        if self._limit < self.most:
            self._limit = min(self.most, self._limit + (1.0 if self._growing_fast else 1.0 / self._limit))

    def refused(
        self, now: float, *, sent_at: float, retry_after_s: float | None = None, concurrency: int | None = None
    ) -> None:
        """Note a 429 for a call that left at `sent_at`; `concurrency` is a limit that its text named."""
        self._growing_fast = False
        if concurrency:
            self.most = max(1, min(self.most, concurrency))
            self._limit = min(self._limit, self.most)
        if retry_after_s is not None:
            self.opens_at = max(self.opens_at, now + min(retry_after_s, LONGEST_WAIT_S))
        if sent_at > self._cut_at:
            self._cut_at = now
            self._limit = max(1.0, self._limit / 2)
