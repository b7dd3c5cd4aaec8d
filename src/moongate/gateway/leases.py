"""Slices of balances, budgets and rates, in the books: taken before they are used, given back, freed for the dead.

SQL on a connection that is handed in, inside the caller's transaction. What stands in `leases` is not yet spent and
nobody else's to use; a line of the ledger moves its cost from there to the balance and to `usage`, so the sum never
passes the limit. How large a slice is, is decided in `pots`.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from moongate.gateway.pots import BUCKETS, COLUMNS, PotName, month_end, share

MINUTE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a worker would like of one pot."""

    pot: PotName
    need: int  # below which nothing helps; 0: anything is welcome
    ask: int
    alone: bool = False  # nothing of it is held here: the rest of a balance may be taken for a call that costs more


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a worker got, and what it may hope for."""

    amount: int
    left: int  # neither spent nor past: the most that could ever be had
    wait_s: float = 0.0  # until a rate has filled up to the need
    is_rest: bool = False  # with what the worker has already it is all there is, for one call that may cost more


def take(connection: sqlite3.Connection, worker_id: int, asked: Ask, *, now: float) -> Grant:
    """Give a worker a slice. Where its need is not met, others are told that theirs is wanted."""
    if asked.pot.kind in BUCKETS:
        return _from_bucket(connection, asked, now=now)
    left = _left(connection, asked.pot)
    own, leased = connection.execute(_LEASED, (worker_id, *asked.pot)).fetchone()
    remaining, others = left - leased, leased - own
    amount = share(remaining, asked.need, asked.ask, _workers(connection))
    is_rest = remaining < asked.need and asked.alone and others == 0 and asked.pot.kind == "balance"
    if is_rest:
        amount = max(remaining, 0)
    if amount:
        give(connection, worker_id, asked.pot, -amount, now=now)
    elif asked.need > 0 and others > 0:
        connection.execute(_WANT, (*asked.pot, worker_id))
    return Grant(amount=amount, left=left, is_rest=is_rest)


def give(connection: sqlite3.Connection, worker_id: int, pot: PotName, amount: int, *, now: float) -> None:
    """Give back a part of a slice; a negative amount makes it larger."""
    if pot.kind in BUCKETS:
        limit = _limit(connection, pot)
        level = min(_level(connection, pot, limit, now) + amount, limit)
        connection.execute(_FILL, (pot.kind, pot.owner_id, level, now))
    else:
        connection.execute(_GIVE, (*pot, worker_id, -amount, -amount))


def use(connection: sqlite3.Connection, worker_id: int, used: Iterable[tuple[PotName, int]]) -> None:
    """Take what is in the ledger now out of a worker's slices; the worker may be no more."""
    connection.executemany(_USE, [(amount, *pot, worker_id) for pot, amount in used])


def is_wanted(connection: sqlite3.Connection, worker_id: int) -> bool:
    """Say whether others wait for a slice of a worker's."""
    return connection.execute(_WANTED, (worker_id,)).fetchone() is not None


def wanted(connection: sqlite3.Connection, worker_id: int) -> tuple[PotName, ...]:
    """Return the pots whose slice others wait for, and forget that they do."""
    found = tuple(PotName(*row) for row in connection.execute(_WANTED, (worker_id,)))
    if found:
        connection.execute("UPDATE leases SET wanted = 0 WHERE worker_id = ? AND wanted", (worker_id,))
    return found


def reclaim(connection: sqlite3.Connection, worker_id: int) -> int:
    """Free what a dead worker had leased; return how many slices."""
    return connection.execute("DELETE FROM leases WHERE worker_id = ?", (worker_id,)).rowcount


_LEASED = """
SELECT coalesce(sum(iif(worker_id = ?, amount, 0)), 0) AS own, coalesce(sum(amount), 0)
  FROM leases WHERE kind = ? AND owner_id = ? AND period = ?
"""
_WANT = """
UPDATE leases SET wanted = 1 WHERE kind = ? AND owner_id = ? AND period = ? AND worker_id <> ? AND amount > 0
"""
_WANTED = "SELECT kind, owner_id, period FROM leases WHERE worker_id = ? AND wanted"
_GIVE = """
INSERT INTO leases (kind, owner_id, period, worker_id, amount) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET amount = amount + ?
"""
_USE = "UPDATE leases SET amount = amount - ? WHERE kind = ? AND owner_id = ? AND period = ? AND worker_id = ?"
_FILL = "INSERT OR REPLACE INTO buckets (kind, key_id, level, at) VALUES (?, ?, ?, ?)"
_SPENT = "SELECT coalesce(sum(cost_nano), 0) FROM usage WHERE key_id = ? AND day BETWEEN ? AND ?"


def _left(connection: sqlite3.Connection, pot: PotName) -> int:
    if pot.kind == "balance":
        return int(
            connection.execute("SELECT balance_nano FROM accounts WHERE id = ?", (pot.owner_id,)).fetchone()[0]
        )
    limit = _limit(connection, pot)
    if pot.kind == "concurrency":
        return limit
    last = pot.period if pot.kind == "day" else month_end(pot.period)
    return limit - int(connection.execute(_SPENT, (pot.owner_id, pot.period, last)).fetchone()[0])


def _limit(connection: sqlite3.Connection, pot: PotName) -> int:
    """Return a key's limit as it is now; one that was lifted meanwhile does not bind."""
    row = connection.execute(f"SELECT {COLUMNS[pot.kind]} FROM keys WHERE id = ?", (pot.owner_id,)).fetchone()  # noqa: S608
    return int(row[0]) if row is not None and row[0] is not None else 2**62


def _workers(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM workers").fetchone()[0])


def _from_bucket(connection: sqlite3.Connection, asked: Ask, *, now: float) -> Grant:
    limit = _limit(connection, asked.pot)
    level = _level(connection, asked.pot, limit, now)
    need = min(asked.need, limit)
    amount = share(math.floor(level), need, asked.ask, _workers(connection))
    if amount:
        connection.execute(_FILL, (asked.pot.kind, asked.pot.owner_id, level - amount, now))
    return Grant(amount=amount, left=limit, wait_s=max(0.0, need - level) * MINUTE_S / limit)


def _level(connection: sqlite3.Connection, pot: PotName, limit: int, now: float) -> float:
    """Return what a bucket holds: it fills up evenly, in a minute."""
    row = connection.execute(
        "SELECT level, at FROM buckets WHERE kind = ? AND key_id = ?", (pot.kind, pot.owner_id)
    ).fetchone()
    if row is None:
        return float(limit)
    level, at = float(row[0]), float(row[1])
    return min(float(limit), level + max(0.0, now - at) * limit / MINUTE_S)
