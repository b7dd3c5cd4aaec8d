"""A schema rewritten so that Moonshot takes it, and every place where it now lets more through.

The mended schema accepts every value that the original accepts. Where it accepts more, `loosened` says where and
why; an answer that must fit the original is checked with `accepts`. Titles, examples and other notes are left out
silently, descriptions are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from moongate.wire.schema.branches import Branch, Path, Schema, anything, folded, is_anything, merged, overlap, own
from moongate.wire.schema.check import check
from moongate.wire.schema.refs import resolve, unproductive
from moongate.wire.schema.source import schema_of
from moongate.wire.schema.words import ANY, RESERVED

MOST_BRANCHES = 64  # alternatives of one place; Moonshot's validator takes between 10 and 500
MOST_OPENED = 200  # references replaced by their target in one schema
DEEPEST = 120  # steps from the root
EMPTY: Schema = {"type": "null"}  # stands where nothing at all fits


class Loosened(NamedTuple):
    """One place where the mended schema lets more through than the original."""

    path: str
    what: str  # the keyword
    why: str


@dataclass(frozen=True, kw_only=True)
class Mended:
    """A schema that Moonshot takes."""

    schema: dict[str, Any]
    loosened: tuple[Loosened, ...] = ()


def mend(source: object, *, root: Literal["any", "object"] = "any") -> Mended:
    """Return a schema in Moonshot's flavour that accepts all that `source` accepts.

    `source` is a JSON schema or a pydantic model class. With `root="object"` only objects count, as for the
    parameters of a tool, whose schema must say `"type": "object"`. A schema without flaws is returned unchanged
    (limits of size, which no rewriting mends, are not looked at). Any JSON value may be handed in.
    """
    schema = schema_of(source)
    if isinstance(schema, Mapping) and _good(schema) and (root == "any" or schema.get("type") == "object"):
        return Mended(schema=dict(schema))
    mender = _Mender(schema if isinstance(schema, Mapping) else {})
    mended = mender.document(schema, only_objects=root == "object")
    return Mended(schema=mended, loosened=tuple(dict.fromkeys(mender.loosened)))


def _good(schema: Schema) -> bool:
    return all(flaw.limit for flaw in check(schema))


class _Mender:
    """What one rewriting remembers: the document, the definitions it needs, what it had to let go."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._names: dict[str, str] = {}  # pointer -> name in the new $defs
        self._opened = 0
        self._alone = "/draft-0" in str(root.get("$schema"))  # before 2019 nothing beside a $ref counted
        self.loosened: list[Loosened] = []

    def note(self, path: Path, what: str, why: str) -> None:
        """Remember that more passes at a place."""
        self.loosened.append(Loosened(".".join(path) or "root", what, why))

    def document(self, schema: object, *, only_objects: bool) -> dict[str, Any]:
        """Return the whole new schema, its definitions included."""
        branches = self._expand(schema, (), frozenset())
        if only_objects:
            branches = [b for b in self._opened_all(branches, ()) if b.ref or b.type == "object"]
        mended = self._emit(branches, (), _text(schema))
        if mended is None:
            self.note((), "schema", "nothing fits the original; the mended one lets this through")
            mended = {"type": "object"} if only_objects else dict(EMPTY)
        return self._with_definitions(mended)

    def _with_definitions(self, mended: dict[str, Any]) -> dict[str, Any]:
        definitions: dict[str, Any] = {}
        while missing := [pointer for pointer, name in self._names.items() if name not in definitions]:
            for pointer in missing:
                path = ("$defs", self._names[pointer])
                definitions[path[1]] = self._node(resolve(self._root, pointer), path, frozenset()) or dict(EMPTY)
        if not definitions:
            return mended
        whole = {**mended, "$defs": definitions}
        for name in unproductive(whole):
            self.note(("$defs", name) if name else (), "$ref", "only an endless value fits; null is let through")
            if name:
                definitions[name] = dict(EMPTY)
        return whole

    def _node(self, schema: object, path: Path, opened: frozenset[str]) -> dict[str, Any] | None:
        """Return one schema rewritten, None where nothing fits it."""
        return self._emit(self._expand(schema, path, opened), path, _text(schema))

    # Taking apart

    def _expand(self, schema: object, path: Path, opened: frozenset[str]) -> list[Branch]:
        """Return the branches of a schema; none when nothing fits."""
        if schema is False:
            return []
        if not isinstance(schema, Mapping) or len(path) > DEEPEST:
            if schema is not True:
                self.note(path, "schema", "it is nested too deeply" if len(path) > DEEPEST else "it is no schema")
            return anything(opened)
        if self._alone and "$ref" in schema:
            return self._referred(schema["$ref"], path, opened)
        branches = own(schema, path, opened, self.note)
        for conjunct in self._applied(schema, path, opened):
            branches = self._conjoined(branches, conjunct, path)
        if schema.get("nullable") is True:
            branches = [*branches, Branch(type="null", opened=opened)]
        return branches

    def _applied(self, schema: Schema, path: Path, opened: frozenset[str]) -> Iterator[list[Branch]]:
        """Yield the branches of everything that must fit besides the schema's own keywords."""
        if "$ref" in schema:
            yield self._referred(schema["$ref"], path, opened)
        for word in ("anyOf", "oneOf"):
            if isinstance(schema.get(word), list) and schema[word]:
                yield self._union(schema[word], word, path, opened)
            elif word in schema:
                self.note((*path, word), word, "it is no list of schemas")
        if isinstance(schema.get("allOf"), list):
            for number, inner in enumerate(schema["allOf"]):
                yield self._expand(inner, (*path, f"allOf[{number}]"), opened)

    def _referred(self, reference: object, path: Path, opened: frozenset[str]) -> list[Branch]:
        target = resolve(self._root, reference) if isinstance(reference, str) else None
        if isinstance(target, bool):
            return anything(opened) if target else []
        if not isinstance(target, Mapping):
            self.note((*path, "$ref"), "$ref", f"{reference!r} leads nowhere in this document")
            return anything(opened)
        return [Branch(ref=str(reference), opened=opened)]

    def _union(self, members: Sequence[object], word: str, path: Path, opened: frozenset[str]) -> list[Branch]:
        branches: list[Branch] = []
        for number, member in enumerate(members):
            found = self._expand(member, (*path, f"{word}[{number}]"), opened)
            if word == "oneOf" and any(overlap(a, b) for a in found for b in branches):
                self.note((*path, word), word, "a value may fit more than one of them")
                word = "anyOf"  # said once
            branches = folded([*branches, *(self._described(branch, member) for branch in found)])
            if len(branches) > MOST_BRANCHES:
                self.note((*path, word), word, f"more than {MOST_BRANCHES} alternatives")
                return anything(opened)
        return branches

    def _described(self, branch: Branch, member: object) -> Branch:
        """Keep the description of an alternative, unless the target of its reference has one."""
        text = _text(member)
        if not text or "description" in branch.words or (branch.ref and self._target_text(branch.ref)):
            return branch
        return replace(branch, words={**branch.words, "description": text})

    def _target_text(self, pointer: str) -> str:
        """Return the description that a reference leads to, through further references."""
        for _ in range(20):
            target = resolve(self._root, pointer)
            if _text(target) or not isinstance(target, Mapping) or not isinstance(target.get("$ref"), str):
                return _text(target)
            pointer = target["$ref"]
        return ""

    # Both at once

    def _conjoined(self, one: list[Branch], two: list[Branch], path: Path) -> list[Branch]:
        """Return the branches that fit one of each list."""
        if is_anything(one):
            return two
        if is_anything(two):
            return one
        one, two = self._opened_all(one, path), self._opened_all(two, path)
        if len(one) * len(two) > MOST_BRANCHES**2:
            self.note(path, "allOf", "too many combinations; only one side is asked for")
            return min(one, two, key=len)
        found: list[Branch] = []
        for a in one:
            for b in two:
                joined = self._joined(a, b, path)
                if joined is not None and joined not in found:
                    found.append(joined)
        return found if len(found) <= MOST_BRANCHES else self._fewest(one, two, path)

    def _fewest(self, one: list[Branch], two: list[Branch], path: Path) -> list[Branch]:
        self.note(path, "allOf", "too many combinations; only one side is asked for")
        return min(one, two, key=len)

    def _joined(self, a: Branch, b: Branch, path: Path) -> Branch | None:
        if not a.ref and not b.ref:
            return merged(a, b)
        if a.ref != b.ref:
            self.note(path, "$ref", "what stands beside a reference to itself cannot be said")
        return a if a.ref else b

    def _opened_all(self, branches: list[Branch], path: Path) -> list[Branch]:
        """Replace references by what they point at, so that more can be asked beside them."""
        found: list[Branch] = []
        for branch in branches:
            if not branch.ref or branch.ref in branch.opened or self._opened >= MOST_OPENED:
                found.append(branch)
                continue
            self._opened += 1
            target = resolve(self._root, branch.ref)
            inner = self._expand(target, path, branch.opened | {branch.ref})
            found += self._opened_all(inner, path)
        return found if len(found) <= MOST_BRANCHES else branches

    # Putting together

    def _emit(self, branches: Sequence[Branch], path: Path, text: str) -> dict[str, Any] | None:
        """Return one schema for these branches, None when nothing fits any of them."""
        if len(branches) == 1 and branches[0].ref and text and self._target_text(branches[0].ref):
            branches = self._opened_all(list(branches), path)  # two descriptions may not meet
        written: list[dict[str, Any]] = []
        for number, branch in enumerate(branches):
            place = path if len(branches) == 1 else (*path, f"anyOf[{number}]")
            said = self._write(branch, place)
            if said is not None and said not in written:
                written.append(said)
        bare = [said["type"] for said in written if said.keys() == {"type"}]
        if len(bare) > 1:
            kinds = [kind for kind in bare if not (kind == "integer" and "number" in bare)]
            single = {"type": kinds if len(kinds) > 1 else kinds[0]}
            written = [*(said for said in written if said.keys() != {"type"}), single]
        if not written:
            return None
        node = written[0] if len(written) == 1 else {"anyOf": written}
        clash = "$ref" in node and any(b.ref and self._target_text(b.ref) for b in branches)
        return {**node, "description": text} if text and not clash else node

    def _write(self, branch: Branch, path: Path) -> dict[str, Any] | None:
        words = branch.words
        if branch.ref:
            note = {"description": words["description"]} if "description" in words else {}
            return {"$ref": f"#/$defs/{self._name(branch.ref)}", **note}
        for low, high in (("minLength", "maxLength"), ("minimum", "maximum"), ("minItems", "maxItems")):
            if low in words and high in words and words[low] > words[high]:
                return None
        if branch.type == "object":
            return self._write_object(branch, path)
        if branch.type == "array" and "items" in words:
            return self._write_array(branch, path)
        return {"type": branch.type, **words}

    def _write_array(self, branch: Branch, path: Path) -> dict[str, Any] | None:
        words = {name: value for name, value in branch.words.items() if name != "items"}
        items = self._node(branch.words["items"], (*path, "items"), branch.opened)
        if items is None:
            return None if words.get("minItems") else {"type": "array", **words, "maxItems": 0}
        return {"type": "array", **words, **({} if _all(items) else {"items": items})}

    def _write_object(self, branch: Branch, path: Path) -> dict[str, Any] | None:
        words, required = branch.words, list(branch.words.get("required", ()))
        others = self._others(branch, path)
        properties: dict[str, Any] = {}
        for name, inner in words.get("properties", {}).items():
            if name in RESERVED or not name:
                continue
            said = self._node(inner, (*path, "properties", name), branch.opened)
            if said is None and name in required:
                return None
            if said is not None:
                properties[name] = said
            elif others is not False:
                self.note((*path, "properties", name), name, "a property cannot be forbidden by its name")
        for name in required:
            if name not in properties and name not in RESERVED and name:
                if others is False:
                    return None
                properties[name] = others if isinstance(others, dict) else {"type": list(ANY)}
        said_required = [name for name in required if name in properties]
        if len(said_required) < len(required):
            self.note((*path, "required"), "required", "a name that Moonshot reserves cannot be required")
        return {
            "type": "object",
            **({"description": words["description"]} if "description" in words else {}),
            **({"properties": properties} if properties else {}),
            **({"required": said_required} if said_required else {}),
            **({} if others is True else {"additionalProperties": others}),
        }

    def _others(self, branch: Branch, path: Path) -> bool | dict[str, Any]:
        """Return `additionalProperties`: what properties without a name of their own may be."""
        raw = branch.words.get("additionalProperties", True)
        if raw is True:
            return True
        properties = branch.words.get("properties", {})
        reserved = [inner for name, inner in properties.items() if name in RESERVED or not name]
        if reserved:
            self.note((*path, "properties"), "properties", "a name that Moonshot reserves counts as any other name")
            raw = {"anyOf": [*reserved, *([] if raw is False else [raw])]}
        said = self._node(raw, (*path, "additionalProperties"), branch.opened)
        return False if said is None else True if _all(said) else said

    def _name(self, pointer: str) -> str:
        """Return the name of a definition in the new document."""
        if pointer not in self._names:
            wish = pointer.rsplit("/", 1)[-1].replace("~1", "_").replace("%", "_").strip("#") or "root"
            taken = set(self._names.values())
            number, name = 1, wish
            while name in taken:
                number += 1
                name = f"{wish}_{number}"
            self._names[pointer] = name
        return self._names[pointer]


def _all(schema: Schema) -> bool:
    """Say whether a rewritten schema lets everything through."""
    kinds = schema.get("type")
    return isinstance(kinds, list) and set(kinds) >= set(ANY) and not schema.keys() - {"type", "description"}


def _text(schema: object) -> str:
    text = schema.get("description") if isinstance(schema, Mapping) else None
    return text if isinstance(text, str) else ""
