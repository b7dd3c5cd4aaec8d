"""`moongate accounts`: who may use the gateway, and with how much money."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from moongate.cli.desk import opened
from moongate.cli.options import Asked, configured
from moongate.facts.money import money_from

if TYPE_CHECKING:
    from moongate.gateway.desk import Account


@click.group("accounts")
def command() -> None:
    """Accounts of the gateway on this machine."""


@command.command("create")
@click.argument("name")
@click.option("--balance", default="0", metavar="AMOUNT", show_default=True, help="What it may spend at first.")
@click.option("--currency", default="USD", metavar="CODE", show_default=True, help="Its currency, as three letters.")
@configured
def create(asked: Asked, name: str, balance: str, currency: str) -> int:
    """Open the account NAME."""
    with opened(asked) as desk:
        account = desk.create_account(name, money_from(balance, currency))
    return _one(asked, account)


@command.command("list")
@configured
def list_(asked: Asked) -> int:
    """List the accounts and what they hold."""
    with opened(asked) as desk:
        accounts = desk.accounts()
    if asked.show.json:
        asked.show.document({"accounts": [account.document for account in accounts]})
    else:
        asked.show.table(("name", "balance", "created"), [(a.name, str(a.balance), a.created_at) for a in accounts])
    return 0


@command.command("top-up")
@click.argument("name")
@click.argument("amount")
@configured
def top_up(asked: Asked, name: str, amount: str) -> int:
    """Add AMOUNT to what NAME may spend."""
    with opened(asked) as desk:
        account = desk.top_up(name, money_from(amount, desk.account(name).balance.currency))
    return _one(asked, account)


def _one(asked: Asked, account: Account) -> int:
    if asked.show.json:
        asked.show.document(account.document)
    else:
        asked.show.data(f"{account.name}: {account.balance}")
    return 0
