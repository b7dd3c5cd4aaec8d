"""Flaws in the words of the provider's validator, with their places."""

from __future__ import annotations

from typing import Any

import pytest

from moongate.wire.schema import check

STRING = {"type": "string"}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        of(),
        {"type": ["string", "null", "integer", "boolean", "array", "object", "number"]},
        of(a={"type": "string", "enum": ["x"], "minLength": 1, "title": "A", "default": "x"}),
        of(a={"anyOf": [STRING, {"type": "null"}], "description": "d"}),
        of(a={"type": ["string", "null"], "enum": ["x", None]}),
        of(a={"$ref": "#/$defs/b", "description": "d"}) | {"$defs": {"b": STRING}, "$id": "x"},
        of(a={"type": "array", "items": {"type": "number", "enum": [1, 2.5]}}) | {"required": ["a"]},
        of(a={"type": "object", "additionalProperties": {}}, **{"x/y.z": STRING}),
        of(name=STRING, child={"$ref": "#"}) | {"required": ["name"]},
        of(n={"$ref": "#/$defs/n"}) | {"$defs": {"n": {"anyOf": [{"type": "null"}, of(n={"$ref": "#/$defs/n"})]}}},
    ],
)
def test_good(schema: dict[str, Any]) -> None:
    assert check(schema) == ()


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ([], "At path 'root': schema must be a dict"),
        (of(source={"enum": ["x"]}), "At path 'properties.source': type is not defined"),
        (of(source={}), "At path 'properties.source': type is not defined"),
        (
            {"type": "object", "anyOf": [{"type": "object"}]},
            "At path 'root': when using anyOf, type should be defined in anyOf items instead of the parent schema",
        ),
        (of(x={"$ref": "other"}), "At path 'properties.x.$ref': references must start with #/$defs/"),
        (
            of(x={"$ref": "#/$defs/y", "type": "string"}) | {"$defs": {"y": STRING}},
            "At path 'properties.x': when using $ref, type should be defined in the referenced schema instead of "
            "the parent schema",
        ),
        (
            of(x={"$ref": "#/$defs/y", "description": "a"}) | {"$defs": {"y": {**STRING, "description": "b"}}},
            "At path 'properties.x': conflicting keywords found after $ref expansion: description",
        ),
        (of(x={"$ref": "#/$defs/y"}), "At path 'properties.x.$ref': $defs not found for reference: #/$defs/y"),
        (of(x={"$ref": "#/$defs/y"}) | {"$defs": {}}, "At path 'root': invalid $ref path: #/$defs/y"),
        (of(x={"$ref": 1}), "At path 'properties.x.$ref': $ref must be a string"),
        (
            of(x={"$ref": "#", "minLength": 1}),
            "At path 'properties.x': keyword 'minLength' is not allowed at the same level as $ref",
        ),
        (
            {"properties": {"a": STRING}, "anyOf": [of(b=STRING)]},
            "At path 'root': keyword 'properties' is not allowed at the same level as anyOf",
        ),
        (of() | {"required": ["c"]}, "At path 'required': required property 'c' is not defined in properties"),
        (of(a=of() | {"required": "a"}), "At path 'properties.a.required': required must be an array"),
        (of(a=STRING) | {"required": ["a", "a"]}, "At path 'required': duplicate items in required array: a"),
        (
            {"type": "object", "required": ["a"]},
            "At path 'required': required specified but 'properties' keyword is missing",
        ),
        ({"type": "string", "required": ["a"]}, "At path 'root': invalid keywords: required"),
        ({"type": "object", "properties": []}, "At path 'properties': properties must be an object"),
        (
            of(**{"$ref": STRING}),
            "At path 'properties': property name '$ref' is reserved for JSON Schema keywords",
        ),
        (of(a={"type": "array", "items": []}), "At path 'properties.a.items': items must be an object"),
        (of(a={"anyOf": {}}), "At path 'properties.a.anyOf': anyOf must be an array"),
        (of(a={"anyOf": []}), "At path 'properties.a.anyOf': anyOf must have 1-500 items"),
        (of(a={"type": "date"}), "At path 'properties.a': invalid type: date"),
        (of(a={"type": "string", "minLength": 3, "maxLength": 1}), "At path 'properties.a': minLength must be less "),
        (of(a={"type": ["string", "null"], "minLength": 1}), "keyword minLength is not allowed in combination with"),
        (of(a={"type": "string", "format": "date"}), "At path 'properties.a': unsupported keywords: format"),
        (of(a={"type": "integer", "enum": [1.5]}), "At path 'properties.a.enum': enum value (1.5) does not match"),
        (of(a=of() | {"$defs": {}}), "At path 'properties.a': keyword $defs must be at root level"),
        (
            of(a={"$ref": "#"}) | {"required": ["a"]},
            "At path 'root': detected infinite recursion without termination condition",
        ),
        (of(a={"type": "integer", "enum": list(range(1001))}), "enum array cannot have more than 1000 items"),
    ],
)
def test_flawed(schema: object, text: str) -> None:
    assert [str(flaw) for flaw in check(schema) if text in str(flaw)]


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"$schema": "x", **of()}, "unsupported keywords: $schema"),
        (of(a={"type": "string", "pattern": "x"}), "unsupported keywords: pattern"),
        (of(a={"type": "boolean", "enum": [True]}), "enum supports only numbers and strings"),
        (of(**{"": STRING}), "property name cannot be empty"),
        (of(a={"anyOf": [{"type": "string", "minLength": i} for i in range(11)]}), "anyOf must have 1-10 items"),
        (of(**{f"p{i}": STRING for i in range(101)}), "total number of properties keys(101)"),
        (of(a=of(a=of(a=of(a=of(a=of()))))), ""),
    ],
)
def test_flaws_on_which_sources_contradict_each_other(schema: dict[str, Any], text: str) -> None:
    assert {flaw.sureness for flaw in check(schema)} <= {"uncertain"}
    assert not text or any(text in flaw.reason for flaw in check(schema))


def test_a_limit_that_every_source_has_is_sure() -> None:
    deep: dict[str, Any] = of()
    for _ in range(31):
        deep = of(a=deep)
    assert ("sure", True) in {(flaw.sureness, flaw.limit) for flaw in check(deep)}


def test_values_that_are_no_json() -> None:
    assert check({"type": "string", "default": object()})
