"""One line in full: everything that is wrong with it, and what it will cost. Nothing is changed or sent.

The model's id is judged by the permit that is handed in (the guard's), parameters by `moongate.wire.rules`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

import msgspec

from moongate.batch.records import Limits
from moongate.batch.validate.faults import Fault, Kind
from moongate.errors import ModelRefusedError
from moongate.facts.batches import ENDPOINT, METHOD
from moongate.facts.models import Model
from moongate.facts.providers import Provider
from moongate.wire import rules
from moongate.wire.rules import Finding
from moongate.wire.rules.check import short

REMEMBERED = 1000  # models that were asked about; a file of random names does not fill the memory
_BOM = b"\xef\xbb\xbf"


class Permitted(Protocol):
    """What may be sent for a name."""

    @property
    def id(self) -> str:
        """The id to send."""
        ...

    @property
    def model(self) -> Model | None:
        """The row of the live list."""
        ...


@dataclass(frozen=True, kw_only=True)
class Checks:
    """What lines are held against.

    `permit` returns what may be sent for a model's name, or raises ModelRefusedError; other errors end the check.
    `native` says that the file is for the provider's batch API, whose lines take fewer fields than ordinary chats.
    `aliases` are names in whose place the permit's id will stand before anything is sent.
    """

    row: Provider
    permit: Callable[[str], Permitted]
    native: bool = True
    parameters: bool = True  # whether the rules of the model are looked at
    limits: Limits = field(default_factory=Limits)
    aliases: Container[str] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was said about a model's name: what may be sent for it, and what is wrong with it as it stands there."""

    permitted: Any = None  # a Permitted
    fault: Fault | None = None


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a line is: its faults, and of a line that could be read its parts."""

    faults: tuple[Fault, ...] = ()
    value: Mapping[str, Any] | None = None  # None where it is no JSON object
    custom_id: str | None = None
    permitted: Any = None  # a Permitted, where one model is named and may be used

    @property
    def body(self) -> Mapping[str, Any] | None:
        """The body, where there is one."""
        body = (self.value or {}).get("body")
        return body if isinstance(body, dict) else None


class Judge:
    """Judges the lines of one file."""

    def __init__(self, checks: Checks) -> None:
        self.checks = checks
        self._models: dict[str, Answer] = {}

    def line(self, raw: bytes, number: int) -> Judged:
        """Return what is wrong with one line, which is not blank; `number` counts from 1."""
        if len(raw) > self.checks.limits.max_bytes:
            most = self.checks.limits.max_bytes
            said = f"it has {len(raw)} bytes, more than the {most} of a whole file"
            return Judged(faults=(_fault(number, "size", said),))
        try:
            value = read(raw)
        except Unreadable as error:
            return Judged(faults=(_fault(number, error.kind, error.said, fix=error.fix),))
        faults = list(_outer(value, number))
        custom_id, body = value.get("custom_id"), value.get("body")
        permitted = None
        if isinstance(body, dict):
            permitted, found = self._model(body, number)
            faults += found
            if permitted is not None:  # what a model takes that cannot be used is nobody's question
                faults += self.parameters(body, permitted.model, number)
        return Judged(
            faults=tuple(faults),
            value=value,
            custom_id=custom_id if isinstance(custom_id, str) and custom_id else None,
            permitted=permitted,
        )

    def parameters(self, body: Mapping[str, Any], model: Model | None, number: int) -> Iterator[Fault]:
        """Yield what the rules of the model object to."""
        if not self.checks.parameters:
            return
        row, dropped = self.checks.row, set()
        if self.checks.native:
            for finding in rules.check_batch(body, model, row):
                dropped.add(finding.field)
                yield _of_rule(finding, number)
        for finding in rules.check(body, model, row):
            if finding.field not in dropped:
                yield _of_rule(finding, number)

    def answer(self, name: str) -> Answer:
        """Return what is said about a model's name; asked once."""
        known = self._models.get(name)
        if known is None:
            if len(self._models) >= REMEMBERED:
                self._models.clear()
            known = self._models[name] = self._asked(name)
        return known

    def _asked(self, name: str) -> Answer:
        try:
            permitted = self.checks.permit(name)
        except ModelRefusedError as error:
            nearest = f" Nearest: {', '.join(error.suggestions)}." if error.suggestions else ""
            return Answer(fault=_fault(0, "model", f"{error.message}{nearest}", field="model"))
        if permitted.id == name or name in self.checks.aliases:
            return Answer(permitted=permitted)
        said = f"{name!r} is not the listed id; ids in a batch file are not rewritten on the way"
        fault = _fault(0, "model", said, field="model", fix=f"writes {permitted.id!r}")
        return Answer(permitted=permitted, fault=fault)

    def _model(self, body: Mapping[str, Any], number: int) -> tuple[Permitted | None, list[Fault]]:
        """Return the permit of the one model that a body names, and what is wrong with how it names it."""
        alike = [key for key in body if key.casefold() in ("model", "models")]
        odd = [key for key in alike if key not in ("model", "models")]
        if odd:
            said = f"it has a key {odd[0]!r}, which some parsers read as {odd[0].casefold()!r}"
            return None, [_fault(number, "model", said, field="model")]
        names = [body.get("model"), *_listed(body.get("models"))]
        if not all(isinstance(name, str) and name for name in names):
            said = "it names no model" if body.get("model") in (None, "") else "a model id in it is no text"
            return None, [_fault(number, "model", said, field="model")]
        answers = [self.answer(name) for name in names]
        faults = [msgspec.structs.replace(a.fault, line=number) for a in answers if a.fault is not None]
        return answers[0].permitted, faults


def read_value(raw: bytes) -> Any:
    """Return a value of JSON. Raises ValueError when it is none, or could be read in two ways."""
    try:
        msgspec.json.decode(raw)
        return _STRICT.decode(raw.decode("utf-8"))
    except (msgspec.DecodeError, Unreadable, RecursionError) as error:
        raise ValueError(str(error)) from error


def read(raw: bytes) -> dict[str, Any]:
    """Return the object that a line is. Raises Unreadable, which says why it is none."""
    if raw.startswith(_BOM):
        raise Unreadable("encoding", "it begins with a byte order mark", fix="takes it off")
    if b"\0" in raw:
        raise Unreadable("encoding", "it holds a NUL byte: the file is not UTF-8 text, or damaged")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("encoding", f"it is not UTF-8 (byte {error.start + 1})") from error
    try:
        value = _STRICT.decode(text)
        msgspec.json.decode(raw)
    except json.JSONDecodeError as error:
        raise Unreadable("json", f"it is not JSON: {error.msg} (character {error.pos + 1})") from error
    except msgspec.DecodeError as error:  # JSON to the letter, and yet nothing that everybody can read
        raise Unreadable("json", "it holds half of a surrogate pair, or a number out of range") from error
    except ValueError as error:
        raise Unreadable("json", f"it is not JSON: {error}") from error
    except RecursionError as error:
        raise Unreadable("json", "it is nested too deeply") from error
    if not isinstance(value, dict):
        raise Unreadable("json", "it is no JSON object")
    return value


class Unreadable(Exception):  # noqa: N818 - never leaves this room
    """A line is no JSON object that everybody reads alike."""

    def __init__(self, kind: Kind, said: str, *, fix: str | None = None) -> None:
        super().__init__(said)
        self.kind, self.said, self.fix = kind, said, fix


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        (twice, _), *_more = Counter(key for key, _ in pairs).most_common(1)
        raise Unreadable("repeated_key", f"it has the key {short(twice)} twice; parsers differ on which one counts")
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def _outer(value: Mapping[str, Any], number: int) -> Iterator[Fault]:
    """Yield what is wrong around the body."""
    custom_id = value.get("custom_id")
    if not isinstance(custom_id, str) or not custom_id:
        missing = custom_id in (None, "")
        fix = f"writes {name_for(number)!r}" if missing else "writes it as a text" if type(custom_id) is int else None
        said = "it has no custom_id" if missing else f"its custom_id is no text but {short(custom_id)}"
        yield _fault(number, "field", said, field="custom_id", fix=fix)
    for name, wanted in (("method", METHOD), ("url", ENDPOINT)):
        if value.get(name) != wanted:
            said = f"its {name} is {short(value[name])}" if name in value else f"it has no {name}"
            yield _fault(number, "field", f"{said}; the only one is {wanted!r}", field=name, fix=f"writes {wanted!r}")
    if not isinstance(value.get("body"), dict):
        said = "its body is no object" if "body" in value else "it has no body"
        yield _fault(number, "field", said, field="body")


def name_for(number: int) -> str:
    """Return the custom_id that a line without one is given."""
    return f"line-{number}"


def _listed(value: object) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [None]


def _of_rule(finding: Finding, number: int) -> Fault:
    return Fault(
        line=number,
        kind="parameter",
        message=f"{finding.message} (source: {finding.source}, {finding.date})" if finding.date else finding.message,
        severity="error" if finding.sureness == "sure" else "warning",
        field=finding.field,
        rule=finding.rule,
        fix=finding.fix,
    )


def _fault(number: int, kind: Kind, said: str, *, field: str | None = None, fix: str | None = None) -> Fault:
    return Fault(line=number, kind=kind, message=said, field=field, fix=fix)
