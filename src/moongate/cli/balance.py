"""`moongate balance`: the account's money, with its currency."""

from __future__ import annotations

import click

from moongate.cli.options import Asked, connecting
from moongate.facts.money import Money


@click.command("balance")
@connecting
def command(asked: Asked) -> int:
    """Show what the account holds. Exit code 2 where the provider has no balance to ask for."""
    with asked.client() as client:
        balance = client.balance()
    if asked.show.json:
        asked.show.document(
            {
                "provider": balance.provider,
                "currency": balance.currency,
                "available": _amount(balance.available),
                "unlimited": balance.unlimited,
                "cash": _amount(balance.cash),
                "voucher": _amount(balance.voucher),
            }
        )
        return 0
    asked.show.data(str(balance.available) if balance.available is not None else "no limit on this key")
    parts = [f"{name} {money}" for name, money in (("cash", balance.cash), ("voucher", balance.voucher)) if money]
    if parts:
        asked.show.talk(f"of which {', '.join(parts)}")
    return 0


def _amount(money: Money | None) -> str | None:
    return None if money is None else money.amount
