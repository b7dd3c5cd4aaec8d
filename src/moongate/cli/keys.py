"""`moongate keys`: the keys that the gateway accepts. A secret is shown once, when it is made."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from moongate.cli.desk import opened
from moongate.cli.options import Asked, configured

if TYPE_CHECKING:
    from moongate.gateway.desk import Desk, KeyRow
    from moongate.gateway.limits import Limits

ADMIN = "admin"
_OPTIONS = (
    click.option("--model", "models", multiple=True, metavar="ID", help="Only this model; may be given again."),
    click.option("--provider", "providers", multiple=True, metavar="NAME", help="Only this upstream or provider."),
    click.option("--budget-day", metavar="AMOUNT", help="What it may spend a day (UTC)."),
    click.option("--budget-month", metavar="AMOUNT", help="What it may spend a month (UTC)."),
    click.option("--rpm", type=click.IntRange(1), help="Requests a minute."),
    click.option("--tpm", type=click.IntRange(1), help="Tokens a minute, prompt and answer."),
    click.option("--concurrency", type=click.IntRange(1), help="Calls at once."),
    click.option("--expires", "expires_at", metavar="WHEN", help="Until when: 2026-12-31, 30d, 12h."),
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag to tell usage by; may be given again."),
)


def limiting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that limit a key."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.group("keys")
def command() -> None:
    """Keys of the gateway on this machine."""


@command.command("create")
@click.argument("account")
@click.option("--name", default="", help="What the key is for.")
@limiting
@configured
def create(asked: Asked, account: str, name: str, **given: Any) -> int:
    """Make a key for ACCOUNT, and show it this once. Without a limit only the account's balance bounds it."""
    with opened(asked) as desk:
        row, secret = desk.create_key(account, name, _limits(desk, account, given))
    return _secret(asked, row, secret)


@command.command("list")
@click.option("--account", help="Only this account's.")
@configured
def list_(asked: Asked, account: str | None) -> int:
    """List the keys, by their first characters."""
    with opened(asked) as desk:
        rows = desk.keys(account)
    if asked.show.json:
        asked.show.document({"keys": [row.document for row in rows]})
    else:
        columns = ("id", "key", "account", "name", "created", "revoked", "limits")
        asked.show.table(columns, [_row(row) for row in rows])
    return 0


@command.command("limit")
@click.argument("key")
@limiting
@configured
def limit(asked: Asked, key: str, **given: Any) -> int:
    """Replace all limits and tags of KEY (its id, or its first characters) by those given here."""
    with opened(asked) as desk:
        row = desk.limit_key(key, _limits(desk, desk.key(key).account, given))
    asked.show.document(row.document) if asked.show.json else asked.show.data(f"{row.prefix}… {_told(row)}".rstrip())
    return 0


@command.command("rotate")
@click.argument("key")
@configured
def rotate(asked: Asked, key: str) -> int:
    """Give KEY (its id, or its first characters) a new secret; the old one ends at once.

    Limits stay, and what was spent counts. `admin` is the admin key, for one that was lost.
    """
    with opened(asked) as desk:
        if key == ADMIN:
            return _admin(asked, desk.new_admin_key())
        row, secret = desk.rotate(key)
    return _secret(asked, row, secret)


@command.command("revoke")
@click.argument("key")
@configured
def revoke(asked: Asked, key: str) -> int:
    """End KEY (its id, or its first characters)."""
    with opened(asked) as desk:
        row = desk.revoke(key)
    asked.show.document(row.document) if asked.show.json else asked.show.data(f"revoked {row.prefix}…")
    return 0


def _limits(desk: Desk, account: str, given: dict[str, Any]) -> Limits:
    from moongate.gateway.limits import limits_from

    lists = {name: list(given[name]) or None for name in ("models", "providers", "tags")}
    currency = desk.account(account).currency
    return limits_from(given | lists, currency, now=time.time())


def _row(row: KeyRow) -> tuple[str, ...]:
    return (str(row.id), f"{row.prefix}…", row.account, row.name, row.created_at, row.revoked_at or "", _told(row))


def _told(row: KeyRow) -> str:
    """Return the limits in one line."""
    limits = {name: value for name, value in row.limits.document.items() if value not in (None, [])}
    return ", ".join(
        f"{name.replace('_', '-')} {' '.join(value) if isinstance(value, list) else value}"
        for name, value in limits.items()
    )


def _secret(asked: Asked, row: KeyRow, secret: str) -> int:
    if asked.show.json:
        asked.show.document(row.document | {"key": secret})
    else:
        asked.show.data(secret)
        asked.show.talk("keep it now: only its SHA-256 is stored, and it is not shown again")
    return 0


def _admin(asked: Asked, secret: str) -> int:
    if asked.show.json:
        asked.show.document({"key": secret})
    else:
        asked.show.data(secret)
        asked.show.talk("the admin key: keep it now, it is not shown again")
    return 0
