"""MG011."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Literal

from moongate.facts.providers import Provider
from moongate.lint import conventions as known
from moongate.lint.rules.base import Hit, Rule, replaced
from moongate.lint.sheet import Place, Sheet
from moongate.lint.tree import Kind, Node

_ROUTES = re.compile(
    r"/(?:chat/completions|completions|models|messages|responses|embeddings|batches|files(?:/.*)?|users/me/balance"
    r"|tokenizers/estimate-token-count|key|credits)$"
)
# Other faces of the same hosts, besides the path of the row: paths that are right as they are.
_FACES = {
    "moonshot": ("/anthropic", "/anthropic/v1"),
    "moonshot-cn": ("/anthropic", "/anthropic/v1"),
    "kimi-code": ("/coding",),
    "kimi-code-global": ("/coding",),
    "openrouter": ("/api/alpha", "/api/beta"),
    "aimlapi": ("", "/v2", "/api/v1"),
}
_BASE = re.compile(r"base|endpoint|(?:^|_)api_?host$|upstream")


class BaseUrl(Rule):
    """A base url without its version, with a route in it, or with a part twice.

    ## What it does

    Reports addresses on an endpoint's host whose path cannot be right where they stand: `/v1` missing or doubled, a
    route such as `/chat/completions` in what an SDK takes as base url, the OpenAI face where Anthropic's is meant,
    plain http.

    ## Why is this bad?

    Moonshot answers `404 url.not_found`, in an envelope that most clients do not parse, before it looks at the key.

    ## Example

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai", api_key=os.environ["MOONSHOT_API_KEY"])
    ```

    ## Use instead

    ```python
    client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=os.environ["MOONSHOT_API_KEY"])
    ```

    A constant to which your own code adds `/v1/…` may do without it; Spring AI adds it too.
    """

    code = "MG011"
    name = "base-url"
    fix: ClassVar[Literal["always", "sometimes", "never"]] = "sometimes"

    def check(self, sheet: Sheet) -> Iterator[Hit]:
        """Yield the addresses whose path is wrong."""
        for place in sheet.places:
            row = place.endpoint.row
            if row is None or place.endpoint.kind != "row":
                continue
            right = _right(place, row, sheet)
            if right is not None and right.rstrip("/") != place.where.text.rstrip("/"):
                fits = place.node.kind is Kind.TEXT and place.node.name.strip() == place.where.text
                yield Hit(
                    node=place.node,
                    message=f"{place.where.text!r} is not where {row.title} answers{_fault(place, row)}.",
                    reason=f"the host is {row.title}'s"
                    + (f", and it stands under {place.name!r}" if place.name else ""),
                    found=place.where.text,
                    instead=right,
                    provider=row.name,
                    edits=replaced(place.node, right) if fits else (),
                )


def _fault(place: Place, row: Provider) -> str:
    path = place.where.path
    version = row.base_url.rpartition("/")[2]
    if place.where.scheme != "https":
        return ": the key would be sent in the clear"
    if f"/{version}/{version}" in path or "//" in path:
        return ": a part of the path is there twice"
    if _ROUTES.search(path) and place.is_base and _BASE.search(known.plain(place.name)):
        return ": a base url has no route in it, the client adds that"
    return f": the path is not {row.base_url.partition('://')[2].partition('/')[2]!r}"


def _right(place: Place, row: Provider, sheet: Sheet) -> str | None:
    """Return what the address should be, None where it is right or not for us to say."""
    path, base = place.where.path, row.base_url
    own_path = "/" + base.partition("://")[2].partition("/")[2]
    is_base = place.is_base and _BASE.search(known.plain(place.name)) is not None
    route = _ROUTES.search(path)
    if "anthropic" in place.name.lower():
        return _anthropic(path, row)
    if path.startswith(_FACES.get(row.name, ())[:1] or ("\0",)) and row.name.startswith("moonshot"):
        return _secure(place, place.where.text)
    if route is not None and path.startswith(own_path) and not is_base:
        within = path[len(own_path) : route.start()]
        return _secure(place, place.where.text) if not within else base + route[0]
    if route is not None and is_base:
        return base
    if route is not None and (path == route[0] or path.count("/v1") != 1 or not path.startswith(own_path)):
        return (
            base + route[0] if row.name != "aimlapi" and (route[0] == "/chat/completions" or "/v1" in path) else None
        )
    if not is_base or path == own_path or path in _FACES.get(row.name, ()):
        return _secure(place, place.where.text)
    if path == "" and (_adds_version(place, sheet) or _is_spring(place.node, sheet)):
        return None
    if path in (
        "",
        "/v1",
        "/api",
        "/v1/v1",
        f"{own_path}/v1",
        f"{own_path}{own_path}",
        own_path.replace("/v1", ""),
    ) or (path.replace("//", "/") == own_path):
        return base
    return None


def _anthropic(path: str, row: Provider) -> str | None:
    """Return the address of the face that speaks as Anthropic does, where another stands."""
    if row.name.startswith("moonshot") and not path.startswith("/anthropic"):
        return row.base_url.removesuffix("/v1") + "/anthropic"
    return None


def _secure(place: Place, text: str) -> str | None:
    """Return the address with https, where it is right but for that."""
    return "https" + text[len("http") :] if place.where.scheme == "http" and text.startswith("http:") else None


def _adds_version(place: Place, sheet: Sheet) -> bool:
    """Say whether the code adds a version to the name that this address is given to."""
    pair = place.node.up
    while pair is not None and pair.kind is not Kind.PAIR:
        pair = pair.up
    if pair is None:
        return False
    name = pair.name.rpartition(".")[2].encode()
    if re.search(rb"\b" + re.escape(name) + rb"[})\]\"'`]*\s*[+,.]?\s*[fr]?[\"'`]?/?v1\b", sheet.data):
        return True
    return any(_is_extended(word) for word in sheet.names.uses(pair)) or any(
        _is_extended(node)
        for node in sheet.nodes
        if node.kind is Kind.WORD and node.name.rpartition(".")[2] == pair.name
    )


def _is_extended(word: Node) -> bool:
    join = word.up
    while join is not None and join.kind is not Kind.JOIN:
        if join.kind is Kind.SCOPE:
            return False
        join = join.up
    if join is None:
        return False
    return any(item.kind is Kind.TEXT and item.name.startswith(("/v1", "v1/")) for item in join.items)


def _is_spring(node: Node, sheet: Sheet) -> bool:
    """Say whether an address is for Spring AI, which adds the version itself."""
    if b"springframework.ai" in sheet.data or b"OpenAiApi." in sheet.data:
        return True
    names = [n.name.lower() for n in (node, *node.above()) if n.kind is Kind.PAIR]
    return any("spring" in name for name in names)
