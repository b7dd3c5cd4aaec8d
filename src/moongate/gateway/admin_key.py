"""The one key for /admin and /metrics: made when a gateway first starts, shown once, kept as SHA-256."""

from __future__ import annotations

import hmac
import secrets
import sqlite3

from moongate.gateway.keys import SHOWN, digest

PREFIX = "sk-mg-admin-"


def first(connection: sqlite3.Connection, *, now: float) -> str | None:
    """Make the key and return it, unless there is one already."""
    exists = connection.execute("SELECT 1 FROM admin").fetchone() is not None
    return None if exists else make(connection, now=now)


def make(connection: sqlite3.Connection, *, now: float) -> str:
    """Make a new key in the place of any other, and return it."""
    secret = PREFIX + secrets.token_urlsafe(32)
    row = (digest(secret), secret[: len(PREFIX) + SHOWN], now)
    connection.execute("INSERT OR REPLACE INTO admin (id, sha256, prefix, created_at) VALUES (1, ?, ?, ?)", row)
    return secret


def opens(connection: sqlite3.Connection, secret: str) -> bool:
    """Say whether a secret is the key."""
    row = connection.execute("SELECT sha256 FROM admin").fetchone()
    return row is not None and hmac.compare_digest(row["sha256"], digest(secret))
