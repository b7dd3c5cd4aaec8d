"""Who works on the books: each worker has a row, and a lock on a file that ends with its process.

So a dead worker is known for certain and at once, and one that is merely slow is never taken for dead. Its journal is
booked and its slices freed by whoever finds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from moongate.gateway import ingest, journal, leases
from moongate.store.sqlite import transaction

log = logging.getLogger("moongate.gateway")


def folder_of(database: Path) -> Path:
    """Return where the journals of a database lie."""
    return database.with_name(f"{database.stem}-journals")


def enter(connection: sqlite3.Connection, folder: Path, *, now: float) -> tuple[int, int]:
    """Add this process to the crew; return its id, never used before, and the file that its lock is on."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _tell_strays(connection, folder)
    with durably(connection), transaction(connection):  # or a power cut could leave journals that nobody looks for
        used = [int(path.name[:8]) for path in folder.glob("*.lock")]
        worker_id = max(int(connection.execute(_NEWEST).fetchone()[0]), *used, 0) + 1
        lock = os.open(_lock_path(folder, worker_id), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection.execute("INSERT INTO workers VALUES (?, ?, ?)", (worker_id, os.getpid(), now))
    return worker_id, lock


def leave(connection: sqlite3.Connection, folder: Path, worker_id: int, lock: int) -> None:
    """Book what is left of a worker's journals, free its slices, and take it off the crew."""
    _settle_up(connection, folder, worker_id)
    os.close(lock)


def reap(connection: sqlite3.Connection, folder: Path, *, but: int = 0) -> int:
    """Do the same for every worker whose process is no more; return how many there were."""
    dead = 0
    for (worker_id,) in connection.execute("SELECT id FROM workers WHERE id <> ?", (but,)).fetchall():
        with _locked(_lock_path(folder, worker_id)) as is_dead:
            if is_dead and _settle_up(connection, folder, worker_id):
                dead += 1
                log.warning("worker %d of the gateway ended without a word; its calls are booked", worker_id)
    return dead


_NEWEST = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'workers'"


def _tell_strays(connection: sqlite3.Connection, folder: Path) -> None:
    found = sorted(folder.glob("*.log"))  # looked at first: a worker has its row before its journal, and after it
    known = {row[0] for row in connection.execute("SELECT id FROM workers")}
    strays = [path.name for path in found if int(path.name[:8]) not in known and path.exists()]
    if strays:
        log.warning(
            "the journals %s in %s belong to no worker of this database and are left alone; was it restored from a "
            "backup? Then they hold calls since, maybe some that it has already",
            ", ".join(strays),
            folder,
        )


def _settle_up(connection: sqlite3.Connection, folder: Path, worker_id: int) -> bool:
    paths = sorted(folder.glob(f"{worker_id:08d}-*.log"))
    for path in paths:
        book(connection, path, worker_id)
    with durably(connection), transaction(connection):
        leases.reclaim(connection, worker_id)
        told = connection.execute("UPDATE workers SET pid = 0 WHERE id = ? AND pid <> 0", (worker_id,)).rowcount
    for path in paths:
        path.unlink(missing_ok=True)
    _lock_path(folder, worker_id).unlink(missing_ok=True)
    with transaction(connection):
        connection.execute("DELETE FROM journals WHERE worker_id = ?", (worker_id,))
        connection.execute("DELETE FROM workers WHERE id = ?", (worker_id,))
    return told > 0


@contextlib.contextmanager
def durably(connection: sqlite3.Connection) -> Iterator[None]:
    """Have everything that is committed until the end of the block on the disk: what it was made from goes next."""
    (usual,) = connection.execute("PRAGMA synchronous").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA synchronous = {usual:d}")


def book(connection: sqlite3.Connection, path: Path, worker_id: int) -> int:
    """Bring a journal's new lines into the ledger; return the position reached."""
    number = int(path.stem[9:])
    position = ingest.position(connection, worker_id, number)
    for group in journal.read(path, position):
        with transaction(connection):
            ingest.ingest(connection, worker_id, number, group.lines, group.end)
        position = group.end
        if group.broken:
            log.error("%d lines of the journal %s cannot be read; they are not in the ledger", group.broken, path)
    return position


def _lock_path(folder: Path, worker_id: int) -> Path:
    return folder / f"{worker_id:08d}.lock"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Yield whether nobody holds a worker's lock, and hold it meanwhile. A file that is gone was given up."""
    try:
        lock = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield True
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(lock)
