"""Which endpoint an id is meant for, and why it is thought so. Pure: a tree goes in, a `Bound` comes out.

Looked at from the inside out: what stands beside the id in the same call or table, the client the call hangs on, what
the name it is given to is used for, the scopes around it, the whole file. An address counts before a provider's name,
that before a key variable. Several addresses on one level are told apart by the names they share with the id; where
that fails, nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from moongate.lint import conventions as known
from moongate.lint.endpoints import Endpoint, named
from moongate.lint.follow import Names
from moongate.lint.signs import Sign, Signs
from moongate.lint.tree import Kind, Node

Level = Literal["call", "scope", "file", "name", "route", "spelling", "lock"]
_GIVES = frozenset({"=", ":=", "parameter", "??="})
_ENVIRONMENTS = frozenset({"env", "environment", "variables", "env_vars"})  # hold for all that stands beside them
_ORDER: tuple[str, ...] = ("url", "variable", "provider", "callee", "key")


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The endpoint that something is meant for. `others`: endpoints that it may be meant for as well."""

    endpoint: Endpoint
    why: str
    level: Level
    sign: Sign | None = None
    others: tuple[Endpoint, ...] = ()


class Decider:
    """Binds places of one file to endpoints."""

    def __init__(self, root: Node, names: Names, signs: Signs) -> None:
        self._root = root
        self._names = names
        self._signs = signs
        self._models: dict[int, bool] = {}
        self._parts: dict[int, list[tuple[int, tuple[Sign, ...]]]] = {}

    def bind(self, place: Node) -> list[Bound]:
        """Return what a place is bound to: one endpoint, several where a constant is used at several, or nothing."""
        return self._bind(place, frozenset())

    def _bind(self, place: Node, seen: frozenset[int]) -> list[Bound]:
        if id(place) in seen:
            return []
        seen |= {id(place)}
        child = place
        doubtful: list[Bound] = []
        for group in place.above():
            if group.kind is Kind.PAIR and group.label in _GIVES and self._names.is_name(group):
                used = self._used(group, seen)
                if used and not any(bound.others for bound in used):
                    return used
                doubtful = doubtful or used
            if doubtful and group.kind is Kind.SCOPE and group.name in ("function", "class", "module"):
                return doubtful
            bound = self._beside(group, child, place)
            if bound is not None:
                return [bound]
            child = group
        bound = self._chosen(self._signs.of(self._root), place, level="file")
        return [bound] if bound is not None else []

    def _used(self, pair: Node, seen: frozenset[int]) -> list[Bound]:
        """Bind by what is done with the name that a value is given."""
        found: dict[str, Bound] = {}
        for word in self._names.uses(pair):
            for bound in self._bind_call(word, seen):
                if bound.level == "call":
                    name = pair.name.rpartition(".")[2]
                    told = bound.why if f"as {name}" in bound.why else f"{bound.why}, where it is used as {name}"
                    found.setdefault(bound.endpoint.name, replace(bound, why=told))
        return list(found.values())

    def _bind_call(self, word: Node, seen: frozenset[int]) -> list[Bound]:
        """Bind a use of a name by the calls and tables that it stands in, or by the next name it is given to."""
        child = word
        for group in word.above():
            if group.kind is Kind.SCOPE and group.name in ("function", "class", "module", "block"):
                return []
            if group.kind is Kind.PAIR and self._names.is_name(group) and id(group) not in seen:
                return self._used(group, seen | {id(group)})
            bound = self._beside(group, child, word)
            if bound is not None:
                return [bound]
            child = group
        return []

    def _beside(self, group: Node, child: Node, place: Node) -> Bound | None:
        """Bind by what stands beside `child` in a group."""
        match group.kind:
            case Kind.CALL:
                return self._chosen(self._of_call(group, child), place, level="call")
            case Kind.MAP | Kind.LIST:
                return self._chosen(self._of_others(group, child), place, level="call")
            case Kind.PAIR:
                return self._under(group)
            case Kind.SCOPE:
                return self._chosen(self._of_others(group, child), place, level="scope") or _labelled(group)
            case _:
                return None

    def _of_others(self, group: Node, child: Node) -> list[Sign]:
        """Return the signs of what stands in a group besides `child` and has no model of its own."""
        parts = self._parts.get(id(group))
        if parts is None:
            near = [(item, self._signs.of(item)) for item in group.items if self._is_near(item)]
            parts = self._parts[id(group)] = [(id(item), signs) for item, signs in near if signs]
        return [sign for part, signs in parts if part != id(child) for sign in signs]

    def _of_call(self, call: Node, child: Node) -> list[Sign]:
        beside = [
            item for item in call.items if item is not child and not (item.kind is Kind.MAP and self._has_model(item))
        ]
        found = list(self._signs.of_all(beside))
        if call.head is not None and call.head is not child:
            found += self._signs.of(call.head)
        elif call.name and call.label != "command":
            found += self._signs.of_name(call.name.rpartition(".")[0] or call.name, call)
        if not found and call.label != "command" and child is not call.head:
            found += [sign for sign in self._signs.of(_bare(call)) if sign.kind == "callee"]
        return found

    def _under(self, pair: Node) -> Bound | None:
        """Bind by a key that is a provider's name: `openrouter: { model: … }`."""
        provider = known.provider_named(pair.name.strip('"')) or _section(pair)
        endpoint = named(provider) if provider else None
        if endpoint is None or pair.label in ("parameter", "in", "import"):
            return None
        return Bound(endpoint=endpoint, why=f"it stands under {pair.name!r}", level="name")

    def _is_near(self, item: Node) -> bool:
        """Say whether a statement beside says something about this place, rather than about another model."""
        if item.kind is Kind.PAIR and item.name.lower() in _ENVIRONMENTS:
            return True
        return not (item.kind is Kind.SCOPE and item.name in ("function", "class")) and not self._has_model(item)

    def _has_model(self, node: Node) -> bool:
        """Say whether a node names a model of its own, so that its signs are its own too."""
        kept = self._models.get(id(node))
        if kept is None:
            kept = any(
                (inner.kind is Kind.PAIR and inner.value is not None and known.is_model_key(inner.name))
                or (inner.kind is Kind.CALL and len(inner.items) == 1 and known.is_model_key(inner.name))
                for inner in node.walk()
            ) and node.kind in (Kind.MAP, Kind.CALL, Kind.PAIR, Kind.SCOPE, Kind.LIST)
            if kept and node.kind is Kind.PAIR and known.is_model_key(node.name):
                kept = False
            self._models[id(node)] = kept
        return kept

    def _chosen(self, signs: Iterable[Sign], place: Node, *, level: Level) -> Bound | None:
        """Choose among signs: the strongest kind; among several endpoints the one whose name the place shares."""
        signs = list(signs)
        for kind in _ORDER:
            of_kind = [sign for sign in signs if sign.kind == kind and sign.endpoints]
            endpoints = {sign.endpoints[0].name: sign for sign in of_kind}
            if not endpoints:
                continue
            if len(endpoints) == 1:
                return self._unless_named(_bound(of_kind[0], level), place)
            shared = self._sharing(of_kind, place)
            if shared is not None:
                return replace(_bound(shared, level), why=f"{shared.says} goes with it by name")
            several = list(endpoints.values())
            others = tuple(sign.endpoints[0] for sign in several[1:])
            return replace(_bound(several[0], level), others=others)
        return None

    def _unless_named(self, bound: Bound, place: Node) -> Bound:
        """Let the name that an id is given to speak first, where the only address nearby goes by another name."""
        pair = next((node for node in place.above() if node.kind is Kind.PAIR), None)
        said = known.provider_in(pair.name) if pair is not None and known.is_model_key(pair.name) else None
        if (
            pair is None
            or said is None
            or (bound.level == "call" and not _is_flat(pair))
            or said == bound.endpoint.name
        ):
            return bound
        endpoint, beside = named(said), bound.sign.name if bound.sign is not None else ""
        if endpoint is None or known.plain(beside).split("_")[0] == known.plain(pair.name).split("_")[0]:
            return bound
        others = (bound.endpoint,) if said == "moonshot" else ()  # which also names the vendor
        return Bound(endpoint=endpoint, why=f"the name {pair.name!r} says so", level="name", others=others)

    def _sharing(self, signs: list[Sign], place: Node) -> Sign | None:
        """Return the sign whose name begins as one of the names around the place does, or names its provider."""
        for name in _names_around(place):
            provider = known.provider_in(name)
            exact = [sign for sign in signs if provider is not None and sign.endpoints[0].name == provider]
            if exact:
                return exact[0]
            first = known.plain(name).split("_")[0]
            alike = {s.endpoints[0].name: s for s in signs if s.name and known.plain(s.name).split("_")[0] == first}
            if len(alike) == 1 and "_" in known.plain(name):
                return next(iter(alike.values()))
        return None


def _bound(sign: Sign, level: Level) -> Bound:
    where = {"call": "beside it", "scope": "in the same scope", "file": "in the same file"}.get(level, "")
    why = f"{sign.says} stands {where}" if sign.kind != "callee" else f"{sign.says} is called {where}"
    return Bound(endpoint=sign.endpoints[0], why=why.strip(), level=level, sign=sign, others=sign.endpoints[1:])


def _names_around(place: Node) -> Iterator[str]:
    for node in (place, *place.above()):
        if node.kind is Kind.PAIR and node.name:
            yield node.name
        elif node.kind is Kind.SCOPE and node.label:
            yield node.label


def _section(pair: Node) -> str | None:
    """Return the provider that the last part of a section's name is: `[models.openrouter]`."""
    if pair.label != "section":
        return None
    return known.provider_named(pair.name.rpartition(".")[2].rpartition(":")[2])


def _labelled(scope: Node) -> Bound | None:
    """Bind by the name of the function or class around: `class MoonshotModel(Enum)`."""
    provider = known.provider_in(scope.label) if scope.name in ("function", "class") and scope.label else None
    endpoint = named(provider) if provider and not scope.label.lower().startswith("test") else None
    return Bound(endpoint=endpoint, why=f"it stands in {scope.label!r}", level="name") if endpoint else None


def _is_flat(pair: Node) -> bool:
    """Say whether a pair stands in a list of variables, which may be several endpoints'."""
    return (pair.up is not None and pair.up.name in ("env", "ini")) or pair.name.isupper()


def _bare(call: Node) -> Node:
    """Return a call without its arguments."""
    return Node(Kind.CALL, call.start, call.end, call.name)
