"""References inside one document: what they point at, and which of them no finite value can satisfy. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

Schema = Mapping[str, Any]


def resolve(root: Schema, reference: str) -> object:
    """Return what a reference such as "#/$defs/a" points at in `root`, None where it leads nowhere or elsewhere."""
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        return _anchored(root, reference[1:]) if reference.startswith("#") else None
    found: object = root
    for part in unquote(reference[2:]).split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping):
            found = found.get(key)
        elif isinstance(found, list) and key.isdecimal() and len(key) < 9 and int(key) < len(found):
            found = found[int(key)]
        else:
            return None
    return found


def _anchored(root: Schema, name: str) -> object:
    """Return the definition that names itself with `$anchor`."""
    for word in ("$defs", "definitions"):
        definitions = root.get(word)
        for inner in definitions.values() if isinstance(definitions, Mapping) else ():
            if isinstance(inner, Mapping) and inner.get("$anchor") == name:
                return inner
    return None


def unproductive(root: Schema) -> tuple[str, ...]:
    """Return the definitions that only an endless value could satisfy; "" stands for the document itself.

    Read on a schema in Moonshot's flavour, where every reference is "#" or "#/$defs/name".
    """
    definitions = root.get("$defs")
    defs: dict[str, object] = {**definitions} if isinstance(definitions, Mapping) else {}
    nodes: dict[str, object] = {"": root, **{name: inner for name, inner in defs.items() if name}}
    doubtful = set(nodes)
    while found := {name for name in doubtful if _ends(nodes[name], doubtful, 0)}:
        doubtful -= found
    return tuple(name for name in nodes if name in doubtful)


def _ends(schema: object, doubtful: set[str], level: int) -> bool:
    """Say whether some finite value fits without entering one of the definitions that are still in doubt."""
    if not isinstance(schema, Mapping) or level > 200:
        return True
    if "$ref" in schema:
        target = schema["$ref"]
        name = "" if target == "#" else str(target).removeprefix("#/$defs/")
        return name not in doubtful
    if isinstance(schema.get("anyOf"), list):
        return not schema["anyOf"] or any(_ends(inner, doubtful, level + 1) for inner in schema["anyOf"])
    if schema.get("type") == "object":
        properties = schema.get("properties")
        required = schema.get("required")
        if not isinstance(properties, Mapping) or not isinstance(required, list):
            return True
        wanted = [properties[name] for name in required if isinstance(name, str) and name in properties]
        return all(_ends(inner, doubtful, level + 1) for inner in wanted)
    if schema.get("type") == "array" and schema.get("minItems"):
        return _ends(schema.get("items"), doubtful, level + 1)
    return True


def looping(root: object) -> str | None:
    """Return a reference that leads back to itself without entering the value, None when there is none.

    Whoever follows it would never come to an end, whatever the value.
    """
    if not isinstance(root, Mapping):
        return None
    done: set[str] = set()
    return next((ref for ref in _all_references(root) if _comes_back(root, ref, set(), done)), None)


def _comes_back(root: Schema, reference: str, on_the_way: set[str], done: set[str]) -> bool:
    if reference in on_the_way:
        return True
    if reference in done:
        return False
    on_the_way.add(reference)
    back = any(_comes_back(root, inner, on_the_way, done) for inner in _in_place(resolve(root, reference)))
    on_the_way.discard(reference)
    done.add(reference)
    return back


def _in_place(schema: object) -> Iterator[str]:
    """Yield the references that are followed for the same value as `schema` itself."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Mapping):
            continue
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for word in ("allOf", "anyOf", "oneOf"):
            waiting += node[word] if isinstance(node.get(word), list) else []
        waiting += [node.get(word) for word in ("not", "if", "then", "else")]
        if isinstance(node.get("dependentSchemas"), Mapping):
            waiting += node["dependentSchemas"].values()


def _all_references(schema: object) -> Iterator[str]:
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            waiting += node.values()
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
        elif isinstance(node, list):
            waiting += node
