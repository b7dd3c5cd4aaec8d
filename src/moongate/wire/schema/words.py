"""The vocabulary of Moonshot-flavoured JSON schema: types, keywords, which belong together, and the limits.

Data only. Source: github.com/MoonshotAI/walle, `model.go`, `conf.go` and `docs/walle.md` (2026-06-29).
"""

from __future__ import annotations

from collections.abc import Mapping

TYPES = ("string", "number", "integer", "boolean", "null", "array", "object")
ANY = ("string", "number", "boolean", "null", "array", "object")  # "number" includes the integers
NOTES = frozenset({"description", "title"})  # may stand beside anything
ROOT_ONLY = frozenset({"$defs", "$id"})
RESERVED = frozenset({"$defs", "$ref", "anyOf", "required", "additionalProperties"})  # refused as property names
TOLERATED = frozenset({"$schema", "$comment"})  # seen to earn only the header msh-schema-warning
BY_TYPE: Mapping[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties", "$ref", "anyOf", "default"}),
    "array": frozenset({"items", "minItems", "maxItems", "$ref", "default"}),
    "string": frozenset({"minLength", "maxLength", "pattern", "enum", "default"}),
    "number": frozenset({"minimum", "maximum", "enum", "default"}),
    "integer": frozenset({"minimum", "maximum", "enum", "default"}),
    "boolean": frozenset({"enum", "default"}),
    "null": frozenset({"enum", "default"}),
}
BOUNDS = (("minLength", "maxLength"), ("minimum", "maximum"), ("minItems", "maxItems"))
KEYWORDS = frozenset({"type"}).union(NOTES, ROOT_ONLY, *BY_TYPE.values())

# name -> (the documented limit, the largest one in any revision of the validator's code); they contradict each other
LIMITS: Mapping[str, tuple[int, int]] = {
    "depth": (5, 30),
    "keys": (100, 3000),
    "anyOf": (10, 500),
    "enum": (500, 1000),
    "bytes": (15_000, 120_000),
}


def type_of(value: object) -> str:
    """Name the JSON type of a value; a whole number is an "integer", whichever way it is written."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    names = {float: "number", str: "string", list: "array", tuple: "array", type(None): "null"}
    return names.get(type(value), "object")
