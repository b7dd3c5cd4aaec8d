"""The limits of one account at one endpoint: those that are configured, and those that its 429s told.

Pure: times are the caller's, in seconds. What one worker sends is counted here; workers share an account's configured
limits evenly. Tokens count when an answer has told them, since a worst case would let nobody in.
"""

from __future__ import annotations

from collections import deque

from moongate.wire.limits import WINDOW_S, Limits, limits_in

LEARNED_FOR_S = 600.0  # tiers grow: what was told is believed for this long
LONGEST_PAUSE_S = 60.0
_FREE = Limits()


class Throttle:
    """How long the next call has to wait. `wait` decides, `begins` and `ended` keep count."""

    __slots__ = (
        "_configured",
        "_learned",
        "_learned_at",
        "_left",
        "_limits",
        "_not_before",
        "_spent",
        "_tokens",
        "in_flight",
        "is_free",
    )

    def __init__(self, configured: Limits | None = None, *, workers: int = 1) -> None:
        self._configured = _shared(configured or Limits(), workers)
        self._limits = self._configured
        self._learned = _FREE
        self._learned_at = 0.0
        self._left: deque[float] = deque()
        self._tokens: deque[tuple[float, int]] = deque()
        self._spent = 0
        self.in_flight = 0  # calls that have begun and not ended
        self._not_before = 0.0
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
        if self._learned is not _FREE and now - self._learned_at > LEARNED_FOR_S:
            self._forget()
            limits = self._limits
        self._slide(now)
        if limits.concurrency is not None and self.in_flight >= limits.concurrency:
            return 1.0  # nobody knows when the next one ends
        if limits.rpm is not None and len(self._left) >= limits.rpm:
            return self._left[-limits.rpm] + WINDOW_S - now
        if limits.tpm is not None and self._spent >= limits.tpm:
            return self._tokens[0][0] + WINDOW_S - now
        return 0.0

    def begins(self, now: float) -> None:
        """Count a call that leaves."""
        self.in_flight += 1
        if self._limits is not _FREE:
            self._left.append(now)

    def ended(self, now: float, tokens: int) -> None:
        """Count a call that came back, and what it took."""
        self.in_flight -= 1
        if tokens and self._limits is not _FREE:
            self._tokens.append((now, tokens))
            self._spent += tokens

    def told(self, message: str, retry_after_s: float | None, now: float) -> None:
        """Take in what a 429 said: its limits, and how long it asks to wait."""
        self.is_free = False
        if retry_after_s:
            self._not_before = max(self._not_before, now + min(retry_after_s, LONGEST_PAUSE_S))
        found = limits_in(message)
        if found == Limits():
            return
        self._learned = Limits(
            rpm=found.rpm or self._learned.rpm,
            tpm=found.tpm or self._learned.tpm,
            concurrency=found.concurrency or self._learned.concurrency,
        )
        self._learned_at = now
        self._limits = _stricter(self._configured, self._learned)

    def _forget(self) -> None:
        self._learned, self._limits = _FREE, self._configured

    def _slide(self, now: float) -> None:
        """Drop what is older than the window."""
        while self._left and now - self._left[0] >= WINDOW_S:
            self._left.popleft()
        while self._tokens and now - self._tokens[0][0] >= WINDOW_S:
            self._spent -= self._tokens.popleft()[1]


def _shared(limits: Limits, workers: int) -> Limits:
    parts = {name: getattr(limits, name) for name in ("rpm", "tpm", "concurrency")}
    if not any(parts.values()):
        return _FREE
    return Limits(**{name: None if most is None else max(most // workers, 1) for name, most in parts.items()})


def _stricter(one: Limits, other: Limits) -> Limits:
    return Limits(
        rpm=_least(one.rpm, other.rpm),
        tpm=_least(one.tpm, other.tpm),
        concurrency=_least(one.concurrency, other.concurrency),
    )


def _least(one: int | None, other: int | None) -> int | None:
    return min((n for n in (one, other) if n is not None), default=None)
