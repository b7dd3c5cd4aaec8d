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
