"""A circuit breaker for one account at one endpoint: after failures in a row nothing is sent there for a while.

Pure: times are the caller's, in seconds of any clock that only goes forward.
"""

from __future__ import annotations

from typing import Literal

State = Literal["closed", "open", "half_open"]


class Breaker:
    """Closed it lets everything through, open nothing, half open one call to see whether the endpoint is back.

    `after` failures in a row open it; what the endpoint refuses for good reason is no failure. Every further failure
    doubles the pause, up to `longest_s`.
    """

    __slots__ = ("_failures", "_pause_s", "_probe_until", "_until", "after", "first_s", "is_calm", "longest_s")

    def __init__(self, *, after: int = 5, first_s: float = 5.0, longest_s: float = 60.0) -> None:
        self.after = after
        self.first_s = first_s
        self.longest_s = longest_s
        self._failures = 0
        self._pause_s = first_s
        self._until = 0.0
        self._probe_until = 0.0
        self.is_calm = True  # nothing failed since something succeeded

    def wait(self, now: float) -> float:
        """Return how many seconds it stays shut for one more call; 0.0 lets it through."""
        if self._failures < self.after:
            return 0.0
        return max(self._until - now, self._probe_until - now, 0.0)

    def begins(self, now: float) -> None:
        """Note that a call that was let through leaves. While half open no other one follows before it is back."""
        if self._failures >= self.after:
            self._probe_until = now + self.longest_s

    def succeeded(self) -> None:
        """Close it."""
        self.is_calm = True
        self._failures, self._pause_s, self._probe_until = 0, self.first_s, 0.0

    def failed(self, now: float) -> None:
        """Count a failure; the last of a row opens it."""
        self.is_calm = False
        self._failures += 1
        self._probe_until = 0.0
        if self._failures >= self.after and now >= self._until:
            self._until = now + self._pause_s
            self._pause_s = min(self._pause_s * 2, self.longest_s)

    def let_go(self) -> None:
        """Note that a call ended without saying anything about the endpoint: its client left."""
        self._probe_until = 0.0

    def state(self, now: float) -> State:
        """Return where it stands, for those who watch."""
        if self._failures < self.after:
            return "closed"
        return "open" if now < self._until else "half_open"
