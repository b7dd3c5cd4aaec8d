"""What a function takes, as a JSON schema, and how the JSON that a model writes for it is read.

msgspec does both; pydantic where a type hint needs it, and only where the caller has it already.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from moongate.errors import UsageError

Function = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The parameters of a function."""

    schema: Mapping[str, Any]  # an object at the root, what it refers to under `$defs`
    read: Callable[[str], dict[str, Any]]  # from JSON text; raises ValueError for what does not fit


def arguments_of(function: Function, name: str) -> Arguments:
    """Return what a function takes, by its type hints.

    Raises UsageError naming the parameter that has no hint, or one that no model can fill in.
    """
    hints = _hints(function, name)
    if any(_needs_pydantic(hint) for hint in hints.values()):
        return _by_pydantic(function, hints, name)
    try:
        return _by_msgspec(function, hints, name)
    except TypeError as error:
        if "pydantic" in sys.modules:  # a model of it may hide inside a class of another kind
            return _by_pydantic(function, hints, name)
        raise _no_schema(name, error) from error


def _hints(function: Function, name: str) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise UsageError(f"The type hints of the tool {name!r} cannot be read: {error}.") from error
    for parameter in _parameters(function):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise UsageError(f"The tool {name!r} takes {parameter}, which no model can fill in by name.")
        if parameter.name not in hints:
            raise UsageError(f"The parameter {parameter.name!r} of the tool {name!r} has no type hint.")
    return {parameter.name: hints[parameter.name] for parameter in _parameters(function)}


def _parameters(function: Function) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(function).parameters.values())


def _needs_pydantic(hint: Any) -> bool:
    """Say whether a hint is a class that pydantic made, or carries pydantic's `Field(…)`, at any depth."""
    made = isinstance(hint, type) and hasattr(hint, "__pydantic_core_schema__")
    extra = type(hint).__module__.partition(".")[0] == "pydantic"
    return made or extra or any(_needs_pydantic(inner) for inner in typing.get_args(hint))


def _by_msgspec(function: Function, hints: Mapping[str, Any], name: str) -> Arguments:
    fields = _fields(function, hints, msgspec.field)
    struct = msgspec.defstruct(f"{name}_arguments", fields, kw_only=True, forbid_unknown_fields=True)
    (schema,), components = msgspec.json.schema_components([struct], ref_template="#/$defs/{name}")

    def read(text: str) -> dict[str, Any]:
        given = msgspec.json.decode(text, type=struct)
        return {field: getattr(given, field) for field in struct.__struct_fields__}

    return Arguments(schema=_standing_alone(schema, components), read=read)


def _standing_alone(schema: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments' object itself at the root, what it refers to under `$defs`, as Moonshot wants it."""
    name = str(schema["$ref"]).rsplit("/", 1)[-1]
    root = {key: value for key, value in components[name].items() if key != "title"}
    others = {key: value for key, value in components.items() if key != name}
    return root | ({"$defs": others} if others else {})


def _by_pydantic(function: Function, hints: Mapping[str, Any], name: str) -> Arguments:
    """Have pydantic read the arguments: as a dataclass, whose fields may have any name."""
    import pydantic

    fields = _fields(function, hints, dataclasses.field)
    plain = dataclasses.make_dataclass(f"{name}_arguments", fields, kw_only=True)
    try:
        adapter: Any = pydantic.TypeAdapter(
            pydantic.dataclasses.dataclass(plain, config=pydantic.ConfigDict(extra="forbid"))
        )
        schema = adapter.json_schema()
    except (pydantic.errors.PydanticUserError, TypeError, ValueError) as error:
        raise _no_schema(name, error) from error

    def read(text: str) -> dict[str, Any]:
        given = adapter.validate_json(text)
        return {parameter: getattr(given, parameter) for parameter in hints}

    return Arguments(schema={key: value for key, value in schema.items() if key != "title"}, read=read)


def _fields(function: Function, hints: Mapping[str, Any], field: Callable[..., Any]) -> list[Any]:
    """Return names, hints and defaults in the form that both libraries take; `field` is the library's own."""
    fields: list[Any] = []
    for parameter in _parameters(function):
        default, named = parameter.default, (parameter.name, hints[parameter.name])
        if default is parameter.empty:
            fields.append(named)
        elif isinstance(default, list | dict | set | bytearray):
            fields.append((*named, field(default_factory=_again(default))))
        else:
            fields.append((*named, field(default=default)))
    return fields


def _again(default: Any) -> Callable[[], Any]:
    return lambda: type(default)(default)


def _no_schema(name: str, error: Exception) -> UsageError:
    why = str(error).partition("\n")[0]
    return UsageError(f"The tool {name!r} has a parameter without a JSON schema: {why}.")
