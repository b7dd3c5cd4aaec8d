"""Shell scripts and commands: assignments, words, here-documents, and the JSON that `curl -d` is given."""

from __future__ import annotations

import re

from moongate.lint.read import inner
from moongate.lint.tree import Kind, Node, moved

_TOKEN = re.compile(
    rb"(?P<remark>(?<![^\s;|&(])#[^\n]*)|(?P<escaped>\\\n)"
    rb"|(?P<here><<-?[ \t]*(?P<quote>['\"]?)(?P<tag>\w+)(?P=quote))"
    rb"|(?P<end>\n|;;?|&&|\|\|?|&(?!>)|[(){}](?=[\s;)]|$))|(?P<redirect>[0-9&]*[<>]+&?[0-9-]*)"
    rb"|(?P<word>(?:[^\s;|&<>'\"\\()#]|(?<=\S)#|\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\"|\$\((?:[^()]|\([^()]*\))*\))+)",
    re.DOTALL,
)
_ASSIGNMENT = re.compile(rb"([A-Za-z_]\w*)\+?=")
_DECLARES = frozenset({"export", "set", "declare", "local", "readonly", "env", "ENV", "ARG", "setenv", "-e", "--env"})
_SKIPPED = frozenset(
    {"sudo", "then", "do", "else", "if", "while", "until", "time", "exec", "command", "nohup", "!", "elif"}
)
_BODY_OPTIONS = frozenset({"-d", "--data", "--data-raw", "--data-binary", "--json", "--data-ascii", "--body"})


def read(data: bytes) -> Node:
    """Return the tree of a script: a call for each command, a pair for each assignment and option."""
    return _Reader(data).script()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.words: list[Node] = []
        self.raws: list[bytes] = []
        self.pending: list[tuple[bytes, bool]] = []  # here-documents that the next line begins
        self.root = Node(Kind.SCOPE, 0, len(data), "module")

    def script(self) -> Node:
        at = 0
        while (found := _TOKEN.search(self.data, at)) is not None:
            at = found.end()
            if found["word"] is not None:
                self.raws.append(found["word"])
                self.words.append(self._word(*found.span("word")))
            elif found["here"] is not None:
                self.pending.append((found["tag"], found["here"].startswith(b"<<-")))
            elif found["end"] is not None:
                if found["end"] == b"\n" and self.pending:
                    at = self._documents(at)
                self._command()
        self._command()
        return self.root

    def _documents(self, at: int) -> int:
        """Read the here-documents that begin at `at`, and return where the last one is over."""
        for tag, dashed in self.pending:
            closing = re.compile(
                rb"^" + (rb"\t*" if dashed else rb"") + re.escape(tag) + rb"[ \t]*\r?$", re.MULTILINE
            )
            found = closing.search(self.data, at)
            end = found.start() if found else len(self.data)
            self.words += self._document(at, end)
            self.raws += [b""] * (len(self.words) - len(self.raws))
            at = found.end() if found else end
        self.pending.clear()
        return at

    def _document(self, start: int, end: int) -> list[Node]:
        piece = self.data[start:end]
        tree = inner.json_inside(piece)
        if tree is not None:
            return moved(tree, start).items
        target = b" ".join(self.raws)
        if re.search(rb"\bpython[0-9.]*\b|\.py\b", target):
            from moongate.lint.read import python

            parsed = python.read(piece)
            return [moved(parsed, start)] if parsed is not None else []
        if re.search(rb"\bnode\b|\.m?[jt]s\b", target):
            from moongate.lint.read import braces

            return [moved(braces.read(piece, "javascript"), start)]
        if re.search(rb"\.ya?ml\b", target):
            from moongate.lint.read import yaml

            return [moved(yaml.read(piece), start)]
        if re.search(rb"\.env\b|\.toml\b|\.ini\b|\.conf\b", target):
            from moongate.lint.read import lines

            reader = lines.read_toml if b".toml" in target else lines.read_env
            return [moved(reader(piece), start)]
        return []

    def _word(self, start: int, end: int) -> Node:
        """Return a word: its value without quotes, or its parts where a variable stands in it."""
        raw = self.data[start:end]
        assigned = _ASSIGNMENT.match(raw)
        if assigned is not None:
            value = self._word(start + assigned.end(), end) if assigned.end() < len(raw) else None
            items = [] if value is None or (value.kind is Kind.TEXT and not value.name) else [value]
            return Node(Kind.PAIR, start, end, assigned[1].decode(), items, label="=")
        mark = raw[:1]
        whole = (
            len(raw) > 1 and mark in (b"'", b'"') and raw[-1:] == mark and mark not in raw[1:-1].replace(b'\\"', b"")
        )
        if whole:
            return self._quoted(start + 1, end - 1, mark)
        if raw.startswith(b"$'"):
            return self._quoted(start + 2, end - 1, b"'")
        cleaned, places = _unquoted(raw)
        tree = inner.json_inside(cleaned) if len(cleaned) < len(raw) else None
        if tree is not None:
            return Node(Kind.SCOPE, start, end, "json", _opened(moved(moved(tree, places), start), self.data).items)
        node = inner.text(self.data, start, end, cleaned.decode("utf-8", "replace"))
        node.label = "bare"
        return node

    def _quoted(self, start: int, end: int, mark: bytes) -> Node:
        piece = self.data[start:end]
        if mark == b'"' and b'\\"' in piece:
            cleaned, places = _unquoted(b'"' + piece + b'"')
            places = [place - 1 for place in places]
        else:
            cleaned, places = piece, [*range(len(piece) + 1)]
        tree = inner.json_inside(cleaned)
        if tree is not None:
            tree = moved(moved(tree, places), start)
            return Node(Kind.SCOPE, start, end, "json", (_opened(tree, self.data) if mark == b'"' else tree).items)
        value = cleaned.decode("utf-8", "replace")
        if mark == b"'":
            return Node(Kind.TEXT, start, end, value, plain=True)
        return _not_pair(inner.text(self.data, start, end, value), self.data)

    def _command(self) -> None:
        words, self.words, self.raws = self.words, [], []
        while words and words[0].kind is Kind.TEXT and words[0].name in _SKIPPED:
            words.pop(0)
        assigned: list[Node] = []
        while words and (words[0].kind is Kind.PAIR or words[0].name in _DECLARES):
            if words[0].kind is Kind.PAIR:
                assigned.append(words[0])
            words.pop(0)
        if not words:
            self.root.items += assigned
            return
        name = words[0].name if words[0].kind is Kind.TEXT else ""
        items = [*assigned, *_options(words[1:])]
        self.root.items.append(
            Node(Kind.CALL, words[0].start, max(w.end for w in words), name, items, label="command")
        )


def _not_pair(node: Node, data: bytes) -> Node:
    if node.kind is Kind.PAIR:
        return Node(
            Kind.TEXT, node.start, node.end, data[node.start : node.end].decode("utf-8", "replace"), plain=True
        )
    return node


def _options(words: list[Node]) -> list[Node]:
    """Pair every option with the word that follows it."""
    found: list[Node] = []
    at = 0
    while at < len(words):
        word = words[at]
        following = words[at + 1] if at + 1 < len(words) else None
        if word.kind is Kind.TEXT and word.label == "bare" and word.name.startswith("-") and len(word.name) > 1:
            name, equals, value = word.name.partition("=")
            if equals:
                start = word.start + len(name.encode()) + 1
                text = Node(Kind.TEXT, start, word.end, value, plain=word.plain)
                found.append(Node(Kind.PAIR, word.start, word.end, name, [text], label="option"))
            elif following is not None and name in _DECLARES and following.kind is Kind.PAIR:
                found.append(following)
                at += 1
            elif following is not None and not (following.label == "bare" and following.name.startswith("-")):
                found.append(Node(Kind.PAIR, word.start, following.end, name, [following], label="option"))
                at += 1
            else:
                found.append(Node(Kind.PAIR, word.start, word.end, name, [], label="option"))
        else:
            found.append(word)
        at += 1
    return found


def _opened(tree: Node, data: bytes) -> Node:
    """Return JSON in which the shell puts the values of variables, with these as nodes."""
    for node in tree.walk():
        node.items = [
            inner.text(data, item.start, item.end, item.name) if item.kind is Kind.TEXT and "$" in item.name else item
            for item in node.items
        ]
    return tree


def _unquoted(raw: bytes) -> tuple[bytes, list[int]]:
    """Return a word as the command sees it, without its quotes, and the place of each of its bytes."""
    out, places, at, quote = bytearray(), [], 0, 0
    while at < len(raw):
        mark = raw[at]
        if quote != 0x27 and mark == 0x5C and at + 1 < len(raw) and (not quote or raw[at + 1] in b'"\\$`\n'):
            at += 1
            if raw[at] == 0x0A:
                at += 1
                continue
        elif mark in (0x22, 0x27) and quote in (0, mark):
            quote = 0 if quote else mark
            at += 1
            continue
        out.append(raw[at])
        places.append(at)
        at += 1
    return bytes(out), [*places, len(raw)]
