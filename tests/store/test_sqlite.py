"""A database file: private, journalled, and with its errors in words."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from moongate.errors import StorageError
from moongate.facts.money import Money
from moongate.gateway.desk import Desk
from moongate.store.migrate import Migration
from moongate.store.sqlite import explained, open_database, transaction

STEPS = (Migration(version=1, sql="CREATE TABLE t (x INTEGER) STRICT;"),)


def test_the_file_is_private_and_journalled(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.sqlite3"
    with closing(open_database(path, steps=STEPS)) as opened:
        opened.execute("INSERT INTO t VALUES (1)")
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert len(list(path.parent.iterdir())) == 3  # the database, its log, its shared memory
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert opened.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert opened.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        assert opened.execute("PRAGMA synchronous").fetchone()[0] == 2


RACE = """
import os, sys, time
from pathlib import Path
from moongate.store.migrate import migrations
from moongate.store.sqlite import open_database

steps, failed = migrations("tenants"), 0
for number in range(40):
    path, start, ours = Path(sys.argv[1], str(number), "a.sqlite3"), time.monotonic() + 0.004, []
    for _ in range(2):
        if not (process := os.fork()):
            while time.monotonic() < start:
                pass
            try:
                open_database(path, steps=steps).close()
            except BaseException as error:
                print(error, file=sys.stderr)
                os._exit(1)
            os._exit(0)
        ours.append(process)
    failed += sum(os.waitpid(process, 0)[1] != 0 for process in ours)
sys.exit(failed)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork, which Windows lacks")
def test_processes_that_make_it_at_the_same_moment_all_get_it(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", RACE, str(tmp_path)], check=True, timeout=60)


def test_a_file_that_others_may_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    path.touch(mode=0o644)
    open_database(path, steps=STEPS).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_transaction_is_whole_or_not_at_all(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "a.sqlite3", steps=STEPS)) as opened:
        with pytest.raises(ZeroDivisionError), transaction(opened):
            opened.execute("INSERT INTO t VALUES (1)")
            raise ZeroDivisionError
        with transaction(opened):
            opened.execute("INSERT INTO t VALUES (2)")
        assert [row["x"] for row in opened.execute("SELECT x FROM t")] == [2]


def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    path.write_bytes(b"this is a text and no database at all" * 100)
    with pytest.raises(StorageError, match="is not a SQLite database") as raised:
        open_database(path, steps=STEPS)
    assert str(path) in raised.value.message
    assert raised.value.advice
    assert path.read_bytes().startswith(b"this is a text")


def test_a_folder_in_the_way_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite3").mkdir()
    with pytest.raises(StorageError, match="cannot be opened"):
        open_database(tmp_path / "a.sqlite3", steps=STEPS)


def test_a_locked_database_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    with (
        closing(open_database(path, steps=STEPS)) as one,
        closing(open_database(path, steps=STEPS, busy_timeout_s=0.01)) as two,
        transaction(one),
        pytest.raises(StorageError, match="locked by another process"),
        explained(path),
        transaction(two),
    ):
        pass


def test_a_full_disk_is_said_so_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    with closing(open_database(path, steps=STEPS)) as opened:
        opened.execute("INSERT INTO t VALUES (1)")
        pages = opened.execute("PRAGMA page_count").fetchone()[0]
        opened.execute(f"PRAGMA max_page_count = {pages}").fetchone()
        with pytest.raises(StorageError, match="the disk is full"), explained(path), transaction(opened):
            opened.executemany("INSERT INTO t VALUES (?)", ((n,) for n in range(100_000)))
        assert opened.execute("SELECT count(*) FROM t").fetchone()[0] == 1


def test_an_error_without_a_code_is_still_explained(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be used"), explained(tmp_path / "a.sqlite3"):
        raise sqlite3.ProgrammingError("Cannot operate on a closed database.")


TOP_UP = """
import sys
from pathlib import Path
from moongate.facts.money import Money
from moongate.gateway.desk import Desk
with Desk(Path(sys.argv[1])) as desk:
    desk.top_up("me", Money.of(100, "USD"))
"""


def test_a_second_connection_in_a_process_drops_no_lock_of_the_first(tmp_path: Path) -> None:
    """Closing any descriptor of a file drops every POSIX lock that the process holds on it."""
    path = tmp_path / "gateway.sqlite3"
    with Desk(path) as first, Desk(path):
        first.create_account("me", Money.of(1, "USD"))
        subprocess.run([sys.executable, "-c", TOP_UP, str(path)], check=True)
        assert first.account("me").balance == Money.of(101, "USD")
        first.top_up("me", Money.of(7, "USD"))
    with Desk(path) as again:
        assert again.account("me").balance == Money.of(108, "USD")
