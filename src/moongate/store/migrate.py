"""Numbered migrations: bring a SQLite file's schema to the newest version, each step whole or not at all.

The version is SQLite's own `user_version`. A file is never brought back to an older version.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from moongate.errors import StorageError

_FILE_NAME = re.compile(r"(\d{4})_\w+\.sql")


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One step: the version it leads to, and its statements."""

    version: int
    sql: str


def migrations(kind: Literal["gateway", "own", "content", "batch", "tenants"] = "gateway") -> tuple[Migration, ...]:
    """Return the packaged steps of one kind of database, oldest first."""
    folder = resources.files("moongate.store").joinpath("sql", kind)
    found = [(_FILE_NAME.fullmatch(file.name), file) for file in folder.iterdir()]
    steps = [Migration(version=int(name[1]), sql=file.read_text("utf-8")) for name, file in found if name]
    return tuple(sorted(steps, key=lambda step: step.version))


def migrate(connection: sqlite3.Connection, steps: Sequence[Migration]) -> int:
    """Apply what is missing and return the version reached.

    `connection` is in autocommit mode. Processes that start together apply each step once. Raises StorageError for
    a file that a newer moongate wrote, sqlite3.Error for a step that fails; that step then left nothing behind.
    """
    newest = max((step.version for step in steps), default=0)
    if version_of(connection) > newest:
        raise StorageError(
            f"The database has version {version_of(connection)}, this moongate knows {newest}: a newer one wrote it.",
            advice="Use that moongate, or name another folder with MOONGATE_DATA_DIR.",
        )
    for step in steps:
        if version_of(connection) < step.version:
            _apply(connection, step)
    return version_of(connection)


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema's version, 0 for a new file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _apply(connection: sqlite3.Connection, step: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if version_of(connection) < step.version:  # another process may have been quicker
            for statement in statements(step.sql):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {step.version:d}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def statements(sql: str) -> Iterator[str]:
    """Split a script: `executescript` would commit between its statements."""
    lines: list[str] = []
    for line in sql.splitlines():
        lines.append(line)
        if sqlite3.complete_statement("\n".join(lines)):
            yield "\n".join(lines)
            lines = []
    if any(line.strip() and not line.lstrip().startswith("--") for line in lines):
        yield "\n".join(lines)
