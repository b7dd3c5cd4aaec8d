"""What a name stands for within one file: constants, defaults, attributes, the values of environment variables."""

from __future__ import annotations

from collections.abc import Iterator

from moongate.lint.tree import Kind, Node

_GIVEN = frozenset({"=", ":=", "+=", "in", "import", "parameter", "??=", "||="})
_HOMES = frozenset({"function", "class", "module", "block"})
_GETENV = frozenset(
    "get getenv env get_env lookup_env lookupenv var config getproperty getenvironmentvariable fetch getorelse str"
    " requireenv mustgetenv".split()
)
_WRAPS = frozenset(
    "url uri parse create httpurl from urljoin str string secretstr new modelid ptr of some format model join".split()
)
_DEFAULTS = frozenset({"default", "default_value", "fallback", "defaultvalue", "else_"})
_DEEP = 6
_MANY = 50  # values of one name that are looked at; more are no constant any more
OPEN = "\0"  # stands in a text for a piece that is not known


class Names:
    """The names of one file."""

    def __init__(self, root: Node) -> None:
        self._pairs: dict[str, list[Node]] = {}
        self._words: dict[str, list[Node]] = {}
        self._read: dict[str, list[Node]] = {}
        self._functions: dict[str, list[Node]] = {}
        for node in root.walk():
            if node.kind is Kind.PAIR and node.label in _GIVEN and node.name and _is_name(node):
                self._pairs.setdefault(node.name, []).append(node)
            elif node.kind is Kind.SCOPE and node.name == "function" and node.label:
                self._functions.setdefault(node.label.rpartition(".")[2], []).append(node)
            elif node.kind is Kind.WORD and node.name:
                self._words.setdefault(node.name.rpartition(".")[2], []).append(node)
                first = node.name.partition(".")[0]
                if first != node.name:
                    self._words.setdefault(first, []).append(node)
            elif node.kind is Kind.CALL and is_getenv(node):
                self._read.setdefault(node.items[0].name, []).append(node)
        self._named = {id(pair) for pairs in self._pairs.values() for pair in pairs}
        self._last: dict[str, list[Node]] = {}
        self._attributes: dict[str, list[Node]] = {}
        for name, pairs in self._pairs.items():
            base, _, last = name.rpartition(".")
            self._last.setdefault(last, []).extend(pairs)
            while base:
                self._attributes.setdefault(base, []).extend(pairs)
                base = base.rpartition(".")[0]
        self._homes: dict[int, Node | None] = {}
        self._seen: dict[tuple[str, int], list[Node]] = {}

    def is_name(self, pair: Node) -> bool:
        """Say whether a pair gives a name a value."""
        return id(pair) in self._named

    def attributes(self, name: str) -> list[Node]:
        """Return what is assigned to attributes of a name: `config.BaseURL = …`."""
        return self._attributes.get(name, [])

    def uses(self, pair: Node) -> list[Node]:
        """Return the places where the value that a pair gives to a name may be read."""
        last = pair.name.rpartition(".")[2]
        words = [word for word in self._words.get(last, []) if pair in self.given(word.name, word)]
        words += [call for call in self._read.get(pair.name, []) if pair in self.given(pair.name, call)]
        if not words and "." not in pair.name:
            words = [word for word in self._words.get(last, []) if word.name.partition(".")[0] == pair.name]
        return words[: 4 * _MANY]

    def function(self, name: str) -> Node | None:
        """Return the function of a name that only one function of the file has."""
        found = self._functions.get(name.rpartition(".")[2], [])
        return found[0] if len(found) == 1 else None

    def given(self, name: str, at: Node) -> list[Node]:
        """Return what may be assigned to a name as it is seen from a place: the pairs of the nearest scope."""
        key = name, id(self._home(at))
        found = self._seen.get(key)
        if found is None:
            found = self._seen[key] = self._given(name, at)[:_MANY]
        return [pair for pair in found if pair is not at]

    def _given(self, name: str, at: Node) -> list[Node]:
        pairs = self._pairs.get(name)
        if pairs is None:
            if "." not in name:
                return []
            pairs = [pair for pair in self._last.get(name.rpartition(".")[2], []) if pair.value is not None]
            homes = {id(self._home(pair)) for pair in pairs}
            own = name.startswith(("self.", "this.", "cls.", "@"))
            return pairs if own or len(homes) == 1 else []
        if "." in name or name.startswith("@"):
            return pairs
        above = {id(node): depth for depth, node in enumerate(at.above())}
        seen = [(above[id(home)], pair) for pair in pairs if id(home := self._home(pair)) in above]
        nearest = min((depth for depth, _ in seen), default=0)
        return [pair for depth, pair in seen if depth == nearest]

    def _home(self, node: Node) -> Node | None:
        """Return the scope in which a name that is given, or read, at a place is looked for first."""
        key = id(node)
        if key not in self._homes:
            self._homes[key] = next((n for n in node.above() if is_home(n)), None)
        return self._homes[key]

    def values(self, node: Node | None, depth: int = 0) -> Iterator[Node]:
        """Yield the nodes that a value may be, names followed, choices and defaults opened."""
        if node is None or depth > _DEEP:
            return
        match node.kind:
            case Kind.WORD:
                found = list(self._of_word(node, depth))
                yield from found or [node]
            case Kind.JOIN if node.name == "or":
                for item in node.items:
                    if item.kind is not Kind.TEST:
                        yield from self.values(item, depth + 1)
            case Kind.CALL:
                yield node
                if is_getenv(node):
                    for pair in self.given(node.items[0].name, node):
                        if not any(pair is up for up in node.above()):
                            yield from self.values(pair.value, depth + 1)
                for default in defaults(node):
                    yield from self.values(default, depth + 1)
            case Kind.LIST:
                for item in node.items:
                    yield from self.values(item, depth + 1)
            case Kind.PAIR:
                yield from self.values(node.value, depth + 1)
            case _:
                yield node

    def _of_word(self, node: Node, depth: int) -> Iterator[Node]:
        if node.head is not None or not node.name:
            return
        for pair in self.given(node.name, node):
            if pair.label == "import" or pair.value is None or any(pair is up for up in node.above()):
                continue
            yield from self.values(pair.value, depth + 1)
        base, dot, last = node.name.rpartition(".")
        if dot and base and not self._pairs.get(node.name):
            for pair in self.given(base, node):
                value = pair.value
                if value is not None and value.kind in (Kind.MAP, Kind.CALL):
                    for inner in value.pairs():
                        if inner.name == last:
                            yield from self.values(inner.value, depth + 1)

    def text(self, node: Node | None, depth: int = 0) -> str | None:
        """Return a text put together from its parts; `OPEN` stands for what is not known. None: no text at all."""
        if node is None or depth > _DEEP:
            return None
        if node.kind is Kind.TEXT:
            return node.name
        if node.kind is Kind.JOIN and node.name == "+":
            parts = [self.text(item, depth + 1) for item in node.items]
            if node.items and parts[0] is not None and any(mark in parts[0] for mark in ("%s", "{}")):
                return parts[0].replace("%s", OPEN).replace("{}", OPEN)
            joined = "".join(OPEN if part is None else part for part in parts)
            return joined if joined.strip(OPEN) else None
        for value in self.values(node, depth + 1):
            if value is not node and value.kind in (Kind.TEXT, Kind.JOIN):
                return self.text(value, depth + 1)
            if value.kind is Kind.CALL and (inner := _wrapped_text(value)) is not None:
                return self.text(inner, depth + 1)
        return None


def _wrapped_text(call: Node) -> Node | None:
    """Return the text that a call only wraps: `new URL("…")`, `Uri.parse("…")`, `"…".to_string()`, `format!("…")`."""
    last = call.name.rpartition(".")[2].rpartition(":")[2].lower()
    if last in _WRAPS:
        return next((item for item in call.items if item.kind in (Kind.TEXT, Kind.JOIN, Kind.WORD)), None)
    if last in ("to_string", "into", "to_owned", "as_str", "rstrip", "strip", "replace", "tostring", "freeze"):
        return call.head
    return None


def _is_name(pair: Node) -> bool:
    """Say whether a pair gives a name a value that others may use, rather than an argument or a key."""
    if pair.label in ("parameter", "import", "in"):
        return True
    for node in pair.above():
        if node.kind is Kind.SCOPE:
            return True
        if node.kind is Kind.MAP and node.name in ("env", "ini"):
            return True
        if node.kind is Kind.MAP and not (node.name == "{" and pair.label == "="):  # `({ model = "…" }) =>` names too
            return False
        if node.kind is Kind.CALL:
            return node.label == "command"
    return False


def is_home(node: Node) -> bool:
    """Say whether names that are given in a node are its own."""
    return (node.kind is Kind.SCOPE and node.name in _HOMES) or node.name == "env"


def is_getenv(call: Node) -> bool:
    """Say whether a call reads an environment variable."""
    name = call.name.replace("::", ".")
    last = name.rpartition(".")[2].rstrip("!?").lower()
    return last in _GETENV and bool(call.items) and call.items[0].kind is Kind.TEXT


def defaults(call: Node) -> Iterator[Node]:
    """Yield what a call gives when there is nothing else: the default of an environment variable or an option."""
    positional = [item for item in call.items if item.kind is not Kind.PAIR]
    if is_getenv(call) and len(positional) == 2:
        yield positional[1]
    last = call.name.rpartition(".")[2].lower()
    if call.head is not None and last in (
        "unwrap_or",
        "unwrap_or_else",
        "orelse",
        "unwrap_or_default",
        "or",
        "default",
    ):
        yield from call.items
    if (
        last in ("field", "option", "argument", "setting", "env", "str", "getenv", "attrib", "ib")
        or "default" in last
    ):
        for pair in call.pairs():
            if pair.name.lower() in _DEFAULTS and pair.value is not None:
                yield pair.value
        if last in ("option", "field") and positional[:1] and positional[0].kind is Kind.TEXT:
            yield positional[0]


def variables(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield the environment variables that stand in a value, with the node that names each."""
    for inner in node.walk():
        if inner.kind is Kind.CALL and is_getenv(inner):
            yield inner.items[0].name, inner.items[0]
        elif inner.kind is Kind.WORD and "." in inner.name:
            parts = inner.name.split(".")
            if "env" in parts[:-1] or "ENV" in parts[:-1] or "_ENV" in parts[:-1] or "environ" in parts[:-1]:
                yield parts[-1], inner
        elif (
            inner.kind is Kind.TEXT
            and inner.name.isupper()
            and inner.name.replace("_", "").isalnum()
            and "_" in inner.name
        ):
            yield inner.name, inner
        elif inner.kind is Kind.TEXT and inner.name.startswith(("os.environ/", "env:", "env.", "$")):
            name = inner.name.replace("os.environ/", "").replace("env:", "").replace("env.", "").strip("${} ")
            if name.isupper():
                yield name, inner
