"""A clock that moves only when it is told to. Hand it to the server, and limits and batches obey it."""

from __future__ import annotations


class FixedClock:
    """Seconds since the epoch; call it to read it."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time in seconds since the epoch."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self.now += seconds
