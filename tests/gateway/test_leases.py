"""Whatever workers take, use and give back, in any order: what is spent and what is leased never pass the limit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.gateway import leases
from moongate.gateway.leases import Ask, Grant
from moongate.gateway.pots import PotName
from moongate.store.sqlite import open_database

BALANCE, DAY = PotName("balance", 1), PotName("day", 1, 5)
STEPS = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from(["take", "give", "use", "die"]), st.integers(1, 400)), max_size=40
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    connection = open_database(tmp_path_factory.mktemp("leases") / "gateway.sqlite3")
    connection.execute("INSERT INTO accounts VALUES (1, 'ada', 'USD', 1000, 0)")
    connection.execute(
        "INSERT INTO keys (id, account_id, sha256, prefix, name, created_at, budget_day_nano, rpm, tpm, concurrency) "
        "VALUES (1, 1, 'x', 'x', '', 0, 1000, 60, 600, 3)"
    )
    connection.executemany("INSERT INTO workers VALUES (?, 0, 0)", [(1,), (2,)])
    yield connection
    connection.close()


@pytest.fixture
def connection(base: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    base.execute("BEGIN")
    yield base
    base.execute("ROLLBACK")


def take(
    connection: sqlite3.Connection, worker: int, pot: PotName, need: int, *, ask: int = 0, **more: object
) -> Grant:
    now = float(more.pop("now", 0.0))  # type: ignore[arg-type]
    return leases.take(connection, worker, Ask(pot=pot, need=need, ask=ask or need, **more), now=now)  # type: ignore[arg-type]


@given(steps=STEPS)
def test_spent_and_leased_never_pass_the_limit(base: sqlite3.Connection, steps: list[tuple[int, str, int]]) -> None:
    base.execute("BEGIN")
    free = {1: 0, 2: 0, 3: 0}
    for worker, what, number in steps:
        amount = min(number, free[worker])
        if what == "take":
            free[worker] += take(base, worker, BALANCE, number, ask=2 * number).amount
        elif what == "give":
            leases.give(base, worker, BALANCE, amount, now=0.0)
            free[worker] -= amount
        elif what == "use":
            base.execute("UPDATE accounts SET balance_nano = balance_nano - ?", (amount,))
            leases.use(base, worker, [(BALANCE, amount)])
            free[worker] -= amount
        else:
            leases.reclaim(base, worker)
            free[worker] = 0
        balance = base.execute("SELECT balance_nano FROM accounts").fetchone()[0]
        assert 0 <= sum(free.values()) <= balance
        assert base.execute("SELECT coalesce(sum(amount), 0) FROM leases").fetchone()[0] == sum(free.values())
    base.execute("ROLLBACK")


def test_what_is_not_there_is_wanted_of_the_others(connection: sqlite3.Connection) -> None:
    assert take(connection, 1, BALANCE, 900).amount == 900
    refused = take(connection, 2, BALANCE, 200)
    assert (refused.amount, refused.left) == (0, 1000)
    assert leases.is_wanted(connection, 1)
    assert leases.wanted(connection, 1) == (BALANCE,)
    assert not leases.is_wanted(connection, 1)
    assert not leases.is_wanted(connection, 2)


def test_the_rest_of_a_balance_goes_to_one_that_is_alone_with_it(connection: sqlite3.Connection) -> None:
    assert take(connection, 1, BALANCE, 2000).amount == 0
    rest = take(connection, 1, BALANCE, 2000, alone=True)
    assert (rest.amount, rest.is_rest) == (1000, True)
    again = take(connection, 1, BALANCE, 2000, alone=True)
    assert (again.amount, again.is_rest) == (0, True)  # it has it already
    assert take(connection, 2, BALANCE, 2000, alone=True).amount == 0
    assert take(connection, 1, DAY, 2000, alone=True).amount == 0  # a budget is never passed


def test_a_budget_counts_what_the_ledger_adds_up_to(connection: sqlite3.Connection) -> None:
    row = (1, 5, "p", "m", "USD", 1, 0, 0, 0, 0, 0, 0, 700, 0)
    connection.execute("INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    assert take(connection, 1, DAY, 301).left == 300
    assert take(connection, 1, DAY, 300).amount == 300
    assert take(connection, 1, DAY._replace(period=6), 1000).amount == 1000


def test_a_bucket_fills_up_in_a_minute_and_not_beyond(connection: sqlite3.Connection) -> None:
    pot = PotName("rpm", 1)
    assert take(connection, 1, pot, 60).amount == 60
    refused = take(connection, 1, pot, 2)
    assert (refused.amount, refused.wait_s) == (0, 2.0)
    assert take(connection, 1, pot, 3, now=3.0).amount == 3
    assert take(connection, 1, pot, 60, now=1000.0).amount == 60
    leases.give(connection, 1, pot, 500, now=1000.0)
    assert take(connection, 1, pot, 61, now=1000.0).amount == 60  # more than the limit is not to be had


def test_a_clock_that_goes_back_fills_nothing(connection: sqlite3.Connection) -> None:
    pot = PotName("rpm", 1)
    take(connection, 1, pot, 60, now=1000.0)
    assert take(connection, 1, pot, 1, now=0.0).amount == 0


def test_places_among_the_calls_at_once_come_back_from_the_dead(connection: sqlite3.Connection) -> None:
    pot = PotName("concurrency", 1)
    assert take(connection, 1, pot, 3).amount == 3
    assert take(connection, 2, pot, 1).amount == 0
    assert leases.reclaim(connection, 1) == 1
    assert take(connection, 2, pot, 1).amount == 1


def test_a_limit_that_was_lifted_does_not_bind(connection: sqlite3.Connection, tmp_path: Path) -> None:
    connection.execute("UPDATE keys SET rpm = NULL, budget_day_nano = NULL")
    assert take(connection, 1, PotName("rpm", 1), 10**6).amount == 10**6
    assert take(connection, 1, DAY, 10**12).amount == 10**12
