"""YAML, by its indentation: maps, lists, flow values, block texts. Enough to know which key a value stands under.

Anchors, tags and merges are looked through; what is odd is skipped, never refused.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from moongate.lint.read import inner
from moongate.lint.tree import Kind, Node

_KEY = re.compile(
    rb"""(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s#"'\[\]{},&*!|>%@`-][^#\n]*?|-[^\s#][^#\n]*?|<<))"""
    rb"""[ \t]*:(?=[ \t\r\n]|$)"""
)
_BLOCK = re.compile(rb"(?:[!&][^\s]+[ \t]+)*[|>][-+0-9]*[ \t]*(?:#.*)?\r?$")
_LOOKED_THROUGH = re.compile(rb"(?:[!&][^\s]*[ \t]+)+")


class _Line(NamedTuple):
    indent: int
    start: int  # of what stands after the indentation
    end: int  # without the line end


def read(data: bytes) -> Node:
    """Return the tree of a document, or of several."""
    return _Reader(data).document()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.lines = list(_lines(data))
        self.at = 0

    def document(self) -> Node:
        root = Node(Kind.SCOPE, 0, len(self.data), "module")
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if self.data[line.start : line.end].rstrip() in (b"---", b"...") or self.data[line.start] == 0x25:
                self.at += 1
                continue
            before = self.at
            node = self._value(line.indent)
            if node is not None:
                root.items.append(node)
            self.at += self.at == before
        return root

    def _value(self, indent: int) -> Node | None:
        """Read the block value that begins at the current line."""
        line = self.lines[self.at]
        if self._is_item(line):
            return self._list(line.indent)
        if _KEY.match(self.data, line.start, line.end):
            return self._map(line.indent)
        self.at += 1
        return self._scalar(line.start, line.end, indent)

    def _is_item(self, line: _Line) -> bool:
        return self.data[line.start] == 0x2D and (line.end == line.start + 1 or self.data[line.start + 1] in b" \t\r")

    def _list(self, indent: int) -> Node:
        node = Node(Kind.LIST, self.lines[self.at].start, 0, "[")
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.indent != indent or not self._is_item(line):
                break
            start = line.start + 1
            while start < line.end and self.data[start] in b" \t":
                start += 1
            if start >= line.end or self.data[start] == 0x23:
                self.at += 1
                item = self._below(indent)
            else:  # what follows the dash is a line of its own, further in
                self.lines[self.at] = _Line(indent + start - line.start, start, line.end)
                item = self._value(indent)
            if item is not None:
                node.items.append(item)
            node.end = item.end if item is not None else line.end
        return node

    def _below(self, indent: int) -> Node | None:
        if self.at < len(self.lines) and self.lines[self.at].indent > indent:
            return self._value(indent)
        return None

    def _map(self, indent: int) -> Node:
        node = Node(Kind.MAP, self.lines[self.at].start, 0, "{")
        while self.at < len(self.lines):
            line = self.lines[self.at]
            key = _KEY.match(self.data, line.start, line.end) if line.indent == indent else None
            if key is None:
                break
            name = next(group for group in key.groups() if group is not None).decode("utf-8", "replace").strip()
            value = self._under(name, key.end(), line, indent)
            end = value.end if value is not None else line.end
            node.items.append(Node(Kind.PAIR, line.start, end, name, [value] if value else [], label=":"))
            node.end = end
        return node

    def _under(self, name: str, start: int, line: _Line, indent: int) -> Node | None:
        """Read the value of a key: on its line, or below."""
        data = self.data
        start = _after_blanks(data, start, line.end)
        through = _LOOKED_THROUGH.match(data, start, line.end)
        if through and not _BLOCK.match(data, start, line.end):
            start = through.end()
        self.at += 1
        if start >= line.end or data[start] in b"#&\r":
            if (
                self.at < len(self.lines)
                and self.lines[self.at].indent == indent
                and self._is_item(self.lines[self.at])
            ):
                return self._list(indent)
            return self._below(indent)
        if _BLOCK.match(data, start, line.end):
            return self._text_block(name, indent, line)
        if inner.is_shell_key(name) and data[start] not in b"[{\"'":
            return inner.command(data, start, line.end)
        return self._scalar(start, line.end, indent)

    def _text_block(self, name: str, indent: int, line: _Line) -> Node | None:
        """Read a block text; one that a shell runs, or that is JSON, is read as that."""
        first = self.at
        while self.at < len(self.lines) and self.lines[self.at].indent > indent:
            self.at += 1
        if first == self.at:
            return None
        start = self.data.rfind(b"\n", 0, self.lines[first].start) + 1
        end = self.lines[self.at - 1].end
        return inner.text_block(self.data, start, end, name)

    def _scalar(self, start: int, end: int, indent: int) -> Node | None:
        data = self.data
        mark = data[start : start + 1]
        if mark in (b"[", b"{"):
            return self._flow(start, indent)
        if mark in (b'"', b"'"):
            return self._quoted(start, end, mark)
        comment = re.compile(rb"[ \t]#").search(data, start, end)
        end = comment.start() if comment else end
        while end > start and data[end - 1] in b" \t\r":
            end -= 1
        return inner.scalar(data, start, end) if end > start else None

    def _quoted(self, start: int, end: int, mark: bytes) -> Node:
        pattern = rb'"((?:[^"\\]|\\.)*)"' if mark == b'"' else rb"'((?:[^']|'')*)'"
        found = re.compile(pattern, re.DOTALL).match(self.data, start)
        if found is None:
            return inner.scalar(self.data, start + 1, end)
        self._past(found.end())
        return inner.quoted(self.data, found.start(1), found.end(1), escapes=mark == b'"')

    def _flow(self, start: int, indent: int) -> Node | None:
        """Read a flow value, which may span lines."""
        end = inner.closing(self.data, start)
        self._past(end)
        return inner.flow(self.data, start, end)

    def _past(self, end: int) -> None:
        while self.at < len(self.lines) and self.lines[self.at].start < end:
            self.at += 1


def _after_blanks(data: bytes, start: int, end: int) -> int:
    while start < end and data[start] in b" \t":
        start += 1
    return start


def _lines(data: bytes) -> list[_Line]:
    """Return the lines that hold something."""
    found, at = [], 0
    for raw in data.split(b"\n"):
        text = raw.lstrip(b" \t")
        if text.strip() and not text.startswith(b"#"):
            indent = len(raw) - len(text)
            found.append(_Line(indent, at + indent, at + len(raw.rstrip(b"\r"))))
        at += len(raw) + 1
    return found
