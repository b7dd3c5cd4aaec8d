"""The languages with braces: JavaScript, TypeScript, Go, Java, Kotlin, Rust, PHP, Ruby, C#, JSON and their kin.

Not a parser of any of them: statements are runs of operands and operators, brackets nest, and that is enough to know
which name a text is given to, in which call, in which block. Anything may be wrong in the source; something sensible
comes out.
"""

from __future__ import annotations

import re

from moongate.lint.read.statements import ASSIGN, BLOCKS, LEADING, Part, Statements, block
from moongate.lint.read.tokens import LEXICONS, Token, tokens
from moongate.lint.tree import Kind, Node

_DEEPEST = 150
_NOISE = frozenset(
    "new await async const let var val final public private protected static readonly export default mut ref"
    " override internal abstract virtual sealed suspend inline lateinit open unsafe pub dyn move delete void"
    " typeof global use then do end echo print self.".split()
)
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_GENERIC = re.compile(rb"<[\w\s,.<>\[\]()?|:&'\"]{0,200}>(?=\s*[({])")
_HOLE = {
    "${": re.compile(r"\$\{((?:[^{}]|\{[^{}]*\})*)\}|\$([A-Za-z_]\w*)"),
    "#{": re.compile(r"#\{([^{}]*)\}"),
    "{$": re.compile(r"\{\$([^{}]*)\}|\$\{?([A-Za-z_]\w*)\}?"),
    "{": re.compile(r"\{([^{}]*)\}"),
    "{name}": re.compile(r"\{([A-Za-z_]\w*)(?::[^{}]*)?\}"),
}
_NAME = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\?\.|\.|->|::)[A-Za-z_$][\w$]*)*")


def read(data: bytes, language: str) -> Node:
    """Return the tree of a source text in one of the languages of `tokens.LEXICONS`."""
    reader = _Reader(data, language)
    root = Node(Kind.SCOPE, 0, len(data), "module", reader.items(""))
    while reader.at < len(reader.tokens):  # a closing bracket that nothing opened
        reader.at += 1
        root.items += reader.items("")
    return root


class _Reader:
    def __init__(self, data: bytes, language: str) -> None:
        self.data = data
        self.language = language
        self.lexicon = LEXICONS[language]
        self.make = Statements(self.lexicon, language)
        self.tokens = list(tokens(data, language))
        self.at = 0
        self.depth = 0
        self.in_map = language == "json"

    def items(self, closer: str, *, inner: bool = False) -> list[Node]:
        """Read runs up to a closing bracket, which is left; `inner` where line ends mean nothing."""
        found: list[Node] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.sort == "mark" and token.value in ")]}":
                if token.value == closer or self.depth > 0:
                    break
                self.at += 1
                continue
            if token.sort == "line" or (token.sort == "mark" and token.value in ",;"):
                self.at += 1
                continue
            before = self.at
            found += self.make.nodes(self._run(inner=inner, closer=closer))
            self.at += self.at == before
        return found

    def _run(self, *, inner: bool, closer: str) -> list[Part]:
        """Read operands and operators up to what ends a statement or an argument."""
        parts: list[Part] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.sort == "line":
                self.at += 1
                if not inner and parts and self._ends(parts[-1]):
                    break
            elif token.sort == "mark":
                if token.value == "," and self._one_of_several(parts):
                    continue
                if token.value in ")]},;":
                    break
                if token.value in "([{":
                    if self._bracket(parts, token, closer):
                        break
                else:
                    self._mark(parts, token)
            elif token.sort == "word":
                self.at += 1
                self._word(parts, token)
            else:
                self.at += 1
                parts.append(self._text(token) if token.sort == "text" else _leaf(Kind.NUMBER, token))
        return parts

    def _one_of_several(self, parts: list[Part]) -> bool:
        """Skip the second name of `value, err := …`."""
        ahead = [t.value for t in self.tokens[self.at + 1 : self.at + 3]]
        if not self.lexicon.first_name or not parts or len(ahead) < 2 or ahead[1] not in ASSIGN:
            return False
        self.at += 2
        return True

    def _ends(self, last: Part) -> bool:
        """Say whether a line end after `last` ends the statement: not before something that goes on."""
        if isinstance(last, str):
            return False
        following = next((t for t in self.tokens[self.at : self.at + 4] if t.sort != "line"), None)
        if following is None or following.sort != "mark":
            return following is None or following.value not in ("or", "and")
        goes_on = (*self.lexicon.member, *self.lexicon.joins, "?", ":", "??", "||", "&&", "=", "?:", "->", "=>")
        return following.value not in goes_on

    def _mark(self, parts: list[Part], token: Token) -> None:
        self.at += 1
        value = token.value
        if value in self.lexicon.member and parts and isinstance(parts[-1], Node):
            self._member(parts)
        elif value == "<" and parts and isinstance(parts[-1], Node) and parts[-1].kind is Kind.WORD:
            generic = _GENERIC.match(self.data, token.start)
            if generic is None:
                parts.append(value)
            else:
                while self.at < len(self.tokens) and self.tokens[self.at].start < generic.end():
                    self.at += 1
        elif value == "!" and self.language == "rust" and parts and isinstance(parts[-1], Node):
            pass  # a macro is called like a function
        elif value in ("?", "!", "!!") and parts and isinstance(parts[-1], Node) and self._postfix(value):
            pass
        elif value == "?:" and self.language == "javascript":
            parts.append(":")
        elif value == "@" or value == "#":
            pass
        else:
            parts.append(value)

    def _postfix(self, value: str) -> bool:
        following = self.tokens[self.at] if self.at < len(self.tokens) else None
        if value == "?" and self.language in ("javascript", "java", "php", "csharp", "ruby", "dart"):
            return False
        return following is None or (
            following.sort in ("mark", "line") and following.value not in ("(", "[", "{", "-")
        )

    def _member(self, parts: list[Part]) -> None:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        while token is not None and token.sort == "line":
            self.at += 1
            token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is None or token.sort != "word":
            return
        self.at += 1
        before = parts[-1]
        assert isinstance(before, Node)  # noqa: S101 — `_mark` looked
        if before.kind is Kind.WORD:
            before.name, before.end = f"{before.name}.{token.value}", token.end
        else:
            parts[-1] = Node(Kind.WORD, token.start, token.end, f".{token.value}", head=before)

    def _word(self, parts: list[Part], token: Token) -> None:
        value = token.value
        after_name = bool(parts) and isinstance(parts[-1], Node)
        if value in LEADING and not after_name:
            parts.append(value)
        elif value == "case" and not after_name:
            self._case(parts)
        elif value == "of" and after_name and self.language == "javascript":
            parts.append("in")
        elif value in ("or", "and", "not", "in", "is", "instanceof") and parts and self.language != "go":
            parts.append(value)
        elif value not in _NOISE or self._is_key():
            parts.append(_leaf(Kind.WORD, token))

    def _is_key(self) -> bool:
        following = self.tokens[self.at] if self.at < len(self.tokens) else None
        return following is not None and following.value in (":", "=", "=>")

    def _case(self, parts: list[Part]) -> None:
        start = self.at
        while self.at < len(self.tokens) and self.tokens[self.at].value not in (":", "->", "=>", "\n", "{", "}"):
            self.at += 1
        texts = [self._text(t) for t in self.tokens[start : self.at] if t.sort == "text"]
        if texts:
            parts.append(Node(Kind.TEST, texts[0].start, texts[-1].end, "", texts))
        if self.at < len(self.tokens) and self.tokens[self.at].value in (":", "->", "=>"):
            self.at += 1
        parts.append(";")

    def _bracket(self, parts: list[Part], token: Token, closer: str) -> bool:
        """Read what stands in brackets; say whether it was the body of a block, which ends the statement."""
        self.at += 1
        last = parts[-1] if parts else None
        operand = last if isinstance(last, Node) else None
        kind = self._kind(parts, token.value, operand, closer)
        outer, self.in_map = self.in_map, kind in ("map", "make")
        items = self._inside(token.value, in_lines=kind in ("block", "lambda"))
        self.in_map = outer
        end = self.tokens[self.at - 1].end if self.at else token.end
        if token.value == "(" and operand is not None and operand.kind in (Kind.WORD, Kind.CALL):
            parts[-1] = _called(operand, items, end)
        elif token.value == "[" and operand is not None and operand.kind in (Kind.WORD, Kind.CALL):
            self._indexed(parts, operand, items, end)
        elif kind == "block":
            parts.append(block(parts, items, token.start, end))
            return not any(p in ("=>", "->", "=", ":", "(") for p in parts if isinstance(p, str))
        elif kind in ("make", "lambda") and operand is not None:
            inner = items if kind == "lambda" else [Node(Kind.MAP, token.start, end, "", items)]
            if operand.kind is Kind.CALL:
                operand.items += inner
                operand.end = end
            else:
                parts[-1] = Node(Kind.CALL, operand.start, end, operand.name, inner, head=operand.head)
        else:
            is_map = token.value == "{" or any(item.kind is Kind.PAIR for item in items)
            parts.append(
                Node(Kind.MAP if is_map else Kind.LIST, token.start, end, token.value, _entries(items, is_map))
            )
        return False

    def _kind(self, parts: list[Part], mark: str, operand: Node | None, closer: str) -> str:
        """Say what braces hold here: "block", "make" (`Name {…}`), "lambda" (`name {…}`), or "map"."""
        if mark != "{":
            return mark
        words = [p.name for p in parts if isinstance(p, Node) and p.kind is Kind.WORD]
        given = any(p in ASSIGN or p in ("return", ":") for p in parts if isinstance(p, str))
        heads = any(word in BLOCKS for word in words) and not given
        if not parts:
            return "block" if closer in ("", "}") and not self.in_map else "map"
        if parts[-1] in ("=>", "->"):
            return "block"
        if heads:
            return "block"
        if operand is None:
            return "map"
        if self.lexicon.lambdas and operand.kind in (Kind.WORD, Kind.CALL) and (given or operand.kind is Kind.WORD):
            return "lambda"
        if operand.kind is Kind.CALL and not given and closer in ("", "}"):
            return "block"
        if operand.kind is Kind.WORD and (self.lexicon.braces_make or given):
            return "make"
        return "block" if operand.kind is Kind.LIST or not given else "make"

    def _inside(self, mark: str, *, in_lines: bool) -> list[Node]:
        closer = _CLOSERS[mark]
        self.depth += 1
        if self.depth > _DEEPEST:
            self._skip(mark, closer)
            items = []
        else:
            items = self.items(closer, inner=mark in "([" and not in_lines)
        self.depth -= 1
        if (self.at < len(self.tokens) and self.tokens[self.at].value == closer) or (
            self.depth == 0 and self.at < len(self.tokens)
        ):
            self.at += 1
        return items

    def _skip(self, mark: str, closer: str) -> None:
        open_marks = 1
        while self.at < len(self.tokens):
            value = self.tokens[self.at].value if self.tokens[self.at].sort == "mark" else ""
            open_marks += (value == mark) - (value == closer)
            if open_marks == 0:
                return
            self.at += 1

    def _indexed(self, parts: list[Part], operand: Node, items: list[Node], end: int) -> None:
        if self.language == "rust" and operand.name in ("vec",):
            parts[-1] = Node(Kind.LIST, operand.start, end, "[", items)
        elif len(items) == 1 and items[0].kind is Kind.TEXT and operand.kind is Kind.WORD:
            operand.name, operand.end = f"{operand.name}.{items[0].name}", end
        elif not (len(items) == 1 and items[0].kind in (Kind.NUMBER, Kind.WORD)):
            operand.items += items

    def _text(self, token: Token) -> Node:
        node = Node(Kind.TEXT, token.start, token.end, token.value, plain=token.plain)
        if (
            self.language in ("java", "kotlin", "csharp")
            and (setting := _SETTING.fullmatch(token.value))
            and token.plain
        ):
            return _setting(token, setting)
        if not token.holes or token.holes[0] not in token.value:
            return node
        pieces: list[Node] = []
        at = 0
        for hole in _HOLE[token.holes].finditer(token.value):
            if hole.start() > at:
                pieces.append(Node(Kind.TEXT, token.start, token.end, token.value[at : hole.start()]))
            inner = next((group for group in hole.groups() if group is not None), "").strip()
            named = _NAME.match(inner)
            name = re.sub(r"\?\.|->|::", ".", named[0]).lstrip("$") if named else ""
            pieces.append(self._hole(inner, name, token))
            at = hole.end()
        if not pieces:
            return node
        if at < len(token.value):
            pieces.append(Node(Kind.TEXT, token.start, token.end, token.value[at:]))
        return Node(Kind.JOIN, token.start, token.end, "+", pieces)

    def _hole(self, inner: str, name: str, token: Token) -> Node:
        """Return what stands in a text's hole: a name, or, for more than that, the tree of it."""
        if name and len(name) >= len(inner) - 2:
            return Node(Kind.WORD, token.start, token.end, name)
        if self.depth > 20:
            return Node(Kind.LIST, token.start, token.end, "")
        items = read(inner.encode(), self.language).items
        for item in items:
            for node in item.walk():
                node.start, node.end, node.plain = token.start, token.end, False
        return items[0] if len(items) == 1 else Node(Kind.LIST, token.start, token.end, "", items)


def _leaf(kind: Kind, token: Token) -> Node:
    return Node(kind, token.start, token.end, token.value)


_SETTING = re.compile(r"\\?\$\{([\w.-]+):([^{}]*)\}")  # Spring's way to name a property and its default
_PUTS = frozenset(
    {"put", "set", "add", "insert", "addproperty", "setproperty", "setitem", "with", "append", "property"}
)


def _setting(token: Token, found: re.Match[str]) -> Node:
    start = token.start + len(found.string[: found.start(2)].encode())
    name = Node(Kind.CALL, token.start, token.end, "getenv", [Node(Kind.TEXT, token.start, token.end, found[1])])
    default = Node(Kind.TEXT, start, start + len(found[2].encode()), found[2], plain=True)
    return Node(Kind.JOIN, token.start, token.end, "or", [name, default])


def _paired(name: str, items: list[Node]) -> list[Node]:
    """Return the arguments of `put("key", value)` and `Map.of("key", value, …)` as pairs."""
    last = name.rpartition(".")[2].lower()
    keyed = len(items) % 2 == 0 and all(item.kind is Kind.TEXT and item.name.isidentifier() for item in items[::2])
    if not items or not keyed or not ((last in _PUTS and len(items) == 2) or last == "of"):
        return items
    both = zip(items[::2], items[1::2], strict=True)
    return [Node(Kind.PAIR, key.start, value.end, key.name, [value], label=":") for key, value in both]


def _called(operand: Node, items: list[Node], end: int) -> Node:
    items = _paired(operand.name, items)
    if operand.kind is Kind.CALL:
        return Node(Kind.CALL, operand.start, end, "", items, head=operand)
    return Node(Kind.CALL, operand.start, end, operand.name, items, head=operand.head)


def _entries(items: list[Node], is_map: bool) -> list[Node]:
    """In a map a name alone stands for itself: `{ model }`."""
    if not is_map:
        return items
    return [
        Node(Kind.PAIR, item.start, item.end, item.name.rpartition(".")[2], [item])
        if item.kind is Kind.WORD and not item.head
        else item
        for item in items
    ]
