"""The gateway's keys: 256 random bits each, shown once, kept as SHA-256.

SQL on a connection that is handed in. A secret is returned where it is made and nowhere else.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass, field
from typing import Any

import msgspec

from moongate.errors import UsageError
from moongate.facts.money import Money
from moongate.gateway import accounts
from moongate.gateway.limits import Limits, checked

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
    rotated_at: str | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def active(self) -> bool:
        """Whether the key still opens the gateway."""
        return self.revoked_at is None

    @property
    def document(self) -> dict[str, Any]:
        """The key as JSON."""
        names = ("id", "prefix", "account", "name", "created_at", "rotated_at", "revoked_at")
        return {name: getattr(self, name) for name in names} | self.limits.document


def digest(secret: str) -> str:
    """Return what is kept of a secret: its SHA-256 in hex. The secret is random, so no salt and no stretching."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create(
    connection: sqlite3.Connection, account: str, name: str, limits: Limits | None = None, *, now: float
) -> tuple[KeyRow, str]:
    """Make a key for an account; return its row and its secret. Raises UsageError for an unknown account."""
    owner = accounts.find(connection, account)
    values = _columns(checked(limits or Limits(), owner.currency))
    if len(name) > 64 or not (name == "" or name.isprintable()):
        raise UsageError(f"{name[:80]!r} is no usable name for a key.", advice="Use up to 64 printable characters.")
    secret = PREFIX + secrets.token_urlsafe(32)
    values |= {"account_id": owner.id, "name": name, "created_at": now, **_hashed(secret)}
    cursor = connection.execute(
        f"INSERT INTO keys ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",  # noqa: S608 - our own names
        tuple(values.values()),
    )
    return _changed(connection, cursor.lastrowid), secret


def every(connection: sqlite3.Connection, account: str | None = None) -> tuple[KeyRow, ...]:
    """Return the keys of one account, or of all, revoked ones too, oldest first."""
    if account is None:
        return _rows(connection, "1")
    return _rows(connection, "k.account_id = ?", accounts.find(connection, account).id)


def named(connection: sqlite3.Connection, which: str) -> KeyRow:
    """Return the key that is meant, named by id or by the beginning that lists show. Raises UsageError."""
    return _meant(connection, which)


def any_active(connection: sqlite3.Connection, *, now: float) -> bool:
    """Say whether there is a key that opens the gateway."""
    return connection.execute(f"SELECT 1 FROM keys k WHERE {_OPENS} LIMIT 1", (now,)).fetchone() is not None  # noqa: S608


def rotate(connection: sqlite3.Connection, which: str, *, now: float) -> tuple[KeyRow, str]:
    """Give a key a new secret; the old one opens nothing from now on. Limits stay, and what was spent counts."""
    key = _meant(connection, which)
    secret = PREFIX + secrets.token_urlsafe(32)
    _set(connection, key.id, {"rotated_at": now, **_hashed(secret)})
    return _changed(connection, key.id), secret


def limit(connection: sqlite3.Connection, which: str, limits: Limits) -> KeyRow:
    """Replace the limits and tags of a key, named as for `revoke`. Raises UsageError."""
    key = _meant(connection, which)
    owner = accounts.by_id(connection, key.account_id)
    _set(connection, key.id, _columns(checked(limits, owner.currency)))
    return _changed(connection, key.id)


def revoke(connection: sqlite3.Connection, which: str, *, now: float) -> KeyRow:
    """End a key, named by id or by the beginning that lists show. Raises UsageError unless exactly one is meant."""
    key = _meant(connection, which)
    _set(connection, key.id, {"revoked_at": now})
    return _changed(connection, key.id)


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


_OPENS = "k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ?)"
_SELECT = "SELECT k.*, a.name AS account, a.currency FROM keys k JOIN accounts a ON a.id = k.account_id WHERE"


def _rows(connection: sqlite3.Connection, where: str, *values: object) -> tuple[KeyRow, ...]:
    found = connection.execute(f"{_SELECT} {where} ORDER BY k.id", values)
    return tuple(_key(row) for row in found)


def _key(row: sqlite3.Row) -> KeyRow:
    return KeyRow(
        id=row["id"],
        account_id=row["account_id"],
        account=row["account"],
        prefix=row["prefix"],
        name=row["name"],
        created_at=accounts.moment(row["created_at"]),
        revoked_at=_moment(row["revoked_at"]),
        rotated_at=_moment(row["rotated_at"]),
        limits=_limits(row),
    )


def _limits(row: sqlite3.Row) -> Limits:
    return Limits(
        models=_texts(row["models"]),
        providers=_texts(row["providers"]),
        budget_day=_money(row["budget_day_nano"], row["currency"]),
        budget_month=_money(row["budget_month_nano"], row["currency"]),
        rpm=row["rpm"],
        tpm=row["tpm"],
        concurrency=row["concurrency"],
        expires_at=row["expires_at"],
        tags=_texts(row["tags"]) or (),
    )


def _columns(limits: Limits) -> dict[str, object]:
    return {
        "models": _json(limits.models),
        "providers": _json(limits.providers),
        "budget_day_nano": limits.budget_day.nano if limits.budget_day else None,
        "budget_month_nano": limits.budget_month.nano if limits.budget_month else None,
        "rpm": limits.rpm,
        "tpm": limits.tpm,
        "concurrency": limits.concurrency,
        "expires_at": limits.expires_at,
        "tags": _json(limits.tags),
    }


def _hashed(secret: str) -> dict[str, object]:
    return {"sha256": digest(secret), "prefix": secret[:SHOWN]}


def _set(connection: sqlite3.Connection, key_id: int, values: dict[str, object]) -> None:
    names = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE keys SET {names} WHERE id = ?", (*values.values(), key_id))  # noqa: S608 - our own names


def _changed(connection: sqlite3.Connection, key_id: int | None) -> KeyRow:
    """Have running gateways read a key again, and return it."""
    connection.execute("UPDATE revisions SET number = number + 1 WHERE what = 'keys'")
    connection.execute(
        "UPDATE keys SET revision = (SELECT number FROM revisions WHERE what = 'keys') WHERE id = ?", (key_id,)
    )
    return _rows(connection, "k.id = ?", key_id)[0]


def _moment(at: float | None) -> str | None:
    return None if at is None else accounts.moment(at)


def _money(nano: int | None, currency: str) -> Money | None:
    return None if nano is None else Money(nano=nano, currency=currency)


def _texts(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(msgspec.json.decode(text, type=list[str]))


def _json(texts: tuple[str, ...] | None) -> str | None:
    return None if texts is None else msgspec.json.encode(texts).decode()
