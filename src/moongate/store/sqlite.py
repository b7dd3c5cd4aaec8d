"""SQLite files opened the one way moongate opens them, and SQLite's errors in words.

Private to the user (0600), write-ahead log, foreign keys, a patient busy time-out, and `synchronous = FULL`: what was
committed survives a kill and a power cut. What stands in the tables is the rooms' business.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from moongate.errors import StorageError
from moongate.store.migrate import Migration, migrate, migrations

BUSY_TIMEOUT_S = 10.0
AGAIN_S = 0.005


def open_database(
    path: Path, *, steps: Sequence[Migration] | None = None, busy_timeout_s: float = BUSY_TIMEOUT_S
) -> sqlite3.Connection:
    """Open a database, made and migrated if need be, in autocommit mode; rows are `sqlite3.Row`.

    The caller sees to it that one thread at a time uses the connection. Raises StorageError.
    """
    with explained(path):
        _create_private(path)
        connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        with explained(path):
            connection.row_factory = sqlite3.Row
            _into_wal(connection, time.monotonic() + busy_timeout_s)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            migrate(connection, migrations() if steps is None else steps)
    except BaseException:
        connection.close()
        raise
    return connection


def _create_private(path: Path) -> None:
    """Make the file before SQLite does, with the mode that its journal files then take over.

    A file that is there is never opened here: closing it would drop every lock that this process holds on it (POSIX),
    and another process would then delete the write-ahead log under SQLite's feet.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.is_file() and path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _into_wal(connection: sqlite3.Connection, deadline: float) -> None:
    """Have a file use a write-ahead log.

    Of two processes that turn a new file over at once, SQLite tells one "locked" without its time-out: waiting inside
    could be a deadlock. The other one is done in a moment.
    """
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        else:
            return
        time.sleep(AGAIN_S)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do what follows whole or not at all; the write lock is taken at the beginning, so that reads in it hold."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the disk say into a StorageError that names the file, the fault and the remedy."""
    try:
        yield
    except sqlite3.Error as error:
        what, advice = _reason(error)
        raise StorageError(f"The database {str(path)!r} {what}.", advice=advice) from error
    except OSError as error:
        raise StorageError(
            f"{str(path)!r} cannot be opened: {error.strerror or error}.",
            advice="Free some space, or set MOONGATE_DATA_DIR to a folder that can be written.",
        ) from error


_REASONS = {
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", "Free some space; nothing that was committed is lost."),
    sqlite3.SQLITE_BUSY: ("is locked by another process", "Try again, or end the process that holds it."),
    sqlite3.SQLITE_LOCKED: ("is locked by another process", "Try again, or end the process that holds it."),
    sqlite3.SQLITE_NOTADB: ("is not a SQLite database", "Move the file away; a new one is made at the next start."),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "Restore it from a backup, or save what `sqlite3 FILE .recover` finds."),
    sqlite3.SQLITE_READONLY: ("cannot be written", "Check the owner and the mode of the file and its folder."),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "Check the owner and the mode of the file and its folder."),
    sqlite3.SQLITE_IOERR: ("cannot be read or written: the disk reports an error", "Check the disk and its space."),
}


def _reason(error: sqlite3.Error) -> tuple[str, str]:
    code = getattr(error, "sqlite_errorcode", None)  # absent where the module itself, not SQLite, complains
    known = _REASONS.get(code & 0xFF) if isinstance(code, int) else None
    return known or (f"cannot be used: {error}", "Check the file, or set MOONGATE_DATA_DIR to another folder.")
