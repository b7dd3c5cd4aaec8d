"""Schemas of every make, rewritten: the new one is taken, and lets through all that the old one lets through."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated, Any, Literal

import jsonschema
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moongate.wire.schema import check, mend
from moongate.wire.schema.refs import looping


def sure(schema: object) -> list[str]:
    return [str(flaw) for flaw in check(schema) if not flaw.limit]


def fits(schema: dict[str, Any], instance: object) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(instance))


STRING, NULL = {"type": "string"}, {"type": "null"}
ANY = {"type": ["string", "number", "boolean", "null", "array", "object"]}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


EXACT: list[tuple[Any, Any]] = [  # rewritten without letting more through
    (of(a={"$schema": "x", "type": "string"}), of(a=STRING)),
    (of(a={}), of(a=ANY)),
    (of(a=True), of(a=ANY)),
    (of(a={"const": "x"}), of(a={"type": "string", "enum": ["x"]})),
    (of(a={"enum": ["x", 1, None]}), None),
    (of(a={"const": None}), of(a=NULL)),
    (of(a={"type": ["string", "null"], "minLength": 2}), of(a={"anyOf": [{"type": "string", "minLength": 2}, NULL]})),
    (of(a={"type": ["string", "null"]}), of(a={"type": ["string", "null"]})),
    (of(a={"type": "string", "nullable": True, "minLength": 1}), None),
    (of(a={"type": "object", "anyOf": [STRING, {"type": "object"}]}), of(a={"type": "object"})),
    (of(a={"oneOf": [STRING, NULL]}), of(a={"type": ["string", "null"]})),
    (of(a={"oneOf": [{"const": "x", "title": "X"}, {"const": "y"}]}), of(a={"type": "string", "enum": ["x", "y"]})),
    (of(a={"anyOf": [{"const": f"v{n}"} for n in range(100)]}), None),
    (of(a={"allOf": [STRING, {"maxLength": 3}, {"minLength": 1}]}), None),
    (of(a={"allOf": [of(x=STRING), of(y=NULL) | {"required": ["y"]}]}), None),
    (of(a={"type": "integer", "exclusiveMinimum": 0}), of(a={"type": "integer", "minimum": 1})),
    (of(a={"$ref": "#/definitions/b"}) | {"definitions": {"b": STRING}}, None),
    (
        of(a={"$ref": "#/$defs/b", "minLength": 2}) | {"$defs": {"b": STRING}},
        of(a={"type": "string", "minLength": 2}),
    ),
    (of(a={"$ref": "#/properties/b"}, b=STRING), None),
    (of(a=STRING) | {"required": ["b"]}, of(a=STRING, b=ANY) | {"required": ["b"]}),
    ({"properties": {"a": STRING}}, None),
    (of(a=STRING) | {"title": "T", "$comment": "c"}, of(a=STRING)),
    (of(a={"type": "array", "items": True, "uniqueItems": False}), of(a={"type": "array"})),
    (of(a={"type": "array", "items": False}), of(a={"type": "array", "maxItems": 0})),
    (of(a={"type": "string", "examples": ["x"], "deprecated": True, "readOnly": True}), of(a=STRING)),
]
LOOSER: list[tuple[dict[str, Any], str, str]] = [  # path and keyword of the report
    (of(a={"type": "string", "format": "date"}), "properties.a.format", "format"),
    (of(a={"type": "string", "pattern": "^x"}), "properties.a.pattern", "pattern"),
    (of(a={"type": "number", "exclusiveMaximum": 1}), "properties.a.exclusiveMaximum", "exclusiveMaximum"),
    (of(a={"type": "number", "multipleOf": 2}), "properties.a.multipleOf", "multipleOf"),
    (of(a={"type": "array", "prefixItems": [STRING, NULL]}), "properties.a.prefixItems", "prefixItems"),
    (of(a={"type": "array", "uniqueItems": True}), "properties.a.uniqueItems", "uniqueItems"),
    (of(a={"not": STRING}), "properties.a.not", "not"),
    (of(a={"oneOf": [STRING, {"const": "x"}]}), "properties.a.oneOf", "oneOf"),
    (of(a={"const": {"x": 1}}), "properties.a.enum", "enum"),
    (of(a={"const": True}), "properties.a.enum", "enum"),
    (of(a={"$ref": "http://other/x.json"}), "properties.a.$ref", "$ref"),
    (of(a={"type": "object", "patternProperties": {"^x": STRING}, "additionalProperties": False}), "", ""),
    (of(**{"$ref": STRING}) | {"additionalProperties": False}, "properties", "properties"),
    (of() | {"minProperties": 1}, "minProperties", "minProperties"),
    (
        of(n={"$ref": "#/$defs/n"}) | {"$defs": {"n": of(n={"$ref": "#/$defs/n"}) | {"required": ["n"]}}},
        "$defs.n",
        "$ref",
    ),
]


@pytest.mark.parametrize(("schema", "expected"), EXACT)
def test_rewritten_exactly(schema: dict[str, Any], expected: dict[str, Any] | None) -> None:
    mended = mend(schema)
    assert mended.loosened == ()
    assert sure(mended.schema) == []
    assert expected in (None, mended.schema)


@pytest.mark.parametrize(("schema", "path", "what"), LOOSER)
def test_what_lets_more_through_is_told_with_its_place(schema: dict[str, Any], path: str, what: str) -> None:
    mended = mend(schema)
    assert sure(mended.schema) == []
    assert mended.loosened
    assert not path or (path, what) in [(found.path, found.what) for found in mended.loosened]


def test_a_good_schema_stays_as_it_is() -> None:
    schema = of(a={"$ref": "#/$defs/b", "title": "A"}) | {"$defs": {"b": of(c={"$ref": "#"})}, "title": "T"}
    assert mend(schema).schema == schema


def test_the_parameters_of_a_tool_are_an_object() -> None:
    assert mend({}, root="object").schema == {"type": "object"}
    assert mend({"properties": {"a": STRING}}, root="object").schema == of(a=STRING)
    assert mend({"$ref": "#/$defs/a", "$defs": {"a": of(b=NULL)}}, root="object").schema == of(b=NULL)
    assert mend(STRING, root="object").schema == {"type": "object"}
    assert mend({"type": ["object", "null"], "properties": {"a": {}}}, root="object").schema == of(a=ANY)


def test_descriptions_are_kept_and_never_meet() -> None:
    definitions = {"$defs": {"b": {"type": "string", "description": "inner"}, "c": STRING}}
    schema = of(a={"$ref": "#/$defs/b", "description": "outer"}, d={"$ref": "#/$defs/c", "description": "d"})
    mended = mend(schema | definitions).schema
    assert sure(mended) == []
    assert mended["properties"]["a"]["description"] == "outer"
    assert mended["properties"]["d"]["description"] == "d"


def test_recursion_is_kept() -> None:
    tree = {"type": "object", "title": "T", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}}
    schema = of(root=tree, extra={"const": 1})
    mended = mend(schema)
    assert sure(mended.schema) == []
    assert "$defs" in mended.schema


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    name: str


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]
    age: Annotated[int, pydantic.Field(gt=0, description="years")]


class Order(pydantic.BaseModel):
    """An order."""

    color: Color = Color.RED
    pet: Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]
    note: str | None = pydantic.Field(default=None, max_length=5, description="a note")
    pair: tuple[int, str] = (1, "a")
    extra: dict[str, Any] = {}
    anything: Any = None
    inner: Order | None = None


def test_pydantic_models_are_taken() -> None:
    mended = mend(Order, root="object")
    assert sure(mended.schema) == []
    assert {found.what for found in mended.loosened} == {"oneOf", "prefixItems"}
    order = {"pet": {"kind": "cat", "name": "x"}, "inner": {"pet": {"kind": "dog", "age": 1}}}
    assert fits(mended.schema, order)
    assert not fits(mended.schema, {"pet": {"kind": "cow"}})


NAMES = st.sampled_from(["a", "b", "anyOf", ""])
LITERALS = st.sampled_from(["x", "y", 1, 2.5, 1.0, True, False, None, [], {}, {"a": 1}])
SMALL = st.integers(0, 3)


def schemas() -> st.SearchStrategy[Any]:
    """Schemas from a bounded grammar that uses most keywords of JSON Schema, sensibly or not."""
    leaf = st.sampled_from(
        [True, {}, {"type": "string"}, {"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}, {"$ref": "#"}]
    )

    def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        several = st.lists(inner, min_size=1, max_size=2)
        kinds = st.sampled_from(["string", "number", "integer", "boolean", "null", "array", "object"])
        return st.fixed_dictionaries(
            {},
            optional={
                "type": kinds | st.lists(kinds, min_size=1, max_size=3, unique=True),
                "enum": st.lists(LITERALS, min_size=1, max_size=3),
                "const": LITERALS,
                "properties": st.dictionaries(NAMES, inner | st.just(False), max_size=2),
                "required": st.lists(NAMES, max_size=2, unique=True),
                "additionalProperties": inner | st.booleans(),
                "patternProperties": st.dictionaries(st.just("^a"), inner, max_size=1),
                "items": inner | st.booleans(),
                "prefixItems": several,
                "minItems": SMALL,
                "maxItems": SMALL,
                "minLength": SMALL,
                "maximum": SMALL,
                "exclusiveMinimum": SMALL,
                "multipleOf": st.just(2),
                "uniqueItems": st.booleans(),
                "anyOf": several,
                "oneOf": several,
                "allOf": several,
                "not": inner,
                "$ref": st.sampled_from(["#/$defs/a", "#/$defs/b"]),
                "description": st.just("d"),
                "default": LITERALS,
            },
        )

    nodes = st.recursive(leaf, grown, max_leaves=5)
    return st.builds(
        lambda root, a, b: {**(root if isinstance(root, dict) else {}), "$defs": {"a": a, "b": b}},
        grown(nodes),
        nodes,
        nodes,
    )


VALUES = st.recursive(
    st.sampled_from(["", "x", "yy", 0, 1, 2, 1.5, 2.5, True, False, None]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)


def guided(schema: Any, root: dict[str, Any], depth: int = 3) -> st.SearchStrategy[Any]:
    """Values that are likely to fit a schema: its literals, its types, the properties it names."""
    if not isinstance(schema, dict) or depth == 0:
        return VALUES
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].split("/")[1:]:
            target = target[step]
        return guided(target, root, depth - 1)
    choices = [VALUES]
    choices += [st.just(value) for value in schema.get("enum", [])] + [st.just(schema.get("const"))]
    for word in ("anyOf", "oneOf", "allOf"):
        choices += [guided(inner, root, depth - 1) for inner in schema.get(word, [])]
    if {"properties", "required", "additionalProperties"} & schema.keys():
        known = {name: guided(inner, root, depth - 1) for name, inner in schema.get("properties", {}).items()}
        needed = {name: known.get(name, VALUES) for name in schema.get("required", [])}
        choices.append(st.fixed_dictionaries(needed, optional={n: s for n, s in known.items() if n not in needed}))
    if {"items", "prefixItems", "minItems"} & schema.keys():
        choices.append(st.lists(guided(schema.get("items"), root, depth - 1), max_size=3))
        choices.append(st.tuples(*(guided(i, root, depth - 1) for i in schema.get("prefixItems", []))).map(list))
    return st.one_of(choices)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), schema=schemas())
def test_all_that_fitted_still_fits(data: st.DataObject, schema: dict[str, Any]) -> None:
    anything, objects = mend(schema).schema, mend(schema, root="object").schema
    assert sure(anything) == sure(objects) == []
    if looping(schema):  # it has no meaning
        return
    for value in data.draw(st.lists(guided(schema, schema), min_size=3, max_size=6)):
        if fits(schema, value):
            assert fits(anything, value), json.dumps([schema, anything, value])
            assert not isinstance(value, dict) or fits(objects, value), json.dumps([schema, objects, value])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["#", "#/$defs/a", "object", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("type", "enum", "const", "properties", "required", "items", "anyOf", "oneOf", "allOf", "$ref"),
                    *("$defs", "not", "minimum", "exclusiveMinimum", "maxLength", "minItems", "additionalProperties"),
                    *("description", "default", "prefixItems", "patternProperties", "nullable", "a", "$id", "title"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=JSON)
def test_any_json_is_checked_and_mended(value: object) -> None:
    check(value)
    mended = mend(value).schema
    assert sure(mended) == []
    json.dumps(mended)


def test_deep_and_wide_ones_end() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(400):
        deep = {"type": "object", "properties": {"a": deep}}
    assert any("depth" in flaw.reason for flaw in check(deep))
    assert mend(deep).schema
    twins = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2, "title": "t"} for i in range(30)}
    assert mend({"$ref": "#/$defs/d0", "$defs": twins | {"d30": STRING}}).schema
    wide = {"allOf": [{"anyOf": [{"minLength": i}, {"minimum": i}, NULL]} for i in range(12)]}
    assert sure(mend(wide).schema) == []
