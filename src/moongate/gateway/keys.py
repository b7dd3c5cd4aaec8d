"""The gateway's keys: 256 random bits each, shown once, kept as SHA-256.

SQL on a connection that is handed in. A secret is returned where it is made and nowhere else.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any

from moongate.errors import UsageError
from moongate.gateway import accounts

PREFIX = "sk-mg-"
SHOWN = len(PREFIX) + 8  # characters of a secret that lists show; over 200 random bits stay hidden


@dataclass(frozen=True, kw_only=True)
class KeyRow:
    """A key as lists show it, without its secret."""

    id: int
    account_id: int
    account: str  # the account's name
    prefix: str  # the secret's first characters, to tell keys apart
    name: str
    created_at: str  # RFC 3339, UTC
    revoked_at: str | None

    @property
    def active(self) -> bool:
        """Whether the key still opens the gateway."""
        return self.revoked_at is None


def digest(secret: str) -> str:
    """Return what is kept of a secret: its SHA-256 in hex. The secret is random, so no salt and no stretching."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create(connection: sqlite3.Connection, account: str, name: str, *, now: float) -> tuple[KeyRow, str]:
    """Make a key for an account; return its row and its secret. Raises UsageError for an unknown account."""
    owner = accounts.find(connection, account)
    if len(name) > 64 or not (name == "" or name.isprintable()):
        raise UsageError(f"{name[:80]!r} is no usable name for a key.", advice="Use up to 64 printable characters.")
    secret = PREFIX + secrets.token_urlsafe(32)
    cursor = connection.execute(
        "INSERT INTO keys (account_id, sha256, prefix, name, created_at) VALUES (?, ?, ?, ?, ?)",
        (owner.id, digest(secret), secret[:SHOWN], name, now),
    )
    return _one(connection, "k.id = ?", cursor.lastrowid), secret


def every(connection: sqlite3.Connection, account: str | None = None) -> tuple[KeyRow, ...]:
    """Return the keys of one account, or of all, revoked ones too, oldest first."""
    if account is None:
        return _rows(connection, "1")
    return _rows(connection, "k.account_id = ?", accounts.find(connection, account).id)


def holder(connection: sqlite3.Connection, secret: str) -> KeyRow | None:
    """Return the key that a secret is, unless it was revoked. The work does not depend on the secret."""
    rows = _rows(connection, "k.sha256 = ? AND k.revoked_at IS NULL", digest(secret))
    return rows[0] if rows else None


def any_active(connection: sqlite3.Connection) -> bool:
    """Say whether there is a key that opens the gateway."""
    return connection.execute("SELECT 1 FROM keys WHERE revoked_at IS NULL LIMIT 1").fetchone() is not None


def rotate(connection: sqlite3.Connection, which: str, *, now: float) -> tuple[KeyRow, str]:
    """Replace a key by a new one of the same account and name; the old one opens nothing from now on."""
    old = revoke(connection, which, now=now)
    return create(connection, old.account, old.name, now=now)


def revoke(connection: sqlite3.Connection, which: str, *, now: float) -> KeyRow:
    """End a key, named by id or by the beginning that lists show. Raises UsageError unless exactly one is meant."""
    key = _meant(connection, which)
    connection.execute("UPDATE keys SET revoked_at = ? WHERE id = ?", (now, key.id))
    return _one(connection, "k.id = ?", key.id)


def _meant(connection: sqlite3.Connection, which: str) -> KeyRow:
    if which.isascii() and which.isdecimal() and len(which) < 16:
        found = _rows(connection, "k.id = ?", int(which))
    else:
        found = tuple(
            key for key in _rows(connection, "1") if len(which) >= 3 and key.prefix.startswith(which[:SHOWN])
        )
    alive = tuple(key for key in found if key.active)
    if len(alive) == 1:
        return alive[0]
    shown = repr(which[:SHOWN])  # never more of it: it may be a whole secret
    if alive:
        ids = ", ".join(str(key.id) for key in alive)
        raise UsageError(f"{shown} may be any of the keys {ids}.", advice="Name it by its id.")
    if found:
        raise UsageError(f"The key {shown} is revoked already.", advice="See: moongate keys list")
    raise UsageError(f"There is no key {shown}.", advice="See: moongate keys list")


_SELECT = """
SELECT k.id, k.account_id, a.name AS account, k.prefix, k.name, k.created_at, k.revoked_at
  FROM keys k JOIN accounts a ON a.id = k.account_id WHERE
"""


def _rows(connection: sqlite3.Connection, where: str, *values: object) -> tuple[KeyRow, ...]:
    found = connection.execute(f"{_SELECT} {where} ORDER BY k.id", values)
    return tuple(_key(dict(row)) for row in found)


def _key(fields: dict[str, Any]) -> KeyRow:
    revoked = fields.pop("revoked_at")
    created_at = accounts.moment(fields.pop("created_at"))
    return KeyRow(**fields, created_at=created_at, revoked_at=None if revoked is None else accounts.moment(revoked))


def _one(connection: sqlite3.Connection, where: str, *values: object) -> KeyRow:
    return _rows(connection, where, *values)[0]
