"""Rules about `tools`, `tool_choice` and schemas."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from moongate.wire.rules.case import Case, Hit, mapping
from moongate.wire.rules.records import Step
from moongate.wire.schema import Flaw
from moongate.wire.schema import check as check_schema

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
REMEMBERED = 16_384  # bytes of a schema whose flaws are remembered
NAME_LENGTH = 64  # the shortest of the documented maxima


def tool_choice(value: Any, case: Case) -> Iterator[Hit]:
    """A call that is forced."""
    word = "specified" if isinstance(value, Mapping) else value
    if word in ("required", "specified"):
        for rule in ("tool-choice-thinking", "tool-choice-documented", "tool-choice-k3", "tool-choice-v1"):
            yield Hit(rule=rule, path=("tool_choice",), value=value, said={"got": word})


def tools(value: list[Any], case: Case) -> Iterator[Hit]:
    """Every tool: its type, its name, its parameters."""
    names: set[str] = set()
    for number, tool in enumerate(value):
        path: tuple[Step, ...] = ("tools", number)
        kind = mapping(tool).get("type")
        if kind == "builtin_function":
            name = mapping(tool.get("function")).get("name")
            yield Hit(rule="builtin-thinking", path=path, value=name)
        elif kind == "function":
            yield from _function(mapping(tool.get("function")), (*path, "function"), names)
        else:
            yield Hit(rule="tool-type", path=(*path, "type"), value=kind, said={"got": kind})


def _function(function: Mapping[str, Any], path: tuple[Step, ...], names: set[str]) -> Iterator[Hit]:
    name = function.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield Hit(rule="tool-name", path=(*path, "name"), value=name)
    elif len(name) > NAME_LENGTH:
        yield Hit(rule="tool-name-length", path=(*path, "name"), value=name)
    if str(name) in names:
        yield Hit(rule="tool-name-twice", path=(*path, "name"), value=name, said={"got": name})
    names.add(str(name))
    schema, place = function.get("parameters"), (*path, "parameters")
    if schema is None:
        return
    if not isinstance(schema, Mapping) or not (
        {"anyOf", "$ref"} & schema.keys() or schema.get("type") in ("object", ["object"])
    ):
        yield Hit(rule="tool-parameters", path=place, value=schema, mend=True)
    else:
        yield from flawed(schema, place, "tools.function.parameters")


@functools.lru_cache(maxsize=256)
def _flaws(encoded: bytes) -> tuple[Flaw, ...]:
    """Return the flaws of a schema; the same tools come with every turn of a conversation."""
    return check_schema(msgspec.json.decode(encoded))


def _flaws_of(schema: object) -> tuple[Flaw, ...]:
    try:
        encoded = msgspec.json.encode(schema)
        return _flaws(encoded) if len(encoded) <= REMEMBERED else check_schema(schema)
    except (TypeError, ValueError, RecursionError):
        return check_schema(schema)


def flawed(schema: object, path: tuple[Step, ...], field: str) -> Iterator[Hit]:
    """Yield one hit for a schema with flaws; it tells the first one and how many there are."""
    flaws = _flaws_of(schema)
    if flaws:
        first = next((flaw for flaw in flaws if flaw.sureness == "sure"), flaws[0])
        more = f" and {len(flaws) - 1} more" if len(flaws) > 1 else ""
        said = {"field": field, "got": str(first)}
        mendable = not all(flaw.limit for flaw in flaws)
        yield Hit(rule="schema", path=path, value=schema, said=said, detail=f"{first}{more}", mend=mendable)


def answer_schema(value: Mapping[str, Any], case: Case) -> Iterator[Hit]:
    """The schema of the answer, where one is asked for."""
    schema = mapping(value.get("json_schema")).get("schema")
    if schema is not None and value.get("type") == "json_schema":
        path = ("response_format", "json_schema", "schema")
        yield from flawed(schema, path, "response_format.json_schema.schema")
