"""From journals into the ledger: lines, what they add up to, balances, and what they used of a worker's slices.

SQL on a connection that is handed in, inside the caller's transaction, which also notes how far the journal is read:
each line counts exactly once, whoever reads it. Many rows go into one statement, because each statement that steps
gives up the interpreter's lock and has to win it back from a busy loop.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, islice

import msgspec

from moongate.gateway import leases
from moongate.gateway.journal import Line
from moongate.gateway.pots import PotName, month_of
from moongate.ledger.entry import OK

ROWS = 64  # a statement; 4 times quicker a row than one by one, more make no difference
_COLUMNS = Line.__struct_fields__[:-2]
_ONE = f"({', '.join('?' * len(_COLUMNS))})"
_INSERT = f"INSERT INTO ledger ({', '.join(_COLUMNS)}) VALUES "  # noqa: S608 - our own names
_SUM = """
INSERT INTO usage (key_id, day, provider, model, currency, calls, failed, unpriced, prompt_tokens, completion_tokens,
                   cached_tokens, reasoning_tokens, cost_nano, latency_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, failed = failed + excluded.failed,
       unpriced = unpriced + excluded.unpriced, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
       completion_tokens = completion_tokens + excluded.completion_tokens,
       cached_tokens = cached_tokens + excluded.cached_tokens,
       reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
       cost_nano = cost_nano + excluded.cost_nano, latency_ms = latency_ms + excluded.latency_ms
"""
_PAY = "UPDATE accounts SET balance_nano = balance_nano - ? WHERE id = ?"
_NOTED = """
INSERT INTO journals (worker_id, number, position) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET position = excluded.position
"""


def ingest(connection: sqlite3.Connection, worker_id: int, number: int, lines: Sequence[Line], end: int) -> None:
    """Book a group of lines from a worker's journal, and note that it is read up to `end`."""
    add(connection, lines)
    used: defaultdict[PotName, int] = defaultdict(int)
    for (account_id, key_id, day, budgets), cost in _costs(lines).items():
        connection.execute(_PAY, (cost, account_id))
        for pot in _drawn(account_id, key_id, day, budgets):
            used[pot] += cost
    leases.use(connection, worker_id, used.items())
    connection.execute(_NOTED, (worker_id, number, end))


def add(connection: sqlite3.Connection, lines: Sequence[Line]) -> None:
    """Write lines into the ledger, and into what it adds up to."""
    _insert(connection, lines)
    connection.executemany(_SUM, _sums(lines))


def position(connection: sqlite3.Connection, worker_id: int, number: int) -> int:
    """Return up to where a journal is in the ledger, in bytes."""
    row = connection.execute(
        "SELECT position FROM journals WHERE worker_id = ? AND number = ?", (worker_id, number)
    ).fetchone()
    return int(row[0]) if row is not None else 0


def _insert(connection: sqlite3.Connection, lines: Sequence[Line]) -> None:
    rows = iter(lines)
    size = ROWS
    while group := list(islice(rows, size)):
        while len(group) < size:
            size //= 2  # few sizes, so that the statements stay prepared
        group, rows = group[:size], chain(group[size:], rows)
        values = chain.from_iterable(msgspec.structs.astuple(line)[:-2] for line in group)
        connection.execute(_INSERT + ", ".join([_ONE] * size), tuple(values))


def _sums(lines: Sequence[Line]) -> list[tuple[int | str, ...]]:
    sums: dict[tuple[int | str, ...], list[int]] = {}
    for line in lines:
        name = (line.key_id, line.day, line.provider, line.model or line.asked_model, line.currency)
        total = sums.get(name)
        if total is None:
            total = sums[name] = [0] * 9
        total[0] += 1
        total[1] += line.outcome != OK
        total[2] += line.cost_nano is None
        total[3] += line.prompt_tokens
        total[4] += line.completion_tokens
        total[5] += line.cached_tokens
        total[6] += line.reasoning_tokens
        total[7] += line.cost_nano or 0
        total[8] += line.latency_ms
    return [(*name, *total) for name, total in sums.items()]


def _costs(lines: Sequence[Line]) -> dict[tuple[int, int, int, int], int]:
    costs: defaultdict[tuple[int, int, int, int], int] = defaultdict(int)
    for line in lines:
        if line.cost_nano:
            costs[line.account_id, line.key_id, line.day, line.budgets] += line.cost_nano
    return costs


def _drawn(account_id: int, key_id: int, day: int, budgets: int) -> list[PotName]:
    pots = [PotName("balance", account_id)]
    if budgets & 1:
        pots.append(PotName("day", key_id, day))
    if budgets & 2:
        pots.append(PotName("month", key_id, month_of(day)))
    return pots
