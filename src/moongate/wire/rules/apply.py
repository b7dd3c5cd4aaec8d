"""What is done about findings: refuse, change and say so, or not look. The body handed in is never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from moongate.facts.models import Model
from moongate.facts.providers import Provider
from moongate.wire.rules.check import check, short
from moongate.wire.rules.records import Applied, Change, Edit, Finding, Mode, RuleError, Step
from moongate.wire.schema import mend


def apply(body: Mapping[str, Any], model: Model | None, row: Provider, mode: Mode = "raise") -> Applied:
    """Return the body to send, with what was changed in it and what is uncertain.

    "raise"   refuses what is surely wrong; the rest are warnings
    "fix"     changes what can be changed without changing what was asked for, refuses the rest that is surely wrong
    "pass"    returns the body without looking at it

    Raises RuleError, which names every field that is wrong.
    """
    match mode:
        case "pass":
            return Applied(body=body)
        case "raise":
            findings = check(body, model, row)
            return Applied(body=body, warnings=passable(findings)) if findings else Applied(body=body)
        case "fix":
            return _fixed(body, model, row)
        case _:
            assert_never(mode)


def passable(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings that do not block. Raises RuleError, naming every one that is sure."""
    if wrong := tuple(finding for finding in findings if finding.sureness == "sure"):
        raise refusal(wrong)
    return tuple(findings)


def _fixed(body: Mapping[str, Any], model: Model | None, row: Provider) -> Applied:
    findings = check(body, model, row)
    changes: list[Change] = []
    new: Any = body
    for finding in findings:
        for edit in finding.edits:
            new, change = _edited(new, edit, finding)
            changes.append(change)
    left = check(new, model, row) if changes else findings
    return Applied(body=new, changes=tuple(changes), warnings=passable(left))


def refusal(findings: tuple[Finding, ...]) -> RuleError:
    """Return the error that names what is wrong."""
    first = findings[0]
    told = [f"{first.message} (source: {first.source}, {first.date})"]
    told += [f"Also {finding.field} = {short(finding.value)}: {finding.allowed}." for finding in findings[1:]]
    fixable = all(finding.fix for finding in findings)
    advice = (
        f'With rules = "fix" (--rules fix) moongate {first.fix}.'
        if fixable
        else 'Change the request; with rules = "pass" (--rules pass) it is sent as it is.'
    )
    return RuleError(" ".join(told), findings=findings, advice=advice)


def _edited(body: Any, edit: Edit, finding: Finding) -> tuple[Any, Change]:
    before = _at(body, edit.path)
    note, value = finding.fix or "", edit.value
    if edit.op == "mend":
        value, note = _mended(before, edit, note)
    after = None if edit.op == "drop" else value
    message = f"{finding.field} = {short(before)}: {note} ({finding.allowed})."
    change = Change(rule=finding.rule, field=finding.field, before=before, after=after, message=message)
    return _with(body, edit.path, value, drop=edit.op == "drop"), change


def _mended(schema: object, edit: Edit, note: str) -> tuple[dict[str, Any], str]:
    mended = mend(schema, root="object" if edit.path[0] == "tools" else "any")
    looser = "; ".join(f"{place.path}: {place.why}" for place in mended.loosened)
    return mended.schema, f"{note}: {looser or 'it lets nothing more through'}"


def _at(body: Any, path: Sequence[Step]) -> Any:
    for step in path:
        body = body.get(step) if isinstance(body, Mapping) else body[step]
    return body


def _with(node: Any, path: Sequence[Step], value: Any, *, drop: bool) -> Any:
    """Return a copy of `node` that differs at one place; what is not on the way there is shared."""
    step = path[0]
    if len(path) == 1 and drop:
        return {key: inner for key, inner in node.items() if key != step}
    inner = value if len(path) == 1 else _with(_at(node, path[:1]), path[1:], value, drop=drop)
    if isinstance(node, Mapping):
        return {**node, step: inner}
    return [inner if number == step else old for number, old in enumerate(node)]
