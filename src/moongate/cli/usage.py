"""`moongate usage`: what was spent, by day, model and provider; of the gateway also by key, account and tag."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any

import click

from moongate.cli.desk import opened
from moongate.cli.options import Asked, configured
from moongate.errors import UsageError
from moongate.facts.moments import rfc3339
from moongate.facts.money import Money
from moongate.ledger.entry import Entry
from moongate.ledger.own import Spent
from moongate.ledger.table import csv_from

DAY_S = 86_400
Document = dict[str, Any]


@click.command("usage")
@click.option("--gateway", is_flag=True, help="The gateway's ledger instead of your own calls'.")
@click.option("--days", type=click.IntRange(min=1), default=30, help="How far back; 30 days unless told otherwise.")
@click.option("--by", metavar="NAMES", help="Groups, of the gateway: some of day,provider,model,key,account,tag.")
@click.option("--calls", is_flag=True, help="Each call of the gateway instead of sums.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@configured
def command(asked: Asked, gateway: bool, days: int, by: str | None, calls: bool, as_csv: bool) -> int:
    """Show calls, tokens and cost by day (UTC). A call whose price is not known counts its tokens, and no cost."""
    if (by or calls) and not gateway:
        raise UsageError("--by and --calls are told of the gateway's ledger.", advice="Add --gateway.")
    since = time.time() - days * DAY_S
    name, rows = (
        ("calls", _calls(asked, since))
        if calls
        else ("usage", _of_gateway(asked, since, by) if gateway else _own(asked, since))
    )
    if asked.show.json:
        asked.show.document({name: rows})
    elif as_csv:
        asked.show.data(csv_from(rows), end="")
    else:
        columns = _columns(rows) if gateway else _OWN
        asked.show.table(columns, [_cells(row, columns) for row in rows])
    asked.show.notes(_notes(rows, days))
    return 0


def _notes(rows: Sequence[Document], days: int) -> Iterator[str]:
    if not rows:
        yield f"nothing was used in the last {days} days"
    unpriced = sum(row.get("unpriced", 0) for row in rows)
    if unpriced:
        yield f"{unpriced} of these calls have no known price, and no part in the cost; your own go into [prices]"


def _own(asked: Asked, since: float) -> list[Document]:
    from moongate.batch.posting import post_all
    from moongate.ledger.own import FILE_NAME, OwnLedger
    from moongate.settings.load import load_folders

    data_dir = load_folders(asked.settings_flags()).data_dir
    with OwnLedger(data_dir / FILE_NAME) as ledger:
        post_all(data_dir, ledger)
        return [_spent(line) for line in ledger.spent(since=since)]


def _of_gateway(asked: Asked, since: float, by: str | None) -> list[Document]:
    from moongate.gateway.usage import USUAL, groups_from

    groups = groups_from(by) if by else USUAL
    with opened(asked) as desk:
        return [line.document for line in desk.used(groups, since=since)]


def _calls(asked: Asked, since: float) -> list[Document]:
    with opened(asked) as desk:
        return [_call(entry) for entry in desk.entries(since=since)]


def _spent(line: Spent) -> Document:
    fields = dataclasses.asdict(line)
    del fields["cost_nano"]
    return fields | {"cost": Money(nano=line.cost_nano, currency=line.currency).amount if line.currency else None}


def _call(entry: Entry) -> Document:
    fields = dataclasses.asdict(entry)
    del fields["cost_nano"], fields["account_id"]
    tokens = fields.pop("usage")
    del tokens["reported_cost"]
    fields["key"] = fields.pop("key_id")
    return {**fields, "at": rfc3339(entry.at), **tokens, "cost": entry.cost.amount if entry.cost else None}


_OWN = ("day", "kind", "provider", "model", "calls", "prompt", "completion", "cost")
_SHORT = {"prompt": "prompt_tokens", "completion": "completion_tokens"}
_LEFT_OUT = frozenset({"unpriced", "cached_tokens", "reasoning_tokens", "currency", "mean_latency_ms", "price_basis"})


def _columns(rows: Sequence[Document]) -> tuple[str, ...]:
    long = {name: short for short, name in _SHORT.items()}
    return tuple(long.get(name, name) for name in (rows[0] if rows else ("day",)) if name not in _LEFT_OUT)


def _cells(row: Document, columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(_cell(row, name) for name in columns)


def _cell(row: Document, name: str) -> str:
    if name != "cost":
        return str(row[_SHORT.get(name, name)])
    return f"{row['cost']} {row['currency']}" if row["cost"] is not None else "?"
