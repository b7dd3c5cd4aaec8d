"""What the provider would object to in a request: every rule in turn. It changes nothing and raises nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from moongate.facts.files import MAX_FILE_BYTES, PURPOSES
from moongate.facts.models import Model
from moongate.facts.providers import Provider
from moongate.wire.rules import fields, tools
from moongate.wire.rules.case import Case, Hit, kind_of, written
from moongate.wire.rules.messages import messages
from moongate.wire.rules.records import Edit, Finding
from moongate.wire.rules.rows import UNKNOWN, Family, Plan, Rule, batch_rules, family_of, plan_for, plan_of, rules

LARGEST_BODY = 100 * 1024 * 1024  # bytes
UNKNOWN_MODEL = "unknown-model"  # the rule of the finding that no rules are known

Test: TypeAlias = Callable[[Any, Case], Iterator[Hit]]
_TYPES: Mapping[str, frozenset[type]] = {
    "number": frozenset({int, float}),
    "integer": frozenset({int}),
    "boolean": frozenset({bool}),
    "string": frozenset({str}),
    "array": frozenset({list, tuple}),
    "object": frozenset({dict}),
}
_TESTS: Mapping[str, tuple[Test, ...]] = {
    "messages": (messages,),
    "n": (fields.n,),
    "thinking": (fields.thinking,),
    "reasoning_effort": (fields.reasoning_effort,),
    "max_tokens": (fields.length("max_tokens"),),
    "max_completion_tokens": (fields.length("max_completion_tokens"),),
    "stop": (fields.stop,),
    "logprobs": (fields.logprobs,),
    "top_logprobs": (fields.top_logprobs,),
    "response_format": (fields.response_format, tools.answer_schema),
    "tools": (tools.tools,),
    "tool_choice": (tools.tool_choice,),
}


def check(body: Mapping[str, Any], model: Model | None, row: Provider) -> tuple[Finding, ...]:
    """Return what is wrong, or may be wrong, with the body of a chat request; nothing for an ordinary one.

    `model` is the row of the live list, or None where there is none; then the body's own `model` names the family. A
    model that no family has gets one uncertain finding that says so, and what its listed capabilities forbid. Only
    Moonshot's endpoints and those that speak like it have rules; AIMLAPI has one, about what it drops.
    """
    name = model.id if model is not None else body.get("model")
    if row.dialect == "moonshot":
        return _at_moonshot(body, model, plan_for(name if isinstance(name, str) else ""), row)
    if row.dialect == "aimlapi" and isinstance(name, str) and "kimi" in name.lower():
        return tuple(_dropped(body, row, name))
    return ()


def _at_moonshot(body: Mapping[str, Any], model: Model | None, plan: Plan, row: Provider) -> tuple[Finding, ...]:
    case = Case(body, model, plan)
    found: list[Finding] = []
    if "messages" not in body:
        found += _found(Hit(rule="messages-empty", path=("messages",), value=None), case, row)
    fields = _judges(plan.family)
    for field, value in body.items():
        judge = fields.get(field)
        if judge is None or value is None:
            continue
        if judge.types is not None and type(value) not in judge.types and not _fits(value, judge.kind):
            said = {"field": field, "kind": judge.kind, "got": kind_of(value)}
            found += _found(Hit(rule="type", path=(field,), value=value, said=said), case, row)
            continue
        for rule in judge.rules:
            if _broken(rule, value):
                found += _found(Hit(rule=rule.id, path=(field,), value=value), case, row)
        for test in judge.tests:
            for hit in test(value, case):
                found += _found(hit, case, row)
    if plan.family is UNKNOWN:
        found.append(_unknown(body, model, row))
    if len(found) > 1:
        order = {rule.id: rule.number for rule in rules()}
        found.sort(key=lambda finding: order.get(finding.rule, -1))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Judge:
    """All that binds one field of one family."""

    kind: str | None
    types: frozenset[type] | None
    rules: tuple[Rule, ...]  # those that a row describes fully
    tests: tuple[Test, ...]


@functools.cache
def _judges(family: Family) -> dict[str, _Judge]:
    plan = plan_of(family)
    fields = plan.fields
    return {name: _judge(name, plan) for name in fields}


def _judge(name: str, plan: Plan) -> _Judge:
    kind = plan.kinds.get(name)
    types = None if kind is None else _TYPES[kind]
    return _Judge(kind=kind, types=types, rules=plan.plain.get(name, ()), tests=_TESTS.get(name, ()))


def _fits(value: object, kind: str | None) -> bool:
    """Say whether a value of a type derived from JSON's own (an IntEnum, an OrderedDict) is of this kind."""
    if isinstance(value, bool) or kind is None:
        return kind == "boolean"
    return isinstance(value, Mapping) if kind == "object" else isinstance(value, tuple(_TYPES[kind]))


def _broken(rule: Rule, value: Any) -> bool:
    if rule.only is not None:
        return bool(value != rule.only)
    if rule.range is not None:
        return not rule.range[0] <= value <= rule.range[1]
    return rule.present or (rule.max is not None and len(value) > rule.max)


def _found(hit: Hit, case: Case, row: Provider) -> Iterator[Finding]:
    """Turn a hit into a finding, where its rule binds this model in this mode."""
    rule = case.plan.rules.get(hit.rule)
    if rule is not None and (not rule.when or (rule.when == "thinking") == case.thinking):
        name = case.model.id if case.model is not None else str(case.body.get("model"))
        yield _finding(rule, hit, name, row)


def _finding(rule: Rule, hit: Hit, name: str | None, row: Provider) -> Finding:
    """Tell a hit; `name` is the model's, None for what the endpoint itself does not take."""
    field = written(hit.path)
    edits = _edits(rule, hit)
    where = row.title if name is None else f"{name!r} at {row.title}"
    doubt = "does not take" if rule.sureness == "sure" else "may not take"
    allowed = f"{rule.allowed}{f' ({hit.detail})' if hit.detail else ''}"
    return Finding(
        rule=rule.id,
        field=field,
        value=hit.value,
        allowed=rule.allowed,
        message=f"{where} {doubt} {field} = {short(hit.value)}: {allowed}.",
        sureness=rule.sureness,
        source=rule.source,
        date=rule.date,
        says=rule.says.format_map({**(hit.said or {})}) if rule.says else None,
        fix=rule.fix if edits else None,
        edits=edits,
    )


def _edits(rule: Rule, hit: Hit) -> tuple[Edit, ...]:
    if rule.fix is None:
        return ()
    if hit.mend:
        return (Edit(path=hit.path, op="mend"),)
    if rule.action == "drop":
        return (Edit(path=hit.path, op="drop"),)
    value = rule.to if rule.action == "set" else hit.set_to
    return () if value is None else (Edit(path=hit.path, op="set", value=value),)


def short(value: object) -> str:
    """Write a value in at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _unknown(body: Mapping[str, Any], model: Model | None, row: Provider) -> Finding:
    name = model.id if model is not None else body.get("model")
    return Finding(
        rule=UNKNOWN_MODEL,
        field="model",
        value=name,
        allowed="anything",
        message=f"moongate knows no rules for {name!r} at {row.title}: the request is sent as it is.",
        sureness="uncertain",
        source="none",
        date="",
    )


def _dropped(body: Mapping[str, Any], row: Provider, name: str) -> Iterator[Finding]:
    rule = next(rule for rule in rules() if rule.where == "aimlapi")
    for field, value in body.items():
        if field not in rule.one_of and value is not None:
            yield _finding(rule, Hit(rule=rule.id, path=(field,), value=value), name, row)


def check_batch(body: Mapping[str, Any], model: Model | None, row: Provider) -> tuple[Finding, ...]:
    """Return what a batch does not take, besides what `check` finds: models, fields of the body. Moonshot's only."""
    name = model.id if model is not None else str(body.get("model"))
    if row.dialect != "moonshot":
        return ()
    return tuple(
        _finding(rule, Hit(rule=rule.id, path=(field,), value=name if field == "model" else body[field]), name, row)
        for rule in batch_rules(family_of(name))
        for field in rule.fields
        if field == "model" or body.get(field) is not None
    )


def check_file(*, size: int, purpose: str, row: Provider) -> tuple[Finding, ...]:
    """Return what is wrong with a file of `size` bytes that is to be uploaded."""
    hits = []
    if not 0 < size <= MAX_FILE_BYTES:
        rule = "file-zero" if size <= 0 else "file-size"
        hits.append(Hit(rule=rule, path=("file",), value=f"{size} bytes"))
    if purpose not in PURPOSES:
        hits.append(Hit(rule="file-purpose", path=("purpose",), value=purpose))
    return _of_endpoint(hits, row)


def check_body_size(size: int, row: Provider) -> tuple[Finding, ...]:
    """Return what is wrong with a request body of `size` bytes."""
    return _of_endpoint(
        [Hit(rule="body-size", path=("body",), value=f"{size} bytes")] if size > LARGEST_BODY else [], row
    )


def _of_endpoint(hits: list[Hit], row: Provider) -> tuple[Finding, ...]:
    if row.dialect != "moonshot" or not hits:
        return ()
    by_id = {rule.id: rule for rule in rules()}
    return tuple(_finding(by_id[hit.rule], hit, None, row) for hit in hits)
