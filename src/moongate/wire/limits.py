"""Rate limits learned from what a provider said, and how long to wait so as not to meet them again.

Moonshot sends no limit headers on chats; limits stand only in the text of a 429 (published captures, 2026-09), and
differ by account, so none is assumed before one was told. Times are the caller's, in seconds.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

WINDOW_S = 60.0
_RPM = re.compile(r"max RPM: (\d+)", re.IGNORECASE)
_CONCURRENCY = re.compile(r"max (?:organization )?concurrency: (\d+)", re.IGNORECASE)
_TPM = re.compile(r"TPM rate limit, ?current: ?\d+, ?limit: ?(\d+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """An account's limits as far as they were told: requests and tokens a minute, calls at once."""

    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None


def limits_in(message: str) -> Limits:
    """Return the limits that a provider's message names."""
    found = {"rpm": _RPM.search(message), "tpm": _TPM.search(message), "concurrency": _CONCURRENCY.search(message)}
    return Limits(**{name: int(match[1]) for name, match in found.items() if match})


class Pace:
    """What one account was told, and when its last calls left. Calls are spread by requests and tokens a minute."""

    def __init__(self) -> None:
        self.limits = Limits()
        self._left: deque[float] = deque(maxlen=10_000)
        self._tokens: deque[tuple[float, int]] = deque()
        self._sum = 0  # of the tokens in the deque

    def learn(self, message: str) -> None:
        """Take the limits in a message in, newer ones over older ones."""
        told = limits_in(message)
        self.limits = Limits(
            rpm=told.rpm or self.limits.rpm,
            tpm=told.tpm or self.limits.tpm,
            concurrency=told.concurrency or self.limits.concurrency,
        )

    def leaves(self, now: float, tokens: int = 0) -> float:
        """Note that a call wants to leave, and return how many seconds it should wait first; 0 without a limit.

        `tokens` is what the platform counts for it: the prompt and the most that the answer may have (help centre,
        2026-08-13).
        """
        earliest = now
        if self.limits.rpm and len(self._left) >= self.limits.rpm:
            earliest = max(now, self._left[-self.limits.rpm] + WINDOW_S)
        if self.limits.tpm and tokens:
            earliest = self._for_tokens(earliest, tokens, self.limits.tpm)
        self._left.append(earliest)
        return earliest - now

    def _for_tokens(self, earliest: float, tokens: int, most: int) -> float:
        """Return when so many tokens fit: those that left a minute before count no more."""
        while self._tokens and (self._tokens[0][0] <= earliest - WINDOW_S or self._sum + tokens > most):
            left, count = self._tokens.popleft()
            self._sum -= count
            earliest = max(earliest, left + WINDOW_S)
        self._tokens.append((earliest, tokens))
        self._sum += tokens
        return earliest
