"""What is wrong with a schema, place by place, in the wording of the provider's validator.

It rewrites nothing. `sureness` tells flaws that every source calls flaws from those on which sources contradict each
other. Which flaw the provider names first is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from moongate.wire.schema.refs import resolve, unproductive
from moongate.wire.schema.source import schema_of
from moongate.wire.schema.words import (
    BOUNDS,
    BY_TYPE,
    KEYWORDS,
    LIMITS,
    NOTES,
    RESERVED,
    ROOT_ONLY,
    TOLERATED,
    TYPES,
    type_of,
)

Sureness = Literal["sure", "uncertain"]
Schema = Mapping[str, Any]
Path = tuple[str, ...]
DEEPEST = 100  # levels of nesting that are looked at
DEPTH = "schema depth exceeds maximum limit of {limit}"


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """One thing that the provider's validator objects to."""

    path: str  # "root", "properties.source", "anyOf[1].items"
    reason: str  # in the validator's words
    sureness: Sureness = "sure"
    limit: bool = False  # a limit of size, which no rewriting mends

    def __str__(self) -> str:
        return f"At path '{self.path}': {self.reason}"


def check(schema: object) -> tuple[Flaw, ...]:
    """Return the flaws of a schema (a mapping, or a pydantic model class); none for a good one.

    Any JSON value may be handed in. Places nested deeper than 100 levels are not looked at; a flaw says so.
    """
    root = schema_of(schema)
    if not isinstance(root, Mapping):
        return (Flaw(path="root", reason="schema must be a dict"),)
    if not root:
        return ()  # the whole schema {} stands for any value
    return tuple(dict.fromkeys([*_node(root, (), root), *_endless(root), *_size(root)]))


def _flaw(path: Path, reason: str, sureness: Sureness = "sure") -> Flaw:
    return Flaw(path=".".join(path) or "root", reason=reason, sureness=sureness)


def _over(path: Path, name: str, got: int, text: str) -> Iterator[Flaw]:
    """Yield the flaw of a size beyond the documented limit; beyond the largest limit of any source it is sure."""
    documented, largest = LIMITS[name]
    if got > documented:
        limit = largest if got > largest else documented
        sureness: Sureness = "sure" if got > largest else "uncertain"
        yield Flaw(
            path=".".join(path) or "root", reason=text.format(got=got, limit=limit), sureness=sureness, limit=True
        )


def _node(schema: Schema, path: Path, root: Schema) -> Iterator[Flaw]:
    if len(path) > 2 * DEEPEST:
        yield from _over(path, "depth", DEEPEST, DEPTH)
        return
    yield from _keywords(schema, path)
    yield from _types(schema, path)
    if "$ref" in schema:
        yield from _reference(schema, path, root)
    if "anyOf" in schema:
        yield from _any_of(schema, path)
    if "enum" in schema:
        yield from _enum(schema, path)
    yield from _object(schema, path)
    yield from _bounds(schema, path)
    for word, kind in (("description", str), ("title", str), ("$id", str)):
        if word in schema and not isinstance(schema[word], kind):
            yield _flaw((*path, word), f"{word} must be a string")
    for inner, place in _inner(schema, path):
        if isinstance(inner, Mapping):
            yield from _node(inner, place, root)
        else:
            yield _flaw(place, "schema must be an object")


def _inner(schema: Schema, path: Path) -> Iterator[tuple[object, Path]]:
    for word in ("$defs", "properties"):
        if isinstance(schema.get(word), Mapping):
            yield from ((inner, (*path, word, str(key))) for key, inner in schema[word].items())
    if isinstance(schema.get("items"), Mapping):
        yield schema["items"], (*path, "items")
    if isinstance(schema.get("additionalProperties"), Mapping) and schema["additionalProperties"]:
        yield schema["additionalProperties"], (*path, "additionalProperties")
    if isinstance(schema.get("anyOf"), list):
        yield from ((inner, (*path, f"anyOf[{i}]")) for i, inner in enumerate(schema["anyOf"]))


def _keywords(schema: Schema, path: Path) -> Iterator[Flaw]:
    strange = schema.keys() - KEYWORDS
    if fatal := sorted(map(str, strange - TOLERATED)):
        yield _flaw(path, f"unsupported keywords: {', '.join(fatal)}")
    if tolerated := sorted(strange & TOLERATED):
        yield _flaw(path, f"unsupported keywords: {', '.join(tolerated)}", "uncertain")
    if path:
        for word in sorted(schema.keys() & ROOT_ONLY):
            yield _flaw(path, f"keyword {word} must be at root level")
    if "pattern" in schema:  # in the validator's code, "not yet supported" in its documentation
        yield _flaw(path, "unsupported keywords: pattern", "uncertain")


def _types(schema: Schema, path: Path) -> Iterator[Flaw]:
    if "type" not in schema:
        if not {"$ref", "anyOf"} & schema.keys():
            # required by the documentation; the code asks for it only beside enum
            yield _flaw(path, "type is not defined", "sure" if "enum" in schema else "uncertain")
        return
    for word in ("anyOf", "$ref"):
        if word in schema:
            where = "anyOf items" if word == "anyOf" else "the referenced schema"
            yield _flaw(path, f"when using {word}, type should be defined in {where} instead of the parent schema")
    kinds = schema["type"]
    if isinstance(kinds, list):
        yield from _type_array(schema, kinds, path)
    elif not isinstance(kinds, str):
        yield _flaw(path, "type must be string or array of strings")
    elif kinds not in TYPES:
        yield _flaw(path, f"invalid type: {kinds}")
    else:
        yield from _belonging(schema, kinds, path)


def _type_array(schema: Schema, kinds: list[Any], path: Path) -> Iterator[Flaw]:
    if not kinds:
        yield _flaw(path, "type array cannot be empty")
    elif not all(isinstance(kind, str) and kind in TYPES for kind in kinds):
        yield _flaw(path, "invalid type in type array")
    elif len(set(kinds)) < len(kinds):
        yield _flaw((*path, "type"), "duplicate types in type array")
    elif len(kinds) == 1:
        yield from _belonging(schema, kinds[0], path)
    else:
        nullable_enum = "enum" in schema and len(kinds) == 2 and not {"object", "array"} & set(kinds)
        for word in sorted(schema.keys() & KEYWORDS - NOTES - {"type"} - (frozenset() if path else ROOT_ONLY)):
            if not nullable_enum:
                yield _flaw(path, f"keyword {word} is not allowed in combination with multiple types")


def _belonging(schema: Schema, kind: str, path: Path) -> Iterator[Flaw]:
    allowed = BY_TYPE[kind] | NOTES | {"type"} | ROOT_ONLY
    if foreign := sorted(schema.keys() & KEYWORDS - allowed):
        yield _flaw(path, f"invalid keywords: {', '.join(foreign)}")


def _reference(schema: Schema, path: Path, root: Schema) -> Iterator[Flaw]:
    target = schema["$ref"]
    if not isinstance(target, str):
        yield _flaw((*path, "$ref"), "$ref must be a string")
        return
    if target != "#" and not target.startswith("#/$defs/"):
        yield _flaw((*path, "$ref"), "references must start with #/$defs/")
    elif target != "#" and not isinstance(root.get("$defs"), Mapping):
        yield _flaw((*path, "$ref"), f"$defs not found for reference: {target}")
    else:
        found = resolve(root, target)
        if not isinstance(found, Mapping):
            yield _flaw((), f"invalid $ref path: {target}")
        elif twice := sorted(found.keys() & schema.keys() & NOTES):
            yield _flaw(path, f"conflicting keywords found after $ref expansion: {', '.join(twice)}")
    for word in sorted(schema.keys() & KEYWORDS - NOTES - {"$ref", "type"} - (frozenset() if path else ROOT_ONLY)):
        yield _flaw(path, f"keyword '{word}' is not allowed at the same level as $ref")


def _any_of(schema: Schema, path: Path) -> Iterator[Flaw]:
    branches = schema["anyOf"]
    if not isinstance(branches, list):
        yield _flaw((*path, "anyOf"), "anyOf must be an array")
        return
    if not branches:
        yield _flaw((*path, "anyOf"), f"anyOf must have 1-{LIMITS['anyOf'][1]} items")
    yield from _over((*path, "anyOf"), "anyOf", len(branches), "anyOf must have 1-{limit} items")
    beside = schema.keys() & KEYWORDS - NOTES - {"anyOf", "type", "$ref"} - (frozenset() if path else ROOT_ONLY)
    for word in sorted(beside):
        yield _flaw(path, f"keyword '{word}' is not allowed at the same level as anyOf")


def _enum(schema: Schema, path: Path) -> Iterator[Flaw]:
    literals = schema["enum"]
    if not isinstance(literals, list):
        yield _flaw((*path, "enum"), "enum must be an array")
        return
    if not literals:
        yield _flaw((*path, "enum"), "enum array cannot be empty")
    yield from _over((*path, "enum"), "enum", len(literals), "enum array cannot have more than {limit} items")
    declared = schema.get("type")
    kinds = [kind for kind in (declared if isinstance(declared, list) else [declared]) if kind in TYPES]
    for literal in literals if kinds else ():
        kind = type_of(literal)
        if kind not in kinds and not (kind == "integer" and "number" in kinds):
            yield _flaw((*path, "enum"), f"enum value ({literal}) does not match any type in {kinds}")
        elif kind == "boolean":  # taken by the code, not by the specification
            yield _flaw((*path, "enum"), "enum supports only numbers and strings", "uncertain")


def _object(schema: Schema, path: Path) -> Iterator[Flaw]:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, Mapping):
        yield _flaw((*path, "properties"), "properties must be an object")
        properties = {}
    for name in properties:
        if name in RESERVED:
            yield _flaw((*path, "properties"), f"property name '{name}' is reserved for JSON Schema keywords")
        elif name == "":  # refused by the code, allowed by one of its published test cases
            yield _flaw((*path, "properties"), "property name cannot be empty", "uncertain")
    yield from _required(required, properties, schema, path)
    if not isinstance(schema.get("additionalProperties", True), (bool, Mapping)):
        yield _flaw((*path, "additionalProperties"), "additionalProperties must be a boolean or an object")
    if "items" in schema and not isinstance(schema["items"], Mapping):
        yield _flaw((*path, "items"), "items must be an object")
    if "$defs" in schema and not isinstance(schema["$defs"], Mapping):
        yield _flaw((*path, "$defs"), "$defs must be an object")
    for name in schema["$defs"] if isinstance(schema.get("$defs"), Mapping) else ():
        if "/" in name or not name:
            yield _flaw((*path, "$defs"), f"$defs property name '{name}' cannot contain '/' character")


def _required(required: object, properties: Schema, schema: Schema, path: Path) -> Iterator[Flaw]:
    place = (*path, "required")
    if not isinstance(required, list):
        yield _flaw(place, "required must be an array")
        return
    if required and "properties" not in schema:
        yield _flaw(place, "required specified but 'properties' keyword is missing")
    seen: set[str] = set()
    for name in required:
        if not isinstance(name, str):
            yield _flaw(place, "items in required array must be strings")
        elif name in seen:
            yield _flaw(place, f"duplicate items in required array: {name}")
        elif name not in properties:
            yield _flaw(place, f"required property '{name}' is not defined in properties")
        seen.add(str(name))


def _bounds(schema: Schema, path: Path) -> Iterator[Flaw]:
    for low, high in BOUNDS:
        for word in (low, high):
            value = schema.get(word, 0)
            whole = type_of(value) == "integer" and value >= 0
            if not (type_of(value) in ("integer", "number") if "imum" in word else whole):
                kind = "a number" if "imum" in word else "a non-negative integer"
                yield _flaw((*path, word), f"{word} must be {kind}")
        values: Sequence[Any] = [schema.get(low), schema.get(high)]
        if all(type_of(value) in ("integer", "number") for value in values) and values[0] > values[1]:
            yield _flaw(path, f"{low} must be less than or equal to {high}")


def _endless(root: Schema) -> Iterator[Flaw]:
    for name in unproductive(root):
        yield _flaw(("$defs", name) if name else (), "detected infinite recursion without termination condition")


def _size(root: Schema) -> Iterator[Flaw]:
    keys, depth = _extent(root, 0)
    try:
        size = len(msgspec.json.encode(root))
    except (TypeError, ValueError, RecursionError):
        yield _flaw((), "schema is not JSON")
        return
    total = "total number of properties keys({got}) across all objects exceeds maximum limit of {limit}"
    yield from _over((), "keys", keys, total)
    yield from _over((), "depth", depth, DEPTH)
    yield from _over((), "bytes", size, "schema exceeds maximum allowed size")


def _extent(schema: object, level: int) -> tuple[int, int]:
    """Count the keys of all `properties`, and the levels of objects."""
    if not isinstance(schema, Mapping) or level > DEEPEST:
        return 0, 0
    keys, depth = 0, 0
    for inner, place in _inner(schema, ()):
        more, deeper = _extent(inner, level + 1)
        step = place[0] == "properties"
        keys, depth = keys + more + step, max(depth, deeper + step)
    return keys, depth
