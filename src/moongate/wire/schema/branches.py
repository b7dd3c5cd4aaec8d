"""A schema taken apart into branches: an instance fits when it fits one of them, and each has one type.

A `Branch` holds keywords that Moonshot knows; the schemas inside it (properties, items) are still as they were
written. `own` reads the keywords of one schema, `merged` joins two branches into one that asks for both. What cannot
be said is left out, which only lets more through, and is told to the `Note` that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from moongate.wire.schema.words import ANY, BOUNDS, TYPES, type_of

Schema: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str, ...]
Note: TypeAlias = Callable[[Path, str, str], None]  # place, keyword, why

UNSAID = "Moonshot's schemas have no such keyword"
LARGEST = 2**53 - 1
CONSTRAINTS: Mapping[str, tuple[str, ...]] = {  # keywords that are left out, by the type they say something about
    "string": ("pattern", "format", "contentEncoding", "contentMediaType", "contentSchema"),
    "number": ("multipleOf",),
    "array": ("uniqueItems", "contains", "minContains", "maxContains", "unevaluatedItems"),
    "object": (
        *("minProperties", "maxProperties", "propertyNames", "dependentRequired", "dependentSchemas"),
        *("dependencies", "unevaluatedProperties"),
    ),
    "": ("not", "if", "$dynamicRef", "$recursiveRef", "extends", "disallow"),
}


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One way to fit: a type and what else is asked of it, or a reference."""

    type: str = ""
    ref: str = ""  # a pointer into the document; then `type` is empty
    words: Schema = field(default_factory=dict)
    opened: frozenset[str] = frozenset()  # references that were replaced by what they point at on the way here

    @property
    def bare(self) -> bool:
        """Whether nothing but the type is asked for."""
        return not self.ref and not self.words.keys() - {"description", "default"}


def anything(opened: frozenset[str]) -> list[Branch]:
    """Return the branches that let every value through."""
    return [Branch(type=kind, opened=opened) for kind in ANY]


def is_anything(branches: Sequence[Branch]) -> bool:
    """Say whether these branches let every value through."""
    return {b.type for b in branches if b.bare} >= set(ANY)


def own(schema: Schema, path: Path, opened: frozenset[str], note: Note) -> list[Branch]:
    """Return the branches of a schema's own keywords; applicators (anyOf, $ref, …) are not looked at."""
    kinds = _kinds(schema, path, note)
    for kind in ("", *kinds):
        for word in CONSTRAINTS.get("number" if kind == "integer" else kind, ()):
            if word in schema and schema[word] is not False:
                note((*path, word), word, UNSAID)
    literals = _literals(schema, path, note)
    if literals is not None:
        return _listed(schema, path, literals, kinds, opened, note)
    return [Branch(type=kind, words=_words(kind, schema, path, note), opened=opened) for kind in kinds]


def _kinds(schema: Schema, path: Path, note: Note) -> tuple[str, ...]:
    declared = schema.get("type", list(ANY))
    kinds = declared if isinstance(declared, list) else [declared]
    known = tuple(dict.fromkeys(kind for kind in kinds if isinstance(kind, str) and kind in TYPES))
    if len(known) < len(kinds):
        note((*path, "type"), "type", "it names a type that JSON does not have")
        known = known or ANY
    return tuple(kind for kind in known if not (kind == "integer" and "number" in known))


def _literals(schema: Schema, path: Path, note: Note) -> list[Any] | None:
    """Return the values that `const` or `enum` allow, None where all are allowed."""
    listed = schema.get("enum")
    if "const" in schema:
        const = schema["const"]
        if isinstance(listed, list) and not any(_same(const, literal) for literal in listed):
            return []
        return [const]
    if listed is not None and not isinstance(listed, list):
        note((*path, "enum"), "enum", "it is no list")
        return None
    return listed


def _listed(
    schema: Schema, path: Path, literals: list[Any], kinds: Sequence[str], opened: frozenset[str], note: Note
) -> list[Branch]:
    """Return one branch for each type among the literals."""
    groups: dict[str, list[Any]] = {}
    numbers = "integer" if all(type_of(v) != "number" for v in literals) else "number"
    for literal in literals:
        kind = type_of(literal)
        wanted = kind in kinds or (kind == "integer" and "number" in kinds)
        if wanted:
            groups.setdefault(numbers if kind in ("integer", "number") else kind, []).append(literal)
    branches = []
    for kind, values in groups.items():
        kind = "integer" if kind == "number" and "number" not in kinds else kind
        words = {**_words(kind, schema, path, note), **_enumerated(kind, values, path, note)}
        branches.append(Branch(type=kind, words=words, opened=opened))
    return branches


def _enumerated(kind: str, values: list[Any], path: Path, note: Note) -> dict[str, Any]:
    if kind in ("object", "array"):
        note((*path, "enum"), "enum", f"literals can be numbers and strings only, so any {kind} passes")
        return {}
    if kind == "boolean" and len(set(values)) == 1:
        note((*path, "enum"), "enum", "literals can be numbers and strings only, so true and false pass")
    if kind in ("boolean", "null"):
        return {}
    if not all(plain(value) for value in values):
        note((*path, "enum"), "enum", "it holds a number beyond what Moonshot takes")
        return {}
    whole = [int(v) if isinstance(v, float) and v.is_integer() else v for v in values]
    return {"enum": list(dict.fromkeys(whole))}


def plain(value: object) -> bool:
    """Say whether a literal can be written as Moonshot wants it: numbers without exponent, integers up to 2^53."""
    if isinstance(value, float):
        return "e" not in repr(value) and "n" not in repr(value) and abs(value) <= LARGEST
    return not isinstance(value, int) or abs(value) <= LARGEST


def _words(kind: str, schema: Schema, path: Path, note: Note) -> dict[str, Any]:
    """Return the keywords that say something about one type, in Moonshot's vocabulary."""
    words: dict[str, Any] = {}
    if kind == "string":
        words = _counts(schema, ("minLength", "maxLength"), path, note)
    elif kind in ("number", "integer"):
        words = _range(schema, kind, path, note)
    elif kind == "array":
        words = _counts(schema, ("minItems", "maxItems"), path, note) | _items(schema, path, note)
    elif kind == "object":
        words = _object(schema, path, note)
    if kind not in ("object", "array") and type_of(schema.get("default", {})) == kind and plain(schema["default"]):
        words["default"] = schema["default"]
    return words


def _counts(schema: Schema, names: Sequence[str], path: Path, note: Note) -> dict[str, Any]:
    words: dict[str, Any] = {}
    for name in names:
        if name not in schema:
            continue
        value = schema[name]
        if type_of(value) == "integer" and 0 <= value <= LARGEST:
            words[name] = int(value)
        elif not (type_of(value) == "integer" and value > LARGEST and name.startswith("max")):
            note((*path, name), name, "it is no count")
    return words


def _range(schema: Schema, kind: str, path: Path, note: Note) -> dict[str, Any]:
    words: dict[str, Any] = {}
    for name, stricter in (("minimum", max), ("maximum", min)):
        exclusive = f"exclusive{name.capitalize()}"
        bounds = [schema[name]] if name in schema else []
        if exclusive in schema:
            bounds.append(_inclusive(schema[exclusive], kind, exclusive, path, note))
        usable = [b for b in bounds if type_of(b) in ("integer", "number") and plain(b)]
        if len(usable) < len([b for b in bounds if b is not None]):
            note((*path, name), name, "it is no number that Moonshot takes")
        if usable:
            words[name] = stricter(usable)
    return words


def _inclusive(bound: Any, kind: str, name: str, path: Path, note: Note) -> Any:
    """Return the bound that includes its end: exact for integers, a little wider for other numbers."""
    if kind == "integer" and type_of(bound) == "integer":
        return int(bound) + (1 if name == "exclusiveMinimum" else -1)
    note((*path, name), name, "the bound itself passes too")
    return None if isinstance(bound, bool) else bound


def _items(schema: Schema, path: Path, note: Note) -> dict[str, Any]:
    """Return `items` for all elements; what was asked of each place separately becomes a choice for every place."""
    items, first = schema.get("items", True), schema.get("prefixItems")
    if isinstance(items, list):  # before the draft of 2020 this was how a tuple was written
        items, first = schema.get("additionalItems", True), items
    if not isinstance(first, list) or not first:
        return {} if items is True else {"items": items}
    note((*path, "prefixItems"), "prefixItems", "each element may be what any one of them may be")
    if items is False:
        return {"items": {"anyOf": first}, "maxItems": min(len(first), _largest(schema))}
    return {"items": {"anyOf": [*first, items]}}


def _largest(schema: Schema) -> int:
    value = schema.get("maxItems")
    return int(value) if isinstance(value, (int, float)) and type_of(value) == "integer" else LARGEST


def _object(schema: Schema, path: Path, note: Note) -> dict[str, Any]:
    words: dict[str, Any] = {}
    if isinstance(schema.get("properties"), Mapping) and schema["properties"]:
        words["properties"] = dict(schema["properties"])
    elif schema.get("properties"):
        note((*path, "properties"), "properties", "it is no object")
    required = schema.get("required")
    if isinstance(required, list) and required:
        words["required"] = list(dict.fromkeys(name for name in required if isinstance(name, str)))
    elif required:
        note((*path, "required"), "required", "it is no list")
    others = schema.get("additionalProperties", True)
    patterns = schema.get("patternProperties")
    if isinstance(patterns, Mapping) and patterns:
        note((*path, "patternProperties"), "patternProperties", "names cannot be matched with patterns")
        others = others if others is True else {"anyOf": [*patterns.values(), *([others] if others else [])]}
    if others is not True and others != {}:
        words["additionalProperties"] = others
    return words


def _same(a: object, b: object) -> bool:
    return a == b and {type_of(a), type_of(b)} != {"boolean", "integer"}


def merged(a: Branch, b: Branch) -> Branch | None:
    """Return the branch that asks for what both ask for, None where nothing fits both. Neither is a reference."""
    kind = a.type if a.type == b.type else "integer" if {a.type, b.type} == {"integer", "number"} else ""
    if not kind:
        return None
    words: dict[str, Any] = {**b.words, **a.words}
    for pair in BOUNDS:
        for name, stricter in zip(pair, (max, min), strict=True):
            bounds = [branch.words[name] for branch in (a, b) if name in branch.words]
            if bounds:
                words[name] = stricter(bounds)
    listed = [branch.words["enum"] for branch in (a, b) if "enum" in branch.words]
    if listed:
        common = [v for v in listed[0] if v in listed[-1] and (kind != "integer" or type_of(v) == "integer")]
        if not common:
            return None
        words["enum"] = common
    if kind == "array" and "items" in words:
        words["items"] = both(a.words.get("items", True), b.words.get("items", True))
    if kind == "object":
        words |= _joined(a.words, b.words)
    return Branch(type=kind, words=words, opened=a.opened | b.opened)


def _joined(a: Schema, b: Schema) -> dict[str, Any]:
    """Join what two branches say about an object; what one leaves to its `additionalProperties` counts too."""
    one, two = a.get("properties", {}), b.get("properties", {})
    rest_one, rest_two = a.get("additionalProperties", True), b.get("additionalProperties", True)
    words: dict[str, Any] = {}
    if names := dict.fromkeys([*one, *two]):
        words["properties"] = {name: both(one.get(name, rest_one), two.get(name, rest_two)) for name in names}
    if required := list(dict.fromkeys([*a.get("required", ()), *b.get("required", ())])):
        words["required"] = required
    rest = both(rest_one, rest_two)
    if rest is not True:
        words["additionalProperties"] = rest
    return words


def both(a: Any, b: Any) -> Any:
    """Return a schema that asks for what both ask for."""
    if a is True or a == {} or a == b:
        return b
    if b is True or b == {}:
        return a
    return False if a is False or b is False else {"allOf": [a, b]}


def overlap(a: Branch, b: Branch) -> bool:
    """Say whether one value may fit both; a reference may overlap with anything."""
    if a.ref or b.ref:
        return True
    if a.type != b.type and {a.type, b.type} != {"integer", "number"}:
        return False
    return not ("enum" in a.words and "enum" in b.words and set(a.words["enum"]).isdisjoint(b.words["enum"]))


def folded(branches: Sequence[Branch]) -> list[Branch]:
    """Leave out what is said twice, and say the literals of one type in one list."""
    found: list[Branch] = []
    places: dict[tuple[str, frozenset[str]], int] = {}
    for branch in branches:
        if branch.words.keys() != {"enum"}:
            if branch not in found:
                found.append(branch)
            continue
        place = places.setdefault((branch.type, branch.opened), len(found))
        if place == len(found):
            found.append(branch)
        else:
            literals = dict.fromkeys([*found[place].words["enum"], *branch.words["enum"]])
            found[place] = replace(branch, words={"enum": list(literals)})
    return found
