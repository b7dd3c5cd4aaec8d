"""The keys that open the gateway, in memory, by SHA-256; read again as they change.

A door to the database of its own, read-only, for the loop's thread. `look` costs a few microseconds where nothing
changed; it is called often enough that a revoked key ends within 20 ms.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from moongate.gateway.pots import COLUMNS, Kind
from moongate.gateway.seams import Caller
from moongate.store.sqlite import explained

Limits = dict[Kind, int | None]
_CHANGED = """
SELECT k.*, a.name AS account, a.currency FROM keys k JOIN accounts a ON a.id = k.account_id WHERE k.revision > ?
"""


class Callers:
    """The keys of the database at `path`, which is there already."""

    def __init__(self, path: Path) -> None:
        self.by_digest: dict[bytes, Caller] = {}
        self._digests: dict[int, bytes] = {}
        self._limits: dict[int, Limits] = {}
        self._path = path
        self._version = -1
        self._revision = -1
        with explained(path):
            self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
            self._connection.row_factory = sqlite3.Row

    def look(self) -> list[Caller]:
        """Read what changed; return the callers that are no more, or no more as they were. Raises StorageError."""
        with explained(self._path):
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if version == self._version:
                return []
            revision = self._connection.execute("SELECT number FROM revisions WHERE what = 'keys'").fetchone()[0]
            rows = (
                [] if revision == self._revision else self._connection.execute(_CHANGED, (self._revision,)).fetchall()
            )
        gone = [old for row in rows if (old := self._replaced(row)) is not None]
        self._version, self._revision = version, revision
        return gone

    def of(self, key_id: int) -> Caller | None:
        """Return the caller of a key that still opens the gateway."""
        digest = self._digests.get(key_id)
        return None if digest is None else self.by_digest.get(digest)

    def limits(self, caller: Caller) -> Limits:
        """Return a key's limits by kind of pot."""
        return self._limits.get(caller.key_id, {})

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _replaced(self, row: sqlite3.Row) -> Caller | None:
        key_id = int(row["id"])
        old_digest = self._digests.pop(key_id, None)
        old = self.by_digest.pop(old_digest, None) if old_digest is not None else None
        if row["revoked_at"] is None:
            digest = bytes.fromhex(row["sha256"])
            self._digests[key_id] = digest
            self._limits[key_id] = {kind: row[column] for kind, column in COLUMNS.items()}
            self.by_digest[digest] = _caller(row)
        return old


def _caller(row: sqlite3.Row) -> Caller:
    return Caller(
        key_id=row["id"],
        account_id=row["account_id"],
        account=row["account"],
        currency=row["currency"],
        providers=_set(row["providers"]),
        models=_set(row["models"]),
        expires_at=row["expires_at"],
    )


def _set(text: Any) -> frozenset[str] | None:
    return None if text is None else frozenset(msgspec.json.decode(text, type=list[str]))
