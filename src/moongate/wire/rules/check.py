"""What the provider would object to in a request: every rule in turn. It changes nothing and raises nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from moongate.facts.models import Model
from moongate.facts.providers import Provider
from moongate.wire.rules import fields, tools
from moongate.wire.rules.case import Case, Hit, kind_of, written
from moongate.wire.rules.messages import messages
from moongate.wire.rules.records import Edit, Finding
from moongate.wire.rules.rows import UNKNOWN, Plan, Rule, plan_for, rules

LARGEST = 100 * 1024 * 1024  # bytes, of a file and of a body
PURPOSES = ("file-extract", "image", "video", "batch")

_TESTS: Mapping[str, tuple[Callable[[Any, Case], Iterator[Hit]], ...]] = {
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
    known = plan.fields
    for field, value in body.items():
        if value is None or field not in known:
            continue
        for hit in _hits(field, value, case):
            found += _found(hit, case, row)
    if plan.family is UNKNOWN:
        found.append(_unknown(body, model, row))
    if len(found) > 1:
        order = {rule.id: rule.number for rule in rules()}
        found.sort(key=lambda finding: order.get(finding.rule, -1))
    return tuple(found)


def _hits(field: str, value: Any, case: Case) -> Iterator[Hit]:
    kind = case.plan.kinds.get(field)
    if kind is not None and not _is(value, kind):
        said = {"field": field, "kind": kind, "got": kind_of(value)}
        return iter([Hit(rule="type", path=(field,), value=value, said=said)])
    tests = [test(value, case) for test in _TESTS.get(field, ())]
    return chain(_plain(field, value, case), *tests)


def _is(value: object, kind: str) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return kind_of(value) == kind


def _plain(field: str, value: Any, case: Case) -> Iterator[Hit]:
    """Test the rules that a row describes fully."""
    for rule in case.plan.plain.get(field, ()):
        broken = (
            rule.present
            or (rule.only is not None and value != rule.only)
            or (rule.range is not None and not rule.range[0] <= value <= rule.range[1])
            or (rule.max is not None and len(value) > rule.max)
        )
        if broken:
            yield Hit(rule=rule.id, path=(field,), value=value)


def _found(hit: Hit, case: Case, row: Provider) -> Iterator[Finding]:
    """Turn a hit into a finding, where its rule binds this model in this mode."""
    rule = case.plan.rules.get(hit.rule)
    if rule is not None and (not rule.when or (rule.when == "thinking") == case.thinking):
        name = case.model.id if case.model is not None else str(case.body.get("model"))
        yield _finding(rule, hit, name, row)


def _finding(rule: Rule, hit: Hit, name: str, row: Provider) -> Finding:
    field = written(hit.path)
    edits = _edits(rule, hit)
    doubt = "does not take" if rule.sureness == "sure" else "may not take"
    allowed = f"{rule.allowed}{f' ({hit.detail})' if hit.detail else ''}"
    return Finding(
        rule=rule.id,
        field=field,
        value=hit.value,
        allowed=rule.allowed,
        message=f"{name!r} at {row.title} {doubt} {field} = {short(hit.value)}: {allowed}.",
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
        rule="unknown-model",
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


def check_file(*, size: int, purpose: str, row: Provider) -> tuple[Finding, ...]:
    """Return what is wrong with a file of `size` bytes that is to be uploaded."""
    hits = []
    if size > LARGEST:
        hits.append(Hit(rule="file-size", path=("file",), value=size))
    if size <= 0:
        hits.append(Hit(rule="file-zero", path=("file",), value=size))
    if purpose not in PURPOSES:
        hits.append(Hit(rule="file-purpose", path=("purpose",), value=purpose))
    return _of_endpoint(hits, row)


def check_body_size(size: int, row: Provider) -> tuple[Finding, ...]:
    """Return what is wrong with a request body of `size` bytes."""
    return _of_endpoint([Hit(rule="body-size", path=("body",), value=size)] if size > LARGEST else [], row)


def _of_endpoint(hits: list[Hit], row: Provider) -> tuple[Finding, ...]:
    if row.dialect != "moonshot" or not hits:
        return ()
    by_id = {rule.id: rule for rule in rules()}
    return tuple(_finding(by_id[hit.rule], hit, "the API", row) for hit in hits)
