"""Signs of where a call goes: addresses, provider names, key variables and callees around a place in a file.

A sign is what stands there and what it points to. Which of several counts is `lint.decide`'s to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from moongate.facts.providers import Provider
from moongate.lint import conventions as known
from moongate.lint.endpoints import Address, Endpoint, address, at, is_host, named
from moongate.lint.follow import OPEN, Names, is_getenv, variables
from moongate.lint.tree import Kind, Node

_FAR = 5  # names that are followed one after the other
_OURS = ("moonshotserver", "moonshot_server", "fakemoonshot", "mockmoonshot")
_API_PATHS = (
    "/chat/completions",
    "/v1",
    "/models",
    "/messages",
    "/responses",
    "/completions",
    "/anthropic",
    "/batches",
    "/files",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sign:
    """Something that points to an endpoint."""

    kind: Literal["url", "variable", "provider", "callee", "key"]
    endpoints: tuple[Endpoint, ...]  # several where a key variable may be several products'
    node: Node
    name: str  # what it stands under
    says: str  # itself, as a finding quotes it
    where: Address | None = None


class Signs:
    """Collects the signs of one file's tree; what was collected for a node is kept."""

    def __init__(self, names: Names, own: Mapping[str, Provider]) -> None:
        self._names = names
        self._own = own
        self._kept: dict[tuple[int, int], tuple[Sign, ...]] = {}
        self._busy: set[int] = set()

    def of(self, node: Node, hops: int = 0) -> tuple[Sign, ...]:
        """Return the signs in a node and in what its names stand for; `hops` counts names followed on the way."""
        key = id(node), hops
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        if hops > _FAR or id(node) in self._busy:
            return ()
        self._busy.add(id(node))
        found = self._kept[key] = tuple(self._in(node, hops))
        self._busy.discard(id(node))
        return found

    def of_all(self, nodes: Iterable[Node], hops: int = 0) -> tuple[Sign, ...]:
        """Return the signs in several nodes."""
        return tuple(sign for node in nodes for sign in self.of(node, hops))

    def _in(self, node: Node, hops: int) -> Iterator[Sign]:
        match node.kind:
            case Kind.PAIR:
                yield from self._in_pair(node, hops)
            case Kind.TEXT | Kind.JOIN:
                yield from self._in_text(node, hops)
            case Kind.WORD:
                yield from self._in_word(node, hops)
            case Kind.CALL:
                yield from self._in_call(node, hops)
            case Kind.MAP | Kind.LIST:
                yield from self.of_all(node.items, hops)
            case Kind.SCOPE:
                yield from self.of_all(node.items, hops)
            case _:
                return

    def _in_pair(self, node: Node, hops: int) -> Iterator[Sign]:
        value = node.value
        if (
            value is None
            or node.label == "import"
            or (known.is_media_key(node.name) and node.label not in ("=", ":="))
        ):
            return
        if known.is_url_key(node.name):
            yield from self._address(node.name, value, hops)
        elif (
            known.is_provider_key(node.name)
            and (name := self._names.text(value))
            and (p := known.provider_named(name))
        ):
            yield from self._provider("provider", p, value, node.name, f"{node.name} = {name!r}")
        elif node.name in known.key_variables():
            yield from self._key(node.name, node, node.name)
        elif known.is_key_key(node.name):
            yield from self._keys(node.name, value, hops)
        elif not known.is_model_key(node.name):
            yield from self.of(value, hops)

    def _address(self, name: str, value: Node, hops: int) -> Iterator[Sign]:
        """A value under a name for addresses."""
        text = self._names.text(value)
        where = address(f"https://{text}" if text is not None and is_host(text) else text or "")
        if where is not None and OPEN not in where.host:
            yield Sign(
                kind="url",
                endpoints=(at(where, self._own),),
                node=value,
                name=name,
                says=f"{name} = {where.text!r}",
                where=where,
            )
            return
        yield from self._variable(value, name)
        if value.kind is not Kind.TEXT:
            yield from self.of(value, hops)

    def _variable(self, value: Node, name: str) -> Iterator[Sign]:
        for variable, node in variables(value):
            provider = known.url_variables().get(variable)
            if provider is not None:
                yield from self._provider("variable", provider, node, name, f"the variable {variable}")

    def _provider(
        self, kind: Literal["variable", "provider", "callee"], provider: str, node: Node, name: str, says: str
    ) -> Iterator[Sign]:
        endpoint = named(provider)
        if endpoint is not None:
            yield Sign(kind=kind, endpoints=(endpoint,), node=node, name=name, says=says)

    def _keys(self, name: str, value: Node, hops: int) -> Iterator[Sign]:
        for inner in [value, *self._names.values(value)]:
            for variable, node in variables(inner):
                yield from self._key(variable, node, name)

    def _key(self, variable: str, node: Node, name: str) -> Iterator[Sign]:
        owners = known.key_variables().get(variable, ())
        endpoints = tuple(endpoint for owner in owners if (endpoint := named(owner)) is not None)
        if endpoints or variable in known.OTHERS_KEY_VARIABLES:
            yield Sign(kind="key", endpoints=endpoints, node=node, name=name, says=f"the key variable {variable}")

    def _in_text(self, node: Node, hops: int) -> Iterator[Sign]:
        """An address that stands anywhere: it counts when it is a known endpoint's, or looks like an API's."""
        text = self._names.text(node)
        where = address(text) if text is not None and "://" in text else None
        if where is not None and OPEN not in where.host:
            endpoint = at(where, self._own)
            if where.path.endswith(_API_PATHS) or (
                endpoint.kind in ("row", "own") and where.path and not _is_page(where)
            ):
                yield Sign(kind="url", endpoints=(endpoint,), node=node, name="", says=f"{where.text!r}", where=where)
        elif node.kind is Kind.JOIN:
            yield from self.of_all(node.items, hops)

    def _in_word(self, node: Node, hops: int) -> Iterator[Sign]:
        for variable, inner in variables(node):
            yield from self._key(variable, inner, node.name)
            if variable in known.url_variables():
                yield from self._variable(node, node.name)
        if node.head is not None:
            yield from self.of(node.head, hops)
        elif node.name:
            yield from self.of_name(node.name, node, hops)

    def of_name(self, name: str, place: Node, hops: int = 0) -> Iterator[Sign]:
        """Yield the signs in what a dotted name stands for, as far as its beginning is known here."""
        parts = name.split(".")
        for length in range(len(parts), 0, -1):
            prefix = ".".join(parts[:length])
            given = [pair for pair in self._names.given(prefix, place) if not any(pair is up for up in place.above())]
            values = [pair.value for pair in given if pair.value is not None and pair.label != "import"]
            found = [*self.of_all(values, hops + 1), *self._attributes(prefix, hops)]
            if found or (length == 1 and values):
                yield from found
                return
        yield from self._imported(parts[0], place)

    def _attributes(self, name: str, hops: int) -> Iterator[Sign]:
        """What is set on a name afterwards: `config.BaseURL = …`."""
        for pair in self._names.attributes(name):
            yield from self._in_pair(pair, hops + 1)

    def _imported(self, name: str, place: Node) -> Iterator[Sign]:
        if (provider := known.provider_in(name)) and not name.lower().startswith(_OURS):
            yield from self._provider("callee", provider, place, name, f"{name}(…)")

    def _named_by_argument(self, node: Node) -> Iterator[Sign]:
        """A provider's name handed to what makes a client: `moongate.Client("openrouter")`."""
        first = node.items[0] if node.items else None
        if first is None or first.kind is not Kind.TEXT or node.label == "command" or not _MAKES.search(node.name):
            return
        provider = known.provider_named(first.name)
        if provider is not None:
            yield from self._provider("callee", provider, first, node.name, f"{node.name}({first.name!r})")

    def _in_call(self, node: Node, hops: int) -> Iterator[Sign]:
        last = node.name.replace("::", ".").rpartition(".")[2]
        if is_getenv(node):
            variable = node.items[0].name
            yield from self._key(variable, node.items[0], variable)
            yield from self._variable(node, variable)
            yield from self.of_all(node.items[1:], hops)
            return
        if node.head is not None:
            yield from self.of(node.head, hops)
        if len(node.items) == 1 and known.is_url_key(last):
            yield from self._address(last, node.items[0], hops)
            return
        if len(node.items) == 1 and known.is_key_key(last):
            yield from self._keys(last, node.items[0], hops)
            return
        if len(node.items) == 1 and known.is_model_key(last):
            return
        yield from self.of_all(node.items, hops)
        function = self._names.function(node.name) if node.name else None
        if function is not None:
            yield from self.of_all((item for item in function.items if item.kind is not Kind.TEST), hops + 1)
        elif node.head is None and "." in node.name:
            yield from self.of_name(node.name.rpartition(".")[0], node, hops + 1)
        yield from self._named_by_argument(node)
        provider = known.provider_in(last) or known.provider_in(node.name.partition(".")[0])
        if provider and node.label != "command" and not node.name.lower().rpartition(".")[2].startswith(_OURS):
            yield from self._provider("callee", provider, node, node.name, f"{node.name}(…)")


_MAKES = re.compile(r"client|provider|model|llm|chat|create|make|build|use|agent", re.IGNORECASE)


def _is_page(where: Address) -> bool:
    """Say whether an address is a page for people: consoles, documentation, a web site."""
    pages = (
        "/docs",
        "/console",
        "/settings",
        "/keys",
        "/app",
        "/models",
        "/blog",
        "/pricing",
        "/chat",
        "/playground",
    )
    return where.path.startswith(pages)
