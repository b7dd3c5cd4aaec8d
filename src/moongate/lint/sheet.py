"""One file under judgement: its tree, its ids and whose they are, its addresses. Worked out when asked for."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from moongate.lint import conventions as known
from moongate.lint.decide import Bound, Decider
from moongate.lint.endpoints import Address, Endpoint, address, at, named
from moongate.lint.follow import OPEN, Names
from moongate.lint.judge import Judgement, judge, looks_kimi
from moongate.lint.knowledge import Knowledge
from moongate.lint.read import Read
from moongate.lint.requests import Request, container_of, parameters
from moongate.lint.roles import Roles
from moongate.lint.signs import Sign, Signs
from moongate.lint.tree import Kind, Node

_FRAMEWORKS = tuple(
    (name, word.encode())
    for name, words in {
        "litellm": "litellm dspy crewai",
        "pydantic-ai": "pydantic_ai pydantic-ai",
        "openclaw": "openclaw clawdbot moltbot",
        "opencode": "opencode",
        "promptfoo": "promptfoo",
        "aider": "aider",
        "mastra": "mastra",
        "langchain": "langchain",
        "vllm": "vllm",
    }.items()
    for word in words.split()
)
_RUNS_MOONGATE = re.compile(rb"^\s*(?:import|from)\s+moongate\b|^[\s$>]*moongate\s+\w", re.MULTILINE)
_SLASH_ROUTERS = frozenset({"litellm", "aider", "openclaw", "opencode", "mastra", "moongate"})
_COLON_ROUTERS = frozenset({"pydantic-ai", "promptfoo", "langchain", "moongate", "mastra"})
_SHORT = 7  # characters; a shorter text is an id only where a model is named
_ROUTES = {
    "moonshot": "moonshot",
    "openrouter": "openrouter",
    "aiml": "aimlapi",
    "aimlapi": "aimlapi",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "deepinfra": "deepinfra",
    "novita": "novita",
    "nvidia_nim": "nvidia",
    "baseten": "baseten",
    "openai": "",  # these say how to speak, not to whom
    "custom_openai": "",
    "openai_like": "",
    "openai-compatible": "",
}


@dataclass(frozen=True, kw_only=True)
class Use:
    """An id in a file. `id` is without a framework's routing prefix, which is kept apart."""

    id: str
    node: Node
    prefix: str = ""
    is_model: bool = False  # it stands where a model is named; otherwise it is a value of some other name
    bound: Bound | None = None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A use and what is wrong with it."""

    use: Use
    judgement: Judgement


@dataclass(frozen=True, kw_only=True)
class Place:
    """An address in a file: `is_base` where routes are added to it, `name` what it stands under."""

    where: Address
    endpoint: Endpoint
    node: Node
    name: str
    is_base: bool


class Sheet:
    """One file, read."""

    def __init__(self, *, path: str, data: bytes, language: str, read: Read, knowledge: Knowledge) -> None:
        self.path = path
        self.data = data
        self.language = language
        self.root = read.root
        self.as_text = read.as_text
        self.knowledge = knowledge
        self.frameworks = frozenset(_frameworks(path, data))

    @functools.cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, in the order of the file."""
        return tuple(self.root.walk())

    @functools.cached_property
    def names(self) -> Names:
        """What names stand for."""
        return Names(self.root)

    @functools.cached_property
    def signs(self) -> Signs:
        """The signs of where calls go."""
        return Signs(self.names, self.knowledge.own)

    @functools.cached_property
    def decider(self) -> Decider:
        """What binds places to endpoints."""
        return Decider(self.root, self.names, self.signs)

    @functools.cached_property
    def roles(self) -> Roles:
        """What texts are used as."""
        return Roles(self.names, weights="vllm" in self.frameworks)

    @functools.cached_property
    def uses(self) -> tuple[Use, ...]:
        """Every id in the file that is used, each with the endpoint it is meant for; a constant may have several."""
        return tuple(use for node in self.nodes if node.kind is Kind.TEXT for use in self._uses_of(node))

    @functools.cached_property
    def judged(self) -> tuple[Judged, ...]:
        """What is wrong with the ids of the file; each place once."""
        found: dict[tuple[int, int], Judged] = {}
        for use in self.uses:
            judgement = self._judgement(use)
            if judgement is not None:
                found.setdefault((use.node.start, use.node.end), Judged(use=use, judgement=judgement))
        return tuple(found.values())

    @functools.cached_property
    def places(self) -> tuple[Place, ...]:
        """Every address that calls may go to."""
        return tuple(self._places())

    @functools.cached_property
    def requests(self) -> tuple[Request, ...]:
        """Every chat request whose model and endpoint are known, with its constant parameters."""
        return tuple(self._requests())

    @functools.cached_property
    def groups(self) -> tuple[tuple[Sign, ...], ...]:
        """The signs of every call and table, those of its names included: what is sent together."""
        kinds = (Kind.CALL, Kind.MAP)
        return tuple(
            self.signs.of(node)
            for node in self.nodes
            if node.kind in kinds and node.name not in ("env", "ini") and _is_one(node)
        )

    def speaks_moonshot(self, node: Node) -> Bound | None:
        """Return what a place is bound to, where that is an endpoint with Moonshot's rules; else None."""
        for bound in self.decider.bind(node):
            row = bound.endpoint.row
            if row is not None and row.dialect == "moonshot" and not bound.others:
                return bound
        return None

    def _requests(self) -> Iterator[Request]:
        for node in self.nodes:
            is_pair = node.kind is Kind.PAIR and _is_wire_model(node)
            is_setter = node.kind is Kind.CALL and len(node.items) == 1 and known.plain(node.name) == "model"
            container = container_of(node) if is_pair else _chain(node) if is_setter else None
            if container is None:
                continue
            bounds = self.decider.bind(node.items[0]) if node.items else []
            for text in self._models_of(node.items[0] if node.items else None):
                use = self._routed(Use(id=text.name, node=text, is_model=True, bound=bounds[0] if bounds else None))
                if (
                    use.bound is not None
                    and not use.bound.others
                    and not (use.prefix and "litellm" in self.frameworks)
                ):
                    found = list(parameters(container, self.names))
                    yield Request(
                        model=use.id,
                        node=text,
                        bound=use.bound,
                        body={name: value for name, _, value in found},
                        places={name: place for name, place, _ in found},
                    )
                    break

    def _models_of(self, value: Node | None) -> Iterator[Node]:
        """Yield the ids that the value of a model may be, those that a provider's function is given included."""
        for inner in self.names.values(value):
            if inner.kind is Kind.TEXT:
                yield inner
            elif inner.kind is Kind.CALL:
                yield from (item for item in inner.items if item.kind is Kind.TEXT and looks_kimi(item.name))

    def _uses_of(self, node: Node) -> Iterator[Use]:
        text = node.name
        kimi = looks_kimi(text)
        if not text or len(text) > 120 or not (kimi or _may_be_id(text)):
            return
        role = self.roles.of(node)
        if role is None:
            return
        pair, is_model = role.pair, role.is_model
        if not is_model and len(text) < _SHORT:  # "k3" is many things
            return
        if not kimi and not (is_model and pair is not None and _is_wire_model(pair) and _is_plainly(node, pair)):
            return
        bounds: list[Bound | None] = [*self.decider.bind(node)]
        for bound in bounds or [None]:
            use = self._routed(Use(id=text, node=node, is_model=is_model, bound=bound))
            if kimi or (use.bound is not None and use.bound.level == "call" and use.bound.sign is not None
                        and use.bound.sign.kind == "url"):  # fmt: skip
                yield use

    def _routed(self, use: Use) -> Use:
        """Take a framework's routing prefix off an id, and let it say whose endpoint is meant."""
        for mark, routers in (("/", _SLASH_ROUTERS), (":", _COLON_ROUTERS)):
            prefix, found, rest = use.id.partition(mark)
            if not found or not rest or not self.frameworks & routers:
                continue
            provider = _ROUTES.get(prefix)
            if provider is None and (mark == ":" or "opencode" in self.frameworks):
                provider = known.PROVIDER_NAMES.get(prefix)
            if provider is None or (mark == "/" and self._is_wire_id(use)):
                continue
            endpoint = named(provider) if provider else None
            bound = use.bound if not _is_for_openai_only(use.bound) else None
            if endpoint is not None and (
                bound is None or bound.level not in ("call",) or bound.sign is None or bound.sign.kind != "url"
            ):
                bound = Bound(endpoint=endpoint, why=f"the prefix {prefix + mark!r} routes it there", level="route")
            return replace(use, id=rest, prefix=prefix + mark, bound=bound)
        return use

    def _is_wire_id(self, use: Use) -> bool:
        """Say whether an id that looks routed is one as it stands, at the endpoint beside it."""
        bound = use.bound
        if bound is None:
            return False
        known_here = self.knowledge.of(bound.endpoint)
        if known_here is not None and use.id in known_here.listing.by_id:
            return True
        if bound.sign is None or bound.sign.kind != "url" or "litellm" in self.frameworks:
            return False
        return bound.level == "call" and not _is_for_openai_only(bound)

    def _judgement(self, use: Use) -> Judgement | None:
        bound = use.bound
        if bound is None:
            return self._unbound(use)
        if not bound.endpoint.is_known:
            return None
        found = judge(use.id, bound.endpoint, self.knowledge)
        if found is None or any(
            other.is_known and judge(use.id, other, self.knowledge) is None for other in bound.others
        ):
            return None
        by_name = bound.sign is not None and bound.sign.kind != "url"
        if (bound.level == "file" or by_name) and self._is_own_route(use):
            return None
        weak = bound.level == "file" or (bound.sign is not None and bound.sign.kind in ("key", "callee"))
        if not use.is_model and found.code == "MG001" and not looks_kimi(use.id):
            return None
        if not use.is_model and weak and found.doubtful:
            return None
        return found

    def _is_own_route(self, use: Use) -> bool:
        """Say whether an id is `provider/id` with an id that is right there: a project's own way to route."""
        prefix, mark, rest = use.id.partition("/")
        if not mark or use.bound is None:
            return False
        is_vendor = (
            prefix in _ROUTES or known.provider_named(prefix) is not None or prefix.startswith(("moonshot", "kimi"))
        )
        if not is_vendor:  # a name of the project's own: what it stands for is not told here
            return True
        endpoint = named(_ROUTES.get(prefix, ""))
        return endpoint is not None and judge(rest, endpoint, self.knowledge) is None

    def _unbound(self, use: Use) -> Judgement | None:
        """Judge an id that nothing binds: by the project's default, or as Moonshot's when it is spelled so."""
        default = named(self.knowledge.default) if self.knowledge.default else None
        if default is not None and use.is_model:
            return judge(use.id, default, self.knowledge)
        moonshot = named("moonshot")
        if moonshot is None or not use.is_model or "/" in use.id or ":" in use.id:
            return None
        found = judge(use.id, moonshot, self.knowledge)
        return found if found is not None and found.code in ("MG003", "MG004") else None

    def why(self, use: Use) -> str:
        """Say why an id is thought to belong to the endpoint it was judged for."""
        if use.bound is not None:
            return use.bound.why
        if self.knowledge.default:
            return self.knowledge.default_why or f"{self.knowledge.default} is the project's default"
        return "no endpoint is named near it, and it is spelled as Moonshot spells its ids"

    def provider(self, use: Use) -> str | None:
        """Return the name of the endpoint that an id was judged for."""
        return use.bound.endpoint.name if use.bound is not None else self.knowledge.default or "moonshot"

    def _places(self) -> Iterator[Place]:
        for node in self.nodes:
            if node.kind not in (Kind.TEXT, Kind.JOIN) or (
                node.up is not None and node.up.kind is Kind.JOIN and node.up.name == "+"
            ):
                continue
            text = self.names.text(node)
            where = address(text) if text is not None and "://" in text else None
            if where is None or OPEN in where.host:
                continue
            name = _name_of(node)
            shown = node if node.kind is Kind.TEXT else next((i for i in node.items if i.kind is Kind.TEXT), node)
            yield Place(
                where=where,
                endpoint=at(where, self.knowledge.own),
                node=shown,
                name=name,
                is_base=known.is_url_key(name),
            )


def _frameworks(path: str, data: bytes) -> Iterator[str]:
    """Yield the frameworks that a file is written for, by its text and by its own name.

    The folders above it say nothing: a project in a folder called `litellm` need not use it. moongate counts only
    where it is imported or run: every file that suppresses a finding has its name in a comment.
    """
    low, name = data.lower(), path.replace("\\", "/").rpartition("/")[2].lower().encode()
    yield from (framework for framework, word in _FRAMEWORKS if word in low or word in name)
    if _RUNS_MOONGATE.search(data):
        yield "moongate"


def _is_one(node: Node) -> bool:
    """Say whether a table or a call is one thing, not a collection of several with addresses of their own."""
    return (
        not any(
            item.kind is Kind.PAIR and item.value is not None and item.value.kind is Kind.MAP for item in node.items
        )
        or node.kind is Kind.CALL
    )


def _chain(setter: Node) -> Node:
    """Return the last call of the chain that a setter stands in."""
    last = setter
    while last.up is not None and last.up.head is last:
        last = last.up
    return last


def _is_for_openai_only(bound: Bound | None) -> bool:
    """Say whether an address counts only for models that are routed to OpenAI: aider's `openai-api-base`."""
    return bound is not None and bound.sign is not None and known.plain(bound.sign.name) == "openai_api_base"


def _name_of(node: Node) -> str:
    """Return what a value stands under: a key, an argument, a setter."""
    for group in node.above():
        if group.kind is Kind.PAIR:
            return group.name
        if group.kind is Kind.CALL:
            if len(group.items) == 1 and known.is_url_key(group.name):
                return group.name.replace("::", ".").rpartition(".")[2]
            last = group.name.replace("::", ".").rpartition(".")[2].lower()
            if last in ("url", "uri", "parse", "create", "get", "getenv", "from", "str", "to_string", "new"):
                continue
            return ""
        if group.kind not in (Kind.JOIN,):
            return ""
    return ""


def _is_wire_model(pair: Node) -> bool:
    return known.plain(pair.name) in ("model", "model_id", "model_name")


def _is_plainly(node: Node, pair: Node) -> bool:
    """Say whether a text is what a pair stands for, or one of the things it may be; not inside a call or a list."""
    group = node.up
    while group is not None and group.kind is Kind.JOIN and group.name == "or":
        group = group.up
    return group is pair


def _may_be_id(text: str) -> bool:
    return re.fullmatch(r"[\w~@][\w./:@+~\- ]{1,80}", text) is not None and any(c.isalpha() for c in text)
