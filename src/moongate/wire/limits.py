"""Rate limits learned from what a provider said, and how long to wait so as not to meet them again.

Moonshot sends no limit headers on chats; limits stand only in the text of a 429 (published captures, 2026-09), and
differ by account, so none is assumed before one was told, and what was told is believed for a while only: tiers grow.
Arithmetic only: times are the caller's, in seconds, and so is the waiting. Tokens a day are never waited for: when
the day begins is not documented.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Any

import msgspec

from moongate.wire.rules.rows import family_of

WINDOW_S = 60.0
BELIEVED_S = 600.0
BYTES_PER_TOKEN = 4  # a rough number: English text
MEDIUM_TOKENS = 4_096  # of an image or a video that stands in the body; rough, and more than was seen
UNTOLD_ANSWER = 32_768  # tokens, of a model of which nothing is known
_RPM = re.compile(r"max RPM: (\d+)", re.IGNORECASE)
_CONCURRENCY = re.compile(r"max (?:organization )?concurrency: (\d+)", re.IGNORECASE)
_TPM = re.compile(r"TPM rate limit, ?current: ?(\d+), ?limit: ?(\d+)", re.IGNORECASE)
_TPD = re.compile(r"TPD rate limit, ?current: ?(\d+), ?limit: ?(\d+)", re.IGNORECASE)
_MEDIA = re.compile(rb";base64,[A-Za-z0-9+/=]+")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """An account's limits as far as they were told: calls a minute and at once, tokens a minute and a day."""

    rpm: int | None = None
    tpm: int | None = None
    tpd: int | None = None
    concurrency: int | None = None

    def __or__(self, later: Limits) -> Limits:
        """Return these limits with what was told later in their place."""
        return Limits(
            rpm=later.rpm or self.rpm,
            tpm=later.tpm or self.tpm,
            tpd=later.tpd or self.tpd,
            concurrency=later.concurrency or self.concurrency,
        )


_UNTOLD = Limits()


def limits_in(message: str) -> Limits:
    """Return the limits that a provider's message names."""
    found = {"rpm": _RPM, "tpm": _TPM, "tpd": _TPD, "concurrency": _CONCURRENCY}
    matches = {name: pattern.search(message) for name, pattern in found.items()}
    return Limits(**{name: int(match[match.lastindex or 0]) for name, match in matches.items() if match})


class _Lengths(msgspec.Struct):
    max_tokens: Any = None
    max_completion_tokens: Any = None


def weight(body: bytes, model: str) -> int:
    """Return about how many tokens a chat counts for before it begins.

    The provider adds the prompt and the longest answer that the request allows, whatever comes of it (documentation
    of 2026-08-13).
    """
    try:
        asked = msgspec.json.decode(body, type=_Lengths)
        said = asked.max_completion_tokens or asked.max_tokens
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = None
    answer = said if type(said) is int and said > 0 else family_of(model).answer or UNTOLD_ANSWER
    media = [len(match[0]) for match in _MEDIA.finditer(body)]
    return (len(body) - sum(media)) // BYTES_PER_TOKEN + MEDIUM_TOKENS * len(media) + answer


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Ask again in so many seconds, or as soon as another call has ended."""

    seconds: float
    why: str  # the limit, in words
    is_for_others: bool = False  # it ends when another call does


class Pace:
    """What one account was told, its calls under way, and when the last ones left.

    Every call that was let in is let out again. Whoever holds it from several threads guards it.
    """

    def __init__(self) -> None:
        self.limits = _UNTOLD
        self.under_way = 0
        self._told_at = 0.0
        self._day: tuple[float, int] | None = None  # when the day's tokens were told, and how many were left then
        self._left: deque[float] = deque(maxlen=10_000)  # when calls left
        self._tokens: deque[tuple[float, int]] = deque()  # when they left, and with how many tokens

    def enter(self, now: float, tokens: int = 0, *, since: float | None = None) -> Wait | None:
        """Let a call leave and count it, or say how long to wait.

        `tokens` is its `weight`, `since` when it first asked.
        """
        if self.limits is not _UNTOLD and now - self._told_at > BELIEVED_S:
            self.limits = _UNTOLD
        wait = self._calls(now) or self._room(now, tokens) or self._at_once(now, now if since is None else since)
        if wait is None:
            self.under_way += 1
            self._left.append(now)
            if self.limits.tpm:
                self._tokens.append((now, tokens))
        return wait

    def spent(self, now: float, tokens: int) -> Wait | None:
        """Say for how long a call need not be sent: less than a minute ago the day had no room for its tokens."""
        if self._day is None or self._day[0] + WINDOW_S <= now or tokens <= self._day[1]:
            return None
        return Wait(seconds=self._day[0] + WINDOW_S - now, why=f"{self.limits.tpd} tokens a day")

    def leave(self) -> None:
        """Count a call as ended."""
        self.under_way -= 1

    def learn(self, message: str, now: float, tokens: int = 0) -> None:
        """Take the limits in a message in, newer ones over older ones; `tokens` is the refused call's `weight`."""
        self.limits |= limits_in(message)
        self._told_at = now
        today = _TPD.search(message)
        if today:
            self._day = (now, int(today[2]) - max(0, int(today[1]) - tokens))
        told = _TPM.search(message)
        if told:  # what others of the same account used counts too, and the call that was refused does not
            self._tokens = deque([(now, max(0, int(told[1]) - tokens))])

    def _calls(self, now: float) -> Wait | None:
        limit = self.limits.rpm
        if not limit or len(self._left) < limit or self._left[-limit] + WINDOW_S <= now:
            return None
        return Wait(seconds=self._left[-limit] + WINDOW_S - now, why=f"{limit} calls a minute")

    def _room(self, now: float, tokens: int) -> Wait | None:
        """Say when the minute has room for so many tokens; a call larger than the limit waits for an empty one."""
        limit = self.limits.tpm
        if not limit:
            return None
        while self._tokens and self._tokens[0][0] + WINDOW_S <= now:
            self._tokens.popleft()
        over = sum(number for _, number in self._tokens) + min(tokens, limit) - limit
        until = now
        for left, number in self._tokens:  # oldest first: when enough of them are a minute old
            if over <= 0:
                break
            over, until = over - number, left + WINDOW_S
        return Wait(seconds=until - now, why=f"{limit} tokens a minute") if until > now else None

    def _at_once(self, now: float, since: float) -> Wait | None:
        """Wait for another call to end, but not for ever: it may be one that the waiting call itself would end."""
        limit = self.limits.concurrency
        if not limit or self.under_way < limit or since + WINDOW_S <= now:
            return None
        return Wait(seconds=since + WINDOW_S - now, why=f"{limit} calls at once", is_for_others=True)
