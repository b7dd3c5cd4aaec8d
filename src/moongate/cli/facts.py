"""`moongate facts`: what moongate takes for true, with source, date and sureness."""

from __future__ import annotations

import dataclasses

import click

from moongate.cli.options import Asked, speaking


@click.command("facts")
@speaking
def command(asked: Asked) -> int:
    """Show every packaged fact that moongate acts on: providers, prices, model families, rules, behaviours, hints.

    A rule or a behaviour is sure, or uncertain where sources contradict each other (such a rule only warns).
    Providers and prices are dated: true on that day as the source says, not verified since. Hints explain a refusal
    and never allow an id. The live list comes before all of them. Nothing is asked of any endpoint.
    """
    from moongate.acceptance.known import known

    facts = known()
    if asked.show.json:
        asked.show.document({"facts": [dataclasses.asdict(fact) for fact in facts]})
    else:
        columns = tuple(field.name for field in dataclasses.fields(facts[0]))
        asked.show.table(columns, [dataclasses.astuple(fact) for fact in facts])
    return 0
