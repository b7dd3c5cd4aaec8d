"""`moongate usage`: what was spent, by day, model and provider."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import click

from moongate.cli.desk import opened
from moongate.cli.options import Asked, speaking
from moongate.facts.money import Money
from moongate.ledger.book import Spent

DAY_S = 86_400


@click.command("usage")
@click.option("--gateway", is_flag=True, help="The gateway's ledger instead of your own calls'.")
@click.option("--days", type=click.IntRange(min=1), default=30, help="How far back; 30 days unless told otherwise.")
@speaking
def command(asked: Asked, gateway: bool, days: int) -> int:
    """Show calls, tokens and cost by day (UTC). A call whose price is not known counts its tokens, and no cost."""
    since = time.time() - days * DAY_S
    spent = _of_gateway(since) if gateway else _own(since)
    if asked.show.json:
        asked.show.document({"usage": [_document(line) for line in spent]})
    else:
        columns = ("day", "provider", "model", "calls", "prompt", "completion", "cost")
        asked.show.table(columns, [_row(line) for line in spent])
    return 0


def _own(since: float) -> tuple[Spent, ...]:
    from moongate.ledger.own import FILE_NAME, OwnLedger
    from moongate.settings.load import load_folders

    with OwnLedger(load_folders().data_dir / FILE_NAME) as ledger:
        return ledger.spent(since=since)


def _of_gateway(since: float) -> tuple[Spent, ...]:
    with opened() as desk:
        return desk.spent(since=since)


def _row(line: Spent) -> tuple[str, ...]:
    tokens = (str(line.calls), str(line.prompt_tokens), str(line.completion_tokens))
    return (line.day, line.provider, line.model, *tokens, _cost(line) or "?")


def _document(line: Spent) -> dict[str, Any]:
    fields = dataclasses.asdict(line)
    del fields["cost_nano"]
    return fields | {"cost": Money(nano=line.cost_nano, currency=line.currency).amount if line.currency else None}


def _cost(line: Spent) -> str:
    return str(Money(nano=line.cost_nano, currency=line.currency)) if line.currency else ""
