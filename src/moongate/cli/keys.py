"""`moongate keys`: the keys that the gateway accepts. A secret is shown once, when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from moongate.cli.desk import opened
from moongate.cli.options import Asked, speaking

if TYPE_CHECKING:
    from moongate.gateway.desk import KeyRow


@click.group("keys")
def command() -> None:
    """Keys of the gateway on this machine."""


@command.command("create")
@click.argument("account")
@click.option("--name", default="", help="What the key is for.")
@speaking
def create(asked: Asked, account: str, name: str) -> int:
    """Make a key for ACCOUNT, and show it this once."""
    with opened() as desk:
        row, secret = desk.create_key(account, name)
    return _secret(asked, row, secret)


@command.command("list")
@click.option("--account", help="Only this account's.")
@speaking
def list_(asked: Asked, account: str | None) -> int:
    """List the keys, by their first characters."""
    with opened() as desk:
        rows = desk.keys(account)
    if asked.show.json:
        asked.show.document({"keys": [_document(row) for row in rows]})
    else:
        columns = ("id", "key", "account", "name", "created", "revoked")
        asked.show.table(
            columns,
            [(str(r.id), f"{r.prefix}…", r.account, r.name, r.created_at, r.revoked_at or "") for r in rows],
        )
    return 0


@command.command("rotate")
@click.argument("key")
@speaking
def rotate(asked: Asked, key: str) -> int:
    """Make a new key in the place of KEY (its id, or its first characters), which ends at once."""
    with opened() as desk:
        row, secret = desk.rotate(key)
    return _secret(asked, row, secret)


@command.command("revoke")
@click.argument("key")
@speaking
def revoke(asked: Asked, key: str) -> int:
    """End KEY (its id, or its first characters)."""
    with opened() as desk:
        row = desk.revoke(key)
    asked.show.document(_document(row)) if asked.show.json else asked.show.data(f"revoked {row.prefix}…")
    return 0


def _secret(asked: Asked, row: KeyRow, secret: str) -> int:
    if asked.show.json:
        asked.show.document(_document(row) | {"key": secret})
    else:
        asked.show.data(secret)
        asked.show.talk("keep it now: only its SHA-256 is stored, and it is not shown again")
    return 0


def _document(row: KeyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "prefix": row.prefix,
        "account": row.account,
        "name": row.name,
        "created_at": row.created_at,
        "revoked_at": row.revoked_at,
    }
