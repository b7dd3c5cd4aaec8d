"""Migrations: in order, once, whole or not at all, never backwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from moongate.errors import StorageError
from moongate.store.migrate import Migration, migrate, migrations, statements, version_of

FIRST = Migration(version=1, sql="CREATE TABLE a (x INTEGER) STRICT;\n-- a comment\nCREATE INDEX i ON a (x);\n")
SECOND = Migration(version=2, sql="ALTER TABLE a ADD COLUMN y TEXT;\n")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as opened:
        yield opened


def test_applies_what_is_missing_and_only_that(connection: sqlite3.Connection) -> None:
    assert migrate(connection, [FIRST]) == 1
    connection.execute("INSERT INTO a VALUES (7)")
    assert migrate(connection, [FIRST, SECOND]) == 2
    assert migrate(connection, [FIRST, SECOND]) == 2
    assert connection.execute("SELECT x, y FROM a").fetchall() == [(7, None)]


def test_a_step_that_fails_leaves_nothing_behind(connection: sqlite3.Connection) -> None:
    broken = Migration(version=2, sql="CREATE TABLE b (x INTEGER);\nCREATE TABLE a (x INTEGER);\n")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, [FIRST, broken])
    assert version_of(connection) == 1
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'b'").fetchone() == (0,)


def test_refuses_a_file_of_a_newer_moongate(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="version 99, this moongate knows 1") as raised:
        migrate(connection, [FIRST])
    assert raised.value.advice


def test_a_gateways_first_form_keeps_its_calls_and_adds_them_up(connection: sqlite3.Connection) -> None:
    first, *later = migrations()
    migrate(connection, [first])
    connection.execute("INSERT INTO accounts VALUES (1, 'ada', 'USD', 900, 0)")
    connection.execute("INSERT INTO keys VALUES (4, 1, 'hash', 'sk-mg-x', 'n', 0, NULL)")
    line = (86_400.5, 1, 4, "r", "m", "a", "p", 10, 2, 0, 0, 60, "USD", "b", 5, "ok", 200)
    add = "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    for number, changes in enumerate(({}, {16: 500, 15: "server", 4: "", 11: None}, {0: 2 * 86_400})):
        fields = [changes.get(place, value) for place, value in enumerate(line)]
        connection.execute(add, (number, *fields[:3], str(number), *fields[4:]))
    connection.execute("INSERT INTO reservations VALUES (1, 86400, 172800, 1, 4, 'lost', 'a', 'p', 50)")
    migrate(connection, [first, *later])
    assert connection.execute("SELECT count(*), sum(cost_nano) FROM ledger").fetchone()[:] == (4, 120)
    (lost,) = connection.execute("SELECT outcome, cost_nano, currency FROM ledger WHERE request_id = 'lost'")
    assert tuple(lost) == ("lost", 0, "USD")
    rows = connection.execute(
        "SELECT key_id, day, model, calls, failed, unpriced, cost_nano FROM usage ORDER BY day, model"
    )
    assert [tuple(row) for row in rows] == [
        (4, 1, "a", 2, 2, 1, 0),
        (4, 1, "m", 1, 0, 0, 60),
        (4, 2, "m", 1, 0, 0, 60),
    ]
    key = connection.execute("SELECT tags, rpm, revision FROM keys").fetchone()
    assert tuple(key) == ("[]", None, 0)


def test_the_packaged_steps_are_numbered_without_a_gap_and_make_strict_tables(connection: sqlite3.Connection) -> None:
    steps = migrations()
    assert [step.version for step in steps] == list(range(1, len(steps) + 1))
    migrate(connection, steps)
    tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    strict = {name: bool(value) for name, value in tables if not name.startswith("sqlite_")}
    assert {"accounts", "keys", "ledger", "leases", "usage"} <= strict.keys()
    assert all(strict.values())


def test_a_script_is_split_into_statements() -> None:
    assert len(list(statements(FIRST.sql))) == 2
    assert list(statements("SELECT 1")) == ["SELECT 1"]
    assert list(statements("-- nothing\n\n")) == []
