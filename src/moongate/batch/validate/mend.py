"""A line that is wrong, made right where that takes nothing away from what it asks for: `--fix`.

A line that cannot be made right altogether is still made better; whoever calls judges the result again. Ids that
occur twice, ids that are not listed and broken JSON are nobody's to guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from moongate.batch.validate.faults import Fault
from moongate.batch.validate.judge import Judge, Judged, name_for
from moongate.errors import ModelRefusedError
from moongate.facts.batches import ENDPOINT, METHOD
from moongate.facts.models import Model
from moongate.wire import rules
from moongate.wire.rules import RuleError

_BOM = b"\xef\xbb\xbf"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change that was made to a line, in words."""

    line: int
    message: str


def mended(raw: bytes, judged: Judged, judge: Judge, number: int) -> tuple[bytes, Judged, tuple[Change, ...]]:
    """Return a faulty line made right as far as that goes, what is still wrong with it, and what was changed."""
    told: list[str] = []
    if raw.startswith(_BOM):
        raw = raw.removeprefix(_BOM)
        judged = judge.line(raw, number)
        told.append("the byte order mark was taken off")
    if judged.value is not None and any(fault.fix for fault in judged.faults):
        value = dict(judged.value)
        told += _outer(value, judged.faults, number)
        if isinstance(value.get("body"), dict):
            value["body"], said = _body(value["body"], judge)
            told += said
        raw = msgspec.json.encode(value)
        judged = judge.line(raw, number)
    return raw, judged, tuple(Change(line=number, message=said) for said in told)


def _outer(value: dict[str, Any], faults: tuple[Fault, ...], number: int) -> Iterator[str]:
    """Put right what stands around the body."""
    right = {"method": METHOD, "url": ENDPOINT}
    for fault in faults:
        if fault.kind != "field" or fault.fix is None:
            continue
        name, before = str(fault.field), value.get(str(fault.field))
        value[name] = right.get(name) or (name_for(number) if before in (None, "") else str(before))
        yield f"{name} = {value[name]!r}, before: {before!r}"


def _body(body: Mapping[str, Any], judge: Judge) -> tuple[dict[str, Any], list[str]]:
    """Return a body with its model's listed id, without what a batch does not take, and as the rules mend it."""
    checks, told, model = judge.checks, [], None
    new = dict(body)
    if isinstance(name := body.get("model"), str) and name:
        new["model"], model = _listed_id(name, judge)
        if new["model"] != name:
            told.append(f"model = {new['model']!r}, before: {name!r}")
    if not checks.parameters:
        return new, told
    if checks.native:
        for finding in rules.check_batch(new, model, checks.row):
            if finding.fix is not None:
                del new[finding.field]
                told.append(f"{finding.field} was left out ({finding.allowed})")
    try:
        applied = rules.apply(new, model, checks.row, "fix")
    except RuleError:  # something else in it cannot be mended: the line stays as it was asked for
        return new, told
    return dict(applied.body), [*told, *(change.message for change in applied.changes)]


def _listed_id(name: str, judge: Judge) -> tuple[str, Model | None]:
    """Return the id under which a name is listed, the name itself where nothing is."""
    try:
        permitted = judge.checks.permit(name)
    except ModelRefusedError:
        return name, None
    return permitted.id, permitted.model
