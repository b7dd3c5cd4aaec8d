"""Every packaged fact that moongate acts on, as one list with source, date and sureness.

Reads what lies in the package; asks no endpoint and changes nothing. Whether a fact still holds is `kit`'s question.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from moongate.facts.hints import hints
from moongate.facts.platform import Behaviour, behaviours
from moongate.facts.providers import Provider, built_in
from moongate.wire.rules import Family, Rule, families, rules

Kind = Literal["provider", "price", "family", "rule", "behaviour", "hint"]
Sureness = Literal["sure", "uncertain", "dated", "hint"]


@dataclass(frozen=True, kw_only=True)
class Known:
    """One fact. `date` is YYYY-MM-DD, of its newest source.

    `sureness` is "sure" or "uncertain" for rules (an uncertain one only warns) and behaviours, "dated" for what a
    source said on its date and nobody has verified since, "hint" for what explains a refusal and allows nothing.
    """

    kind: Kind
    name: str
    says: str
    source: str
    date: str
    sureness: Sureness

    @property
    def key(self) -> str:
        """The name with its kind, since a rule and a behaviour may share one."""
        return f"{self.kind} {self.name}"


def known() -> tuple[Known, ...]:
    """Return every fact: providers, prices, families, rules, behaviours, hints, in this order."""
    return (
        *(_provider(row) for row in built_in().values()),
        *_prices(),
        *(_family(family) for family in families()),
        *(_rule(rule) for rule in rules()),
        *(_behaviour(row) for row in behaviours()),
        *_hints(),
    )


def _provider(row: Provider) -> Known:
    return Known(
        kind="provider",
        name=row.name,
        says="; ".join(_relied_on(row)),
        source=row.source,
        date=row.date,
        sureness="dated",
    )


def _relied_on(row: Provider) -> Iterator[str]:
    """Yield what a row makes moongate do at that endpoint."""
    yield row.base_url or "a loopback port"
    yield f"list {row.list} ({_LIST_AUTH[row.list_auth]})"
    if row.list_keyed:
        yield f"list of a key {row.list_keyed}"
    for name, path in (("balance", row.balance), ("estimate", row.estimate), ("files", row.files)):
        if path:
            yield f"{name} {path.removeprefix('/') if path.startswith('//') else path}"
    yield f"batches {row.batches}"
    yield f"errors in the {row.dialect} dialect"
    if row.currency:
        yield f"money in {row.currency}"
    if row.floating:
        yield f"floating ids {', '.join(row.floating)}"
    if row.suffixes:
        yield f"suffixes {', '.join(row.suffixes)}"


_LIST_AUTH = {"required": "needs a key", "optional": "public, or filtered by key", "none": "public"}


def _prices() -> Iterator[Known]:
    text = resources.files("moongate.facts").joinpath("prices.toml").read_text("utf-8")
    for table in tomllib.loads(text)["price"]:
        for model_id, amounts in table["models"].items():
            batched = table.get("batch", {})
            share = f"; batches {batched['share']} of it" if model_id in batched.get("models", ()) else ""
            yield Known(
                kind="price",
                name=f"{table['provider']}/{model_id}",
                says=_price(amounts, table["currency"]) + share,
                source=table["source"],
                date=str(table["date"]),
                sureness="dated",
            )


def _price(amounts: Mapping[str, Any], currency: str) -> str:
    cached = f", {amounts['cached_input']} cached input" if "cached_input" in amounts else ""
    return f"{currency} per million tokens: {amounts['input']} input{cached}, {amounts['output']} output"


def _family(family: Family) -> Known:
    """A family stands on the rules that name it: theirs is the newest date."""
    own = [rule.date for rule in rules() if family.name in rule.families]
    window = f"; window {family.window} tokens" if family.window else ""
    taken = f"; takes {', '.join(family.input)}" if family.input else ""
    answer = f"; answers up to {family.answer} tokens unless told otherwise" if family.answer else ""
    return Known(
        kind="family",
        name=family.name,
        says=f"{', '.join(family.ids)}: {_THINKS[family.thinks]}{window}{answer}{taken}",
        source="the rules that name this family; what the live list says comes first",
        date=max(own, default=max(rule.date for rule in rules())),
        sureness="dated",
    )


_THINKS = {"default": "thinks unless disabled", "always": "always thinks", "never": "does not think"}


def _rule(rule: Rule) -> Known:
    where = {"moonshot": "", "batch": " in a batch"}.get(rule.where, f" at {rule.where}")
    when = f" while {rule.when}" if rule.when else ""
    return Known(
        kind="rule",
        name=rule.id,
        says=f"{rule.field} ({', '.join(rule.families)}{where}{when}): {rule.allowed}",
        source=rule.source,
        date=rule.date,
        sureness=rule.sureness,
    )


def _behaviour(row: Behaviour) -> Known:
    return Known(
        kind="behaviour", name=row.id, says=row.says, source=row.source, date=row.date, sureness=row.sureness
    )


def _hints() -> Iterator[Known]:
    """Yield what explains a refusal: where ids were seen, and which of them never existed at Moonshot."""
    found = hints()
    for host in sorted(found.hosts, key=lambda host: host.name):
        ended = tuple(f"{model_id} ended {day}" for model_id, day in sorted(host.gone.items()))
        route = ("spellings of a client library",) if host.route else ()
        seen = (f"last seen {host.seen}",) if host.seen else ()
        yield Known(
            kind="hint",
            name=host.name,
            says="; ".join((*route, ", ".join(sorted(host.ids)) or "no id now", *ended, *seen)),
            source="first-party documentation, public catalogs and published captures",
            date=found.updated,
            sureness="hint",
        )
    for never in found.never.values():
        yield Known(
            kind="hint",
            name=never.id,
            says=f"was never served by Moonshot: {never.why}",
            source=never.source,
            date=found.updated,
            sureness="hint",
        )
