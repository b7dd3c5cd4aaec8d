"""What Moonshot refuses in `tools` and `tool_choice`: names, types, schemas, calls forced while it thinks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from moongate.testing.exchange import Refusal, refuse
from moongate.testing.loose import items, mapping
from moongate.testing.mfjs import CODE, DOCUMENTED, flaws, tolerated
from moongate.testing.models import ServedModel
from moongate.testing.readings import Readings

_SIZES = {"code": CODE, "documented": DOCUMENTED}


def refusals(
    request: Mapping[str, Any], model: ServedModel, readings: Readings, *, thinking: bool
) -> Iterator[Refusal]:
    """Yield what is wrong with the tools and with the choice among them."""
    names: set[str] = set()
    for tool in items(request.get("tools")):
        yield from _tool(tool, names, readings, thinking=thinking)
    yield from _choice(request.get("tool_choice"), model, readings, thinking=thinking)
    yield from _answer_schema(request, readings)


def warnings(request: Mapping[str, Any], readings: Readings) -> Iterator[str]:
    """Yield the flaws that are tolerated, as the header msh-schema-warning tells them."""
    for schema in _schemas(request):
        yield from tolerated(schema)
        if readings.mfjs == "warn_header":
            yield from flaws(schema, _SIZES[readings.mfjs_sizes])


def _tool(tool: object, names: set[str], readings: Readings, *, thinking: bool) -> Iterator[Refusal]:
    kind = tool.get("type") if isinstance(tool, Mapping) else None
    if not isinstance(tool, Mapping) or kind not in ("function", "builtin_function"):
        yield refuse("tool_type", got=kind)
        return
    function = mapping(tool.get("function"))
    name = str(function.get("name") or "")
    if kind == "builtin_function":
        if thinking:
            yield refuse("builtin_thinking", name=name)
        return
    if not re.fullmatch(rf"[A-Za-z_][A-Za-z0-9_-]{{0,{readings.function_name_max - 1}}}", name):
        yield refuse("function_name")
    if name in names:
        yield refuse("function_duplicate", name=name)
    names.add(name)
    yield from _parameters(function.get("parameters"), readings)


def _parameters(schema: object, readings: Readings) -> Iterator[Refusal]:
    if schema is None:
        return
    if not isinstance(schema, Mapping) or not ({"anyOf", "$ref"} & schema.keys() or schema.get("type") == "object"):
        yield refuse("parameters_object")
    elif readings.mfjs == "reject":
        for flaw in flaws(schema, _SIZES[readings.mfjs_sizes]):
            yield refuse("schema", field="tools.function.parameters", details=flaw)


def _answer_schema(request: Mapping[str, Any], readings: Readings) -> Iterator[Refusal]:
    wanted = mapping(mapping(request.get("response_format")).get("json_schema"))
    schema = wanted.get("schema")
    if isinstance(schema, Mapping) and readings.mfjs == "reject":
        for flaw in flaws(schema, _SIZES[readings.mfjs_sizes]):
            yield refuse("schema", field="response_format.json_schema.schema", details=flaw)


def _schemas(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for tool in items(request.get("tools")):
        schema = mapping(mapping(tool).get("function")).get("parameters")
        if isinstance(schema, Mapping):
            yield schema


def _choice(choice: object, model: ServedModel, readings: Readings, *, thinking: bool) -> Iterator[Refusal]:
    word = "specified" if isinstance(choice, Mapping) else choice
    if word not in ("required", "specified"):
        return
    if model.family == "k3":
        if readings.k3_tool_choice == "reject":
            yield refuse("tool_choice", choice=word)
    elif model.family == "moonshot-v1" or readings.tool_choice_required == "never":
        yield refuse("tool_choice_never", choice=word)
    elif thinking:
        yield refuse("tool_choice", choice=word)
