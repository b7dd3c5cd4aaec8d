"""Flaws that make a JSON schema no Moonshot-flavoured one, in the words of the provider's validator.

The basics only: what its published test cases and captured answers show. Its code and its documentation contradict
each other about sizes, so those are given. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moongate.testing.loose import among, items, mapping

TYPES = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
KEYWORDS = frozenset(
    {"description", "title", "default", "type", "enum", "properties", "required", "additionalProperties"}
    | {"items", "anyOf", "$defs", "$id", "$ref", "minLength", "maxLength", "minimum", "maximum"}
    | {"minItems", "maxItems"}
)
TOLERATED = frozenset({"$schema", "$comment"})  # answered with the header msh-schema-warning
BESIDE_REF = frozenset({"$ref", "description", "default", "title"})


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large a schema may be: levels, properties in all, alternatives of one anyOf, values of one enum."""

    depth: int
    properties: int
    any_of: int
    enum: int


CODE = Sizes(depth=30, properties=3000, any_of=500, enum=1000)  # the validator's defaults (2026-06-29)
DOCUMENTED = Sizes(depth=5, properties=100, any_of=10, enum=500)  # its documentation of the same day
Schema = Mapping[str, Any]


def flaws(schema: Schema, sizes: Sizes = CODE) -> Iterator[str]:
    """Yield every flaw with its place, the first one first; of a schema that is too deep only that."""
    if _too_deep(schema, sizes.depth):
        yield f"At path 'root': schema depth exceeds maximum limit of {sizes.depth}"
        return
    yield from _flaws(schema, "root", "")
    yield from _too_large(schema, sizes)


def tolerated(schema: Schema) -> Iterator[str]:
    """Yield the keywords that only earn a warning, as the header tells them."""
    for keyword in sorted(TOLERATED & schema.keys()):
        yield f"unsupported keywords: {keyword}"


def _too_large(schema: Schema, sizes: Sizes) -> Iterator[str]:
    inside = [schema]
    for outer in inside:  # grows while it is read
        inside += _within(outer)
    keys = sum(len(mapping(each.get("properties"))) for each in inside)
    if keys > sizes.properties:
        yield (
            f"At path 'root': total number of properties keys({keys}) across all objects exceeds maximum limit of "
            f"{sizes.properties}"
        )
    for each in inside:
        if len(items(each.get("anyOf"))) > sizes.any_of:
            yield f"anyOf must have 1-{sizes.any_of} items"
        if len(items(each.get("enum"))) > sizes.enum:
            yield f"enum array cannot have more than {sizes.enum} items"


def _too_deep(schema: Schema, most: int) -> bool:
    """Go down level by level, not by recursion: a schema may be deeper than Python's stack."""
    level = [schema]
    for _ in range(most):
        level = [inner for outer in level for inner in _within(outer)]
    return bool(level)


def _within(schema: Schema) -> Iterator[Schema]:
    held = [*mapping(schema.get("properties")).values(), *mapping(schema.get("$defs")).values()]
    for inner in (*held, *items(schema.get("anyOf")), schema.get("items")):
        if isinstance(inner, Mapping):
            yield inner


def _flaws(schema: Schema, name: str, path: str) -> Iterator[str]:
    strange = sorted(schema.keys() - KEYWORDS - (TOLERATED if name == "root" else frozenset()))
    if strange:
        yield f"At path '{name}': unsupported keywords: {', '.join(strange)}"
    if "$ref" in schema:
        yield from _reference(schema, name)
        return
    if "anyOf" in schema:
        yield from _any_of(schema, name, path)
    else:
        yield from _typed(schema, name)
    yield from _properties(schema, name, path)
    yield from _items(schema, name, path)
    for key, inner in mapping(schema.get("$defs")).items():
        yield from _inside(inner, f"{path}$defs.{key}")


def _reference(schema: Schema, name: str) -> Iterator[str]:
    target = str(schema["$ref"])
    if target != "#" and not target.startswith("#/$defs/"):
        yield f"At path '{_joined(name, '$ref')}': references must start with #/$defs/"
    if "type" in schema:
        yield (
            f"At path '{name}': when using $ref, type should be defined in the referenced schema "
            "instead of the parent schema"
        )
    for keyword in sorted(schema.keys() - BESIDE_REF - {"type", "$defs", "$id"}):
        yield f"At path '{name}': keyword '{keyword}' is not allowed at the same level as $ref"


def _any_of(schema: Schema, name: str, path: str) -> Iterator[str]:
    if "type" in schema:
        yield (
            f"At path '{name}': when using anyOf, type should be defined in anyOf items instead of the parent schema"
        )
    if not isinstance(schema["anyOf"], list) or not schema["anyOf"]:
        yield f"At path '{name}': anyOf must be an array"
        return
    for number, inner in enumerate(schema["anyOf"]):
        yield from _inside(inner, f"{path}anyOf[{number}]")


def _typed(schema: Schema, name: str) -> Iterator[str]:
    kinds = schema.get("type")
    if kinds is None:
        yield f"At path '{name}': type is not defined"
        return
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if not among(kind, TYPES):
            yield f"At path '{name}': invalid type: {kind}"


def _properties(schema: Schema, name: str, path: str) -> Iterator[str]:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, Mapping):
        yield f"At path '{_joined(name, 'properties')}': properties must be an object"
        return
    if not isinstance(required, list):
        yield f"At path '{_joined(name, 'required')}': required must be an array"
        return
    for wanted in required:
        if not among(wanted, properties):
            yield f"At path '{name}': required property '{wanted}' is not defined in properties"
    if twice := next((word for word in required if required.count(word) > 1), None):
        yield f"At path '{name}': duplicate items in required array: {twice}"
    for key, inner in properties.items():
        yield from _inside(inner, f"{path}properties.{key}")


def _items(schema: Schema, name: str, path: str) -> Iterator[str]:
    if "items" not in schema:
        return
    if not isinstance(schema["items"], Mapping):
        yield f"At path '{_joined(name, 'items')}': items must be an object"
    else:
        yield from _inside(schema["items"], f"{path}items")


def _inside(schema: object, name: str) -> Iterator[str]:
    if isinstance(schema, Mapping):
        yield from _flaws(schema, name, f"{name}.")
    else:
        yield f"At path '{name}': schema must be an object"


def _joined(name: str, keyword: str) -> str:
    return keyword if name == "root" else f"{name}.{keyword}"
