"""Documented tiers and their counting: requests in flight, per minute, tokens per minute and per day, per account.

Numbers: documentation of the international platform, 2026-08-13. Tokens are counted before generation: the prompt and
all completion tokens that the call may use. Money is not counted here.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

from moongate.testing.accounts import Account
from moongate.testing.exchange import Refusal
from moongate.testing.readings import Readings

MINUTE_S = 60.0
DAY_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Tier:
    """The limits of one tier; None is unlimited."""

    concurrency: int
    rpm: int
    tpm: int
    tpd: int | None = None


TIERS = (
    Tier(concurrency=1, rpm=3, tpm=500_000, tpd=1_500_000),
    Tier(concurrency=50, rpm=200, tpm=2_000_000),
    Tier(concurrency=100, rpm=500, tpm=3_000_000),
    Tier(concurrency=200, rpm=5_000, tpm=3_000_000),
    Tier(concurrency=400, rpm=5_000, tpm=4_000_000),
    Tier(concurrency=1_000, rpm=10_000, tpm=5_000_000),
)
TIER0_AS_NOTED = Tier(concurrency=3, rpm=20, tpm=500_000, tpd=1_500_000)  # a published note of 2026-07-29


def tier_of(account: Account, readings: Readings) -> Tier | None:
    """Return the limits of an account, None when it has none."""
    if account.tier is None:
        return None
    return TIER0_AS_NOTED if account.tier == 0 and readings.tier0 == "20/3" else TIERS[account.tier]


@dataclass
class _Counters:
    in_flight: int = 0
    requests: deque[float] = field(default_factory=deque)  # when they came, within the last minute
    tokens: deque[tuple[float, int]] = field(default_factory=deque)  # when and how many
    day: int = 0
    day_tokens: int = 0


class Limits:
    """Counts the calls of every account and says when one is too many."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._counters: defaultdict[str, _Counters] = defaultdict(_Counters)

    def enter(self, account: Account, now: float) -> None:
        """Count a request in; raises the 429 of concurrency or RPM and then counts nothing."""
        counters, tier = self._counters[account.org], tier_of(account, self._readings)
        _forget(counters, now)
        if tier is not None:
            if counters.in_flight >= tier.concurrency:
                raise self._refused("concurrency", account, 1, limit=tier.concurrency)
            if len(counters.requests) >= tier.rpm:
                left = counters.requests[0] + MINUTE_S - now
                raise self._refused("rpm", account, left, limit=tier.rpm)
        counters.in_flight += 1
        counters.requests.append(now)

    def leave(self, account: Account) -> None:
        """Count a request out, when nothing more will be sent for it."""
        self._counters[account.org].in_flight -= 1

    def spend(self, account: Account, tokens: int, now: float) -> None:
        """Count tokens before they are generated; raises the 429 of TPM or TPD and then counts nothing."""
        counters, tier = self._counters[account.org], tier_of(account, self._readings)
        _forget(counters, now)
        if tier is not None:
            minute = sum(number for _, number in counters.tokens) + tokens
            if minute > tier.tpm:
                left = counters.tokens[0][0] + MINUTE_S - now if counters.tokens else 1
                raise self._refused("tpm", account, left, current=minute, limit=tier.tpm)
            if tier.tpd is not None and counters.day_tokens + tokens > tier.tpd:
                current = counters.day_tokens + tokens
                raise self._refused("tpd", account, DAY_S - now % DAY_S, current=current, limit=tier.tpd)
        counters.tokens.append((now, tokens))
        counters.day_tokens += tokens

    def headers(self, account: Account) -> tuple[tuple[str, str], ...]:
        """Return the headers that the help centre promises: the limit of a minute and what is left of it."""
        tier = tier_of(account, self._readings)
        if tier is None:
            return ()
        left = max(0, tier.rpm - len(self._counters[account.org].requests))
        return (("x-ratelimit-limit", str(tier.rpm)), ("x-ratelimit-remaining", str(left)))

    def _refused(self, name: str, account: Account, left_s: float, **fields: object) -> Refusal:
        seconds = 1 if self._readings.retry_after == "one" and name != "tpd" else max(1, math.ceil(left_s))
        told = (("retry-after", str(seconds)), ("x-retry-after", str(seconds)))
        words = {
            "scope": self._readings.limit_scope,
            "org": account.org,
            "ak": account.ak,
            "seconds": seconds,
            **fields,
        }
        return Refusal(name=name, fields=words, headers=told)


def _forget(counters: _Counters, now: float) -> None:
    while counters.requests and counters.requests[0] <= now - MINUTE_S:
        counters.requests.popleft()
    while counters.tokens and counters.tokens[0][0] <= now - MINUTE_S:
        counters.tokens.popleft()
    if counters.day != int(now // DAY_S):
        counters.day, counters.day_tokens = int(now // DAY_S), 0
