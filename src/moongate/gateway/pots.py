"""What calls draw from: a balance, budgets, rates and calls at once, as far as this worker holds a slice of them.

Arithmetic only. A slice is taken from the books before it is used (`leases`), so whatever workers do with theirs, the
whole is never passed. All of it belongs to the loop's thread.
"""

from __future__ import annotations

import datetime
from typing import Literal, NamedTuple

Kind = Literal["balance", "day", "month", "concurrency", "rpm", "tpm"]

DAY_S = 86_400
NANO, TOKENS, CALLS, SLOTS = range(4)  # what is drawn: money, tokens, a request, a place among the calls at once
UNITS: dict[Kind, int] = {
    "balance": NANO,
    "day": NANO,
    "month": NANO,
    "concurrency": SLOTS,
    "rpm": CALLS,
    "tpm": TOKENS,
}
COLUMNS: dict[Kind, str] = {  # of a key, that hold its limits
    "day": "budget_day_nano",
    "month": "budget_month_nano",
    "concurrency": "concurrency",
    "rpm": "rpm",
    "tpm": "tpm",
}
BUCKETS = frozenset({"rpm", "tpm"})
EXTRA = 8  # times its need is what the first call on a pot asks for: the next ones find it at hand
AHEAD = 4  # a slice lasts for as many rounds as are gone by before the next can be there, and some
IDLE_ROUNDS = 100  # a slice that nobody drew from for so long goes back; before, if another worker wants it
IDLE_ROUNDS_OF_RATES = 5  # what is saved up while the bucket fills again would be more than the rate


class PotName(NamedTuple):
    """Which pot: its kind, whose it is, and the day or first day of the month that it counts for."""

    kind: Kind
    owner_id: int  # an account for a balance, else a key
    period: int = 0


class Pot:
    """This worker's slice of one pot."""

    __slots__ = ("drawn", "floor", "free", "held", "idle", "limit", "name", "pace", "patience", "unit")

    def __init__(self, name: PotName, limit: int | None = None) -> None:
        self.name = name
        self.unit = UNITS[name.kind]
        self.limit = limit  # of a rate
        self.patience = IDLE_ROUNDS_OF_RATES if name.kind in BUCKETS else IDLE_ROUNDS
        self.free = 0
        self.floor = 0  # kept at hand while calls come at all
        self.held = 0  # by calls in flight
        self.drawn = 0  # since the last round
        self.pace = 0  # drawn a round, lately
        self.idle = 0  # rounds without a call

    def need(self, nano: int, tokens: int) -> int:
        """Return what a call draws. One that is larger than a whole minute's tokens needs all of them."""
        if self.unit == NANO:
            return nano
        if self.unit == TOKENS:
            return min(tokens, self.limit) if self.limit is not None else tokens
        return 1

    def needs(self, amount: int) -> None:
        """Keep some times this much at hand from now on, so that the next call need not wait for the books."""
        self.floor = 0 if self.name.kind in BUCKETS else EXTRA * amount

    def draw(self, amount: int) -> None:
        """Take something out, for a call."""
        self.free -= amount
        self.held += amount
        self.drawn += amount

    def put_back(self, held: int, rest: int) -> None:
        """Forget what a call held, and put back what it did not use; below zero where it used more."""
        self.held -= held
        self.free += rest

    def turn(self) -> tuple[int, int]:
        """Return how much to give back, and how much more to ask for, as a round goes by.

        What is below zero, after a call that cost more than was set aside, is a debt: given back, it is settled.
        """
        self.pace = max(self.drawn, self.pace // 2)
        self.idle = 0 if self.drawn else self.idle + 1
        self.drawn = 0
        if self.free < 0:
            return (0, 0) if self.held else (self.free, 0)
        if self.idle >= self.patience:
            return self.free, 0
        target = self.pace * AHEAD
        if self.free < target // 2:
            return 0, target - self.free
        return max(self.free - max(target * 2, self.floor), 0), 0

    @property
    def empty(self) -> bool:
        """Whether nothing is left here to keep an eye on."""
        return self.free == 0 and self.held == 0 and self.drawn == 0


class Purse:
    """The pots that one key's calls draw from, for one day, by what is drawn."""

    __slots__ = ("balance", "budgets", "counts", "day", "money", "others", "pots", "tokens")

    def __init__(self, day: int, balance: Pot, others: tuple[Pot, ...]) -> None:
        self.day = day
        self.balance = balance
        self.others = others
        self.pots = (balance, *others)
        self.money = tuple(pot for pot in others if pot.unit == NANO)
        self.counts = tuple(pot for pot in others if pot.unit in (CALLS, SLOTS))
        self.tokens = next((pot for pot in others if pot.unit == TOKENS), None)
        kinds = {pot.name.kind for pot in others}
        self.budgets = ("day" in kinds) + 2 * ("month" in kinds)  # as the journal tells it


def share(remaining: int, need: int, ask: int, workers: int) -> int:
    """Return the slice that a worker gets of what nobody holds; 0 where even its need is not there.

    Beyond the need never more than its half of what is left, so that slices shrink towards the end, and a worker that
    is alone still gets everything.
    """
    if remaining < need or remaining <= 0:
        return 0
    return need + max(0, min(ask - need, (remaining - need) // (2 * max(workers, 1))))


def day_of(at: float) -> int:
    """Return the day (UTC) of a moment, counted from the epoch."""
    return int(at // DAY_S)


def end_of(day: int, expires_at: float | None) -> float:
    """Return until when a purse may be drawn from: the end of its day, or of its key."""
    end = (day + 1) * float(DAY_S)
    return end if expires_at is None else min(end, expires_at)


def month_of(day: int) -> int:
    """Return the first day of a day's month."""
    return day - _date(day).day + 1


def month_end(first: int) -> int:
    """Return the last day of the month that begins with `first`."""
    later = _date(first + 31)
    return first + 31 - later.day


def _date(day: int) -> datetime.date:
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
