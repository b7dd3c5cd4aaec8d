"""Flawed schemas in the words of the provider's validator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moongate.testing import MoonshotServer, Readings
from moongate.testing.mfjs import CODE, DOCUMENTED, Sizes, flaws, tolerated


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    "schema",
    [
        of(),
        of(a={"type": "string", "enum": ["x"], "minLength": 1}),
        of(a={"anyOf": [{"type": "string"}, {"type": "null"}], "description": "d"}),
        of(a={"type": ["string", "null"]}),
        of(a={"$ref": "#/$defs/b"}) | {"$defs": {"b": {"type": "string"}}},
        of(a={"type": "array", "items": {"type": "integer"}}) | {"required": ["a"]},
        {"$schema": "x", **of()},
    ],
)
def test_good(schema: dict[str, Any]) -> None:
    assert list(flaws(schema)) == []


@pytest.mark.parametrize(
    ("schema", "flaw"),
    [
        (of(source={}), "At path 'properties.source': type is not defined"),
        (of(x={"$ref": "other"}), "At path 'properties.x.$ref': references must start with #/$defs/"),
        (
            of(x={"$ref": "#/$defs/y", "type": "string"}),
            "At path 'properties.x': when using $ref, type should be defined in the referenced schema "
            "instead of the parent schema",
        ),
        (
            of(x={"$ref": "#", "minLength": 1}),
            "At path 'properties.x': keyword 'minLength' is not allowed at the same level as $ref",
        ),
        (
            of() | {"required": ["codecType"]},
            "At path 'root': required property 'codecType' is not defined in properties",
        ),
        (of() | {"required": "a"}, "At path 'required': required must be an array"),
        ({"type": "object", "properties": []}, "At path 'properties': properties must be an object"),
        (of(a={"type": "array", "items": []}), "At path 'properties.a.items': items must be an object"),
        (of(a={"anyOf": {}}), "At path 'properties.a': anyOf must be an array"),
        (of(a={"type": "date"}), "At path 'properties.a': invalid type: date"),
        (
            of(a={"type": "string"}) | {"required": ["a", "a"]},
            "At path 'root': duplicate items in required array: a",
        ),
    ],
)
def test_flawed(schema: dict[str, Any], flaw: str) -> None:
    assert flaw in list(flaws(schema))


@pytest.mark.parametrize("keyword", ["const", "oneOf", "allOf", "not", "format", "pattern", "uniqueItems", "if"])
def test_keywords_that_are_no_part_of_it(keyword: str) -> None:
    assert list(flaws(of(a={"type": "string", keyword: 1}))) == [
        f"At path 'properties.a': unsupported keywords: {keyword}"
    ]


def test_tolerated() -> None:
    assert list(tolerated({"$schema": "x", "$comment": "y", "type": "object"})) == [
        "unsupported keywords: $comment",
        "unsupported keywords: $schema",
    ]


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = of(a=schema)
    return schema


@pytest.mark.parametrize("sizes", [CODE, DOCUMENTED], ids=["code", "documented"])
def test_what_is_just_large_enough_passes_and_one_more_does_not(sizes: Sizes) -> None:
    string = {"type": "string"}

    def schemas(more: int) -> list[dict[str, Any]]:
        return [
            nested(sizes.depth - 1 + more),
            of(**{f"p{number}": string for number in range(sizes.properties + more)}),
            of(a={"anyOf": [string] * (sizes.any_of + more)}),
            of(a={"type": "integer", "enum": list(range(sizes.enum + more))}),
        ]

    assert [list(flaws(schema, sizes)) for schema in schemas(0)] == [[]] * 4
    found = [flaw for schema in schemas(1) for flaw in flaws(schema, sizes)]
    assert [
        str(size) in flaw
        for size, flaw in zip((sizes.depth, sizes.properties, sizes.any_of, sizes.enum), found, strict=True)
    ] == [True] * 4


def test_a_switch_chooses_the_sizes(ask: Callable[..., Any], body: Callable[..., dict[str, object]]) -> None:
    asked = body(tools=[{"type": "function", "function": {"name": "f", "parameters": nested(6)}}])
    with MoonshotServer() as large, MoonshotServer(readings=Readings(mfjs_sizes="documented")) as small:
        assert ask(large, "POST", "/chat/completions", asked).status == 200
        refused = ask(small, "POST", "/chat/completions", asked)
    assert refused.status == 400 and "schema depth exceeds maximum limit of 5" in refused.message
