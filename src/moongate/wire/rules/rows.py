"""The rows of `facts/rules.toml`, and which of them bind a model at an endpoint. Read once, when first asked for."""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

import msgspec

from moongate.facts.providers import Provider
from moongate.wire.rules.records import Sureness


@dataclass(frozen=True, kw_only=True)
class Family:
    """Models that behave alike."""

    name: str
    ids: tuple[str, ...] = ()  # a trailing * matches any ending
    window: int | None = None  # tokens
    answer: int | None = None  # tokens of an answer at most, where the request names no number
    thinks: Literal["default", "always", "never"] = "default"
    input: tuple[str, ...] | None = None  # None: not known

    def has(self, model_id: str) -> bool:
        """Say whether an id belongs here."""
        return any(
            model_id.startswith(pattern[:-1]) if pattern.endswith("*") else model_id == pattern
            for pattern in self.ids
        )


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row."""

    id: str
    field: str
    families: tuple[str, ...]
    allowed: str
    sureness: Sureness
    source: str
    date: str
    where: Literal["moonshot", "aimlapi", "batch"] = "moonshot"
    when: Literal["", "thinking", "not thinking"] = ""
    only: float | None = None
    range: tuple[float, float] | None = None
    one_of: tuple[str, ...] = ()
    kind: Mapping[str, str] = dataclasses.field(default_factory=dict)
    max: int | None = None
    present: bool = False
    says: str | None = None
    verbatim: bool = False
    fix: str | None = None
    action: Literal["drop", "set"] | None = None
    to: str | None = None
    number: int = 0  # its place among the rows

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields it is about."""
        return tuple(self.field.split(", "))

    def binds(self, family: Family) -> bool:
        """Say whether it holds for a family."""
        return family.name in self.families or ("*" in self.families and family is not UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The rules that bind one family, ready to be looked up."""

    family: Family
    rules: Mapping[str, Rule]  # by id
    kinds: Mapping[str, str]  # the JSON type of a field
    plain: Mapping[str, tuple[Rule, ...]]  # rules that the rows describe fully, by field
    fields: frozenset[str]  # fields of the body that any rule is about


UNKNOWN = Family(name="unknown")


@functools.cache
def _table() -> dict[str, Any]:
    text = resources.files("moongate.facts").joinpath("rules.toml").read_text("utf-8")
    return tomllib.loads(text)


@functools.cache
def families() -> tuple[Family, ...]:
    """Return the families that have rules."""
    return tuple(msgspec.convert({**row, "name": name}, Family) for name, row in _table()["family"].items())


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Return every rule, in the order of the rows."""
    return tuple(
        msgspec.convert({**row, "date": str(row["date"]), "number": number}, Rule)
        for number, row in enumerate(_table()["rule"])
    )


def family_of(model_id: str) -> Family:
    """Return the family of a listed id, `UNKNOWN` when no row has it."""
    return next((family for family in families() if family.has(model_id)), UNKNOWN)


@functools.cache
def plan_of(family: Family) -> Plan:
    """Return what binds a family at a Moonshot endpoint."""
    bound = tuple(rule for rule in rules() if rule.where == "moonshot" and rule.binds(family))
    plain: dict[str, tuple[Rule, ...]] = {}
    kinds: dict[str, str] = {}
    for rule in bound:
        kinds |= rule.kind
        if rule.only is not None or rule.range or rule.max is not None or rule.present:
            for name in rule.fields:
                plain[name] = (*plain.get(name, ()), rule)
    tops = frozenset(name.split("[")[0] for rule in bound for name in rule.fields)
    return Plan(family=family, rules={rule.id: rule for rule in bound}, kinds=kinds, plain=plain, fields=tops)


@functools.cache
def batch_rules(family: Family) -> tuple[Rule, ...]:
    """Return what binds a family in a batch file of a Moonshot endpoint, besides its ordinary rules."""
    return tuple(rule for rule in rules() if rule.where == "batch" and rule.binds(family))


@functools.lru_cache(maxsize=256)
def plan_for(model_id: str) -> Plan:
    """Return what binds a model at a Moonshot endpoint."""
    return plan_of(family_of(model_id))


def keeps_reasoning(model_id: str, row: Provider) -> bool:
    """Say whether a model at an endpoint takes `thinking.keep`: where one rule says what may stand there."""
    return row.dialect == "moonshot" and "thinking-keep" in plan_for(model_id).rules
