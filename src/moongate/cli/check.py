"""`moongate check`: the safe flow, each fact with its evidence."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from moongate.cli.options import Asked, connecting

if TYPE_CHECKING:
    from moongate.client.check import Fact

_COLORS = {"verified": "green", "refuted": "red", "unverified": "yellow", "skipped": "bright_black"}
REFUTED, UNSETTLED = 1, 4


@click.command("check")
@click.option("--chat", is_flag=True, help="Send one small request too, and hold its cost against the balance.")
@connecting
def command(asked: Asked, chat: bool) -> int:
    """Verify key, address, list, id, balance and token estimate, in this order.

    Each fact is verified, refuted or unverified, with the request that says so. Exit code 0 when the flow works,
    1 when a fact is refuted, 4 when the list could not be had.
    """
    from moongate.client.check import Findings, check

    facts: list[Fact] = []
    found = Findings(model=asked.settings.model)
    with asked.client(spends=chat) as client:
        for fact in check(client, found, chat=chat):
            facts.append(fact)
            if not asked.show.json:
                _line(asked, fact)
        row = client.provider
    code = _code(facts)
    if asked.show.json:
        asked.show.document(
            {
                "ok": code == 0,
                "provider": row.name,
                "base_url": row.base_url,
                "model": found.model,
                "facts": [dataclasses.asdict(fact) for fact in facts],
            }
        )
    return code


def _code(facts: list[Fact]) -> int:
    statuses = {fact.name: fact.status for fact in facts}
    if "refuted" in statuses.values():
        return REFUTED
    return UNSETTLED if statuses["models"] == "unverified" else 0


def _line(asked: Asked, fact: Fact) -> None:
    asked.show.data((f"{fact.status:<10}", _COLORS[fact.status]), f" {fact.name:<9} {fact.detail}")
    if fact.evidence is not None:
        status = f" → {fact.evidence.status}" if fact.evidence.status else ""
        asked.show.data((f"{'':<21} {fact.evidence.request}{status}, {fact.evidence.at}", "bright_black"))
    if fact.advice:
        asked.show.data(f"{'':<21} {fact.advice}")
