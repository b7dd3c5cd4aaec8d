"""The limits of one account at one endpoint: those that are configured, and those that its 429s told.

Times are the caller's, in seconds. What one worker sends is counted here; what the others have under way and used is
on the `board`, so that all of them together stay within a limit, however the load is spread. Tokens count when an
answer has told them, since a worst case would let nobody in. (`wire.limits.Pace` counts for one client alone, by what
calls may take at most, as the provider does.)
"""

from __future__ import annotations

from collections import deque

from moongate.gateway.board import Notes, Told, Use
from moongate.wire.limits import BELIEVED_S, WINDOW_S, Limits, limits_in

LONGEST_PAUSE_S = 60.0
_FREE = Limits()
_NOBODY = Use()


class Throttle:
    """How long the next call has to wait. `wait` decides, `begins` and `ended` keep count."""

    __slots__ = (
        "_configured",
        "_learned",
        "_learned_at",
        "_left",
        "_limits",
        "_not_before",
        "_notes",
        "_spent",
        "_tokens",
        "in_flight",
        "is_free",
    )

    def __init__(self, configured: Limits | None = None, notes: Notes | None = None) -> None:
        self._notes = notes  # None: there is no other worker
        self._limits = self._configured = _free_or(configured)
        self._learned = _FREE
        self._learned_at = 0.0
        self._left: deque[float] = deque()
        self._tokens: deque[tuple[float, int]] = deque()
        self._spent = 0
        self.in_flight = 0  # calls that have begun and not ended
        self._not_before = 0.0
        for at, requests, used in () if notes is None else notes.before():
            self._left.extend([at] * requests)
            if used:
                self._tokens.append((at, used))
                self._spent += used
        self.is_free = self._limits is _FREE  # nothing bounds it: only the calls in flight are counted

    @property
    def limits(self) -> Limits:
        """What holds now, configured or told."""
        return self._limits

    def wait(self, now: float) -> float:
        """Return how many seconds the next call has to wait; 0.0 lets it go."""
        if now < self._not_before:
            return self._not_before - now
        limits = self._limits
        if limits is _FREE:
            self.is_free = True
            return 0.0
        if self._learned is not _FREE and now - self._learned_at > BELIEVED_S:
            self._forget()
            limits = self._limits
        self._slide(now)
        others = _NOBODY if self._notes is None else self._notes.others_use(now)
        if limits.concurrency is not None and self.in_flight + others.in_flight >= limits.concurrency:
            return 1.0  # nobody knows when the next one ends
        if limits.rpm is not None and len(self._left) + others.requests >= limits.rpm:
            own = limits.rpm - others.requests
            return self._left[-own] + WINDOW_S - now if own > 0 else 1.0
        if limits.tpm is not None and self._spent + others.tokens >= limits.tpm:
            return self._tokens[0][0] + WINDOW_S - now if self._tokens else 1.0
        return 0.0

    def begins(self, now: float) -> None:
        """Count a call that leaves."""
        self.in_flight += 1
        if self._limits is not _FREE:
            self._left.append(now)
            if self._notes is not None:
                self._notes.under_way(self.in_flight)
                self._notes.used(now, 1, 0)

    def took_too_much(self, now: float) -> bool:
        """Say whether another worker took the last place at the same time. Then the call that just began is none.

        Of two that took it at once the later in the row gives it back, and the earlier one looks until it has.
        """
        if self._notes is None or self._limits is _FREE:
            return False
        if any(not self._is_over(self._notes.others_use(now)) for _ in range(self._notes.looks)):
            return False
        self.in_flight -= 1
        self._left.pop()
        self._notes.under_way(self.in_flight)
        self._notes.used(now, -1, 0)
        return True

    def _is_over(self, others: Use) -> bool:
        limits = self._limits
        return (limits.concurrency is not None and self.in_flight + others.in_flight > limits.concurrency) or (
            limits.rpm is not None and len(self._left) + others.requests > limits.rpm
        )

    def ended(self, now: float, tokens: int) -> None:
        """Count a call that came back, and what it took."""
        self.in_flight -= 1
        if tokens and self._limits is not _FREE:
            self._tokens.append((now, tokens))
            self._spent += tokens
        if self._notes is not None and self._limits is not _FREE:
            self._notes.under_way(self.in_flight)
            self._notes.used(now, 0, tokens)

    def configure(self, configured: Limits, *, same_key: bool) -> None:
        """Go by other limits from now on; what was told is kept where the key is the same."""
        self._configured = _free_or(configured)
        if not same_key:
            self._learned, self._not_before = _FREE, 0.0
        self._limits = self._configured if self._learned is _FREE else _stricter(self._configured, self._learned)
        self.is_free = self._limits is _FREE and not self._not_before

    def notes_no_more(self) -> None:
        """Leave the board to another account: here only calls end that began before."""
        self._notes = None

    def told(self, message: str, retry_after_s: float | None, now: float) -> None:
        """Take in what a 429 said: its limits, and how long it asks to wait."""
        self.is_free = False
        if retry_after_s:
            self._not_before = max(self._not_before, now + min(retry_after_s, LONGEST_PAUSE_S))
        found = limits_in(message)
        if found != _FREE:
            self._learn(found, now)
        if self._notes is not None:
            self._notes.told(Told(self._learned, self._learned_at, self._not_before))

    def look(self, now: float) -> None:
        """Take in what 429s told other workers; called twice a second."""
        if self._notes is None:
            return
        self._notes.under_way(self.in_flight)
        for told in self._notes.others_told():
            if told.not_before > max(now, self._not_before):
                self._not_before, self.is_free = told.not_before, False
            if told.limits != _FREE and told.at > self._learned_at and now - told.at <= BELIEVED_S:
                self._learn(told.limits, told.at)

    def _learn(self, found: Limits, at: float) -> None:
        self.is_free = False
        self._learned |= found
        self._learned_at = at
        self._limits = _stricter(self._configured, self._learned)

    def _forget(self) -> None:
        self._learned, self._limits = _FREE, self._configured

    def _slide(self, now: float) -> None:
        """Drop what is older than the window."""
        while self._left and now - self._left[0] >= WINDOW_S:
            self._left.popleft()
        while self._tokens and now - self._tokens[0][0] >= WINDOW_S:
            self._spent -= self._tokens.popleft()[1]


def _free_or(limits: Limits | None) -> Limits:
    return _FREE if limits is None or limits == _FREE else limits


def _stricter(one: Limits, other: Limits) -> Limits:
    return Limits(
        rpm=_least(one.rpm, other.rpm),
        tpm=_least(one.tpm, other.tpm),
        concurrency=_least(one.concurrency, other.concurrency),
    )


def _least(one: int | None, other: int | None) -> int | None:
    return min((n for n in (one, other) if n is not None), default=None)
