"""Values inside other files: plain and quoted scalars, flow values, shell and JSON within texts."""

from __future__ import annotations

import re

from moongate.lint.read import braces
from moongate.lint.read.tokens import unescaped
from moongate.lint.tree import Kind, Node, moved

_NUMBER = re.compile(rb"-?\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORDS = frozenset({b"true", b"false", b"null", b"yes", b"no", b"on", b"off", b"none", b"~"})
_SHELL_KEYS = frozenset(
    "run script command cmd entrypoint before_script after_script args exec shell commands".split()
)
_DEFAULT = re.compile(r"\$\{?(?:\{\s*)?([A-Za-z_][\w.-]*?|\d)(?:(:?[-=?]|:)([^}]*))?(?:\}\}?|(?![\w.-]))")
_PAIR = re.compile(rb"((?:--)?[A-Za-z_][\w.-]*)=(?!=)")
_OPENERS = {0x7B: 0x7D, 0x5B: 0x5D}


def scalar(data: bytes, start: int, end: int) -> Node:
    """Return a plain value: a number, a word of the language, or a text."""
    raw = data[start:end]
    if _NUMBER.fullmatch(raw):
        return Node(Kind.NUMBER, start, end, raw.decode())
    if raw.lower() in _WORDS:
        return Node(Kind.WORD, start, end, raw.decode().lower())
    return text(data, start, end, raw.decode("utf-8", "replace"))


def quoted(data: bytes, start: int, end: int, *, escapes: bool) -> Node:
    """Return the text between quotes."""
    raw = data[start:end].decode("utf-8", "replace")
    return text(data, start, end, unescaped(raw) if escapes else raw.replace("''", "'"))


def text(data: bytes, start: int, end: int, value: str) -> Node:
    """Return a text; one that holds `${NAME:-default}` is made of its parts, `NAME=value` is a pair."""
    plain = data[start:end] == value.encode("utf-8", "replace")
    pair = _PAIR.match(data, start, end)
    if pair is not None and plain:
        value_node = text(data, pair.end(), end, value[pair.end() - start :]) if pair.end() < end else None
        return Node(Kind.PAIR, start, end, pair[1].decode(), [value_node] if value_node else [], label="=")
    if "$" not in value:
        return Node(Kind.TEXT, start, end, value, plain=plain)
    pieces: list[Node] = []
    at = 0
    for found in _DEFAULT.finditer(value):
        if found.start() > at:
            pieces.append(Node(Kind.TEXT, start, end, value[at : found.start()]))
        pieces.append(_variable(found, start, end, plain=plain, whole=len(value.encode()) == end - start))
        at = found.end()
    if not pieces:
        return Node(Kind.TEXT, start, end, value, plain=plain)
    if at < len(value):
        pieces.append(Node(Kind.TEXT, start, end, value[at:]))
    return pieces[0] if len(pieces) == 1 else Node(Kind.JOIN, start, end, "+", pieces)


def _variable(found: re.Match[str], start: int, end: int, *, plain: bool, whole: bool) -> Node:
    """Return what `$NAME` or `${NAME:-default}` may be."""
    name = Node(Kind.CALL, start, end, "getenv", [Node(Kind.TEXT, start, end, found[1].rpartition(".")[2])])
    if not found[3] or "?" in (found[2] or ""):
        return name
    before = len(found.string[: found.start(3)].encode()) if whole else 0
    begin = start + before if whole else start
    finish = begin + len(found[3].encode()) if whole else end
    default = Node(
        Kind.TEXT, begin, finish, found[3].strip("\"'"), plain=plain and whole and found[3][0] not in "\"'"
    )
    return Node(Kind.JOIN, start, end, "or", [name, default])


def closing(data: bytes, start: int) -> int:
    """Return where the bracket that opens at `start` is closed again, quotes minded; else the end of the data."""
    depth, at, quote = 0, start, 0
    while at < len(data):
        mark = data[at]
        if quote:
            at += mark == 0x5C and quote == 0x22
            quote = 0 if mark == quote else quote
        elif mark in (0x22, 0x27):
            quote = mark
        elif mark in _OPENERS:
            depth += 1
        elif mark in (0x7D, 0x5D):
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(data)


_FLOW_PLAIN = re.compile(rb"""[^\s,:\[\]{}"'#][^,\[\]{}"'\n#]*?(?=\s*(?:[,\[\]{}\n]|:\s|$))""")
_FLOW = re.compile(
    rb"""\s+|#[^\n]*|([,\[\]{}:])|"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|(""" + _FLOW_PLAIN.pattern + rb")|.", re.DOTALL
)


def flow(data: bytes, start: int, end: int) -> Node:
    """Return a flow value of YAML: JSON with plain scalars in it."""
    stack: list[Node] = []
    root: Node | None = None
    key: Node | None = None
    keyed: dict[int, Node | None] = {}
    for found in _FLOW.finditer(data, start, end):
        mark = found[1]
        node = None
        if mark in (b"{", b"["):
            node = Node(Kind.MAP if mark == b"{" else Kind.LIST, found.start(), end, mark.decode())
        elif mark in (b"}", b"]") and stack:
            stack.pop().end = found.end()
            continue
        elif found[2] is not None:
            node = quoted(data, *found.span(2), escapes=True)
        elif found[3] is not None:
            node = quoted(data, *found.span(3), escapes=False)
        elif found[4] is not None:
            node = scalar(data, *found.span(4))
        elif mark == b":" and stack and stack[-1].items:
            key = stack[-1].items.pop()
            pair = Node(Kind.PAIR, key.start, key.end, key.name, [], label=":")
            stack[-1].items.append(pair)
            keyed[id(stack[-1])] = pair
            continue
        elif mark == b"," and stack:
            keyed[id(stack[-1])] = None
            continue
        if node is None:
            continue
        if stack:
            waiting = keyed.get(id(stack[-1]))
            (waiting.items if waiting is not None and not waiting.items else stack[-1].items).append(node)
            if waiting is not None:
                waiting.end = node.end
        elif root is None:
            root = node
        if node.kind in (Kind.MAP, Kind.LIST) and mark:
            stack.append(node)
    return root or Node(Kind.TEXT, start, end, "")


def is_shell_key(name: str) -> bool:
    """Say whether what stands under a key is run by a shell."""
    return name.lower().replace("-", "_") in _SHELL_KEYS


def command(data: bytes, start: int, end: int) -> Node:
    """Return a command line under a key, as the shell reads it."""
    from moongate.lint.read import shell

    return moved(shell.read(data[start:end]), start)


def text_block(data: bytes, start: int, end: int, name: str) -> Node:
    """Return a text of several lines under a key, read as what it is."""
    piece = data[start:end]
    if is_shell_key(name):
        return command(data, start, end)
    embedded = json_inside(piece)
    if embedded is not None:
        return moved(embedded, start)
    return Node(Kind.TEXT, start, end, piece.decode("utf-8", "replace"))


def json_inside(piece: bytes) -> Node | None:
    """Return the tree of a text that is a JSON object with a model or messages, else None."""
    head = piece.lstrip()[:1]
    if head not in (b"{", b"[") or b'"' not in piece:
        return None
    root = braces.read(piece, "json")
    return root if root.items else None
