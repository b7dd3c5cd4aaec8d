"""Dockerfiles: ENV and ARG as variables, RUN and CMD as shell."""

from __future__ import annotations

import re

from moongate.lint.read import inner, shell
from moongate.lint.tree import Kind, Node, moved

_LINE = re.compile(rb"^[ \t]*([A-Za-z]+)[ \t]+((?:[^\n\\]|\\\r?\n|\\.)*)", re.MULTILINE)


def read(data: bytes) -> Node:
    """Return the tree of a Dockerfile."""
    root = Node(Kind.SCOPE, 0, len(data), "module")
    for found in _LINE.finditer(data):
        start, end = found.span(2)
        word = found[1].upper()
        if word in (b"ENV", b"ARG"):
            root.items += _variables(data, start, end)
        elif word in (b"RUN", b"CMD", b"ENTRYPOINT", b"HEALTHCHECK"):
            if data[start : start + 1] == b"[":
                root.items.append(_words(inner.flow(data, start, end)))
            else:
                root.items += moved(shell.read(data[start:end]), start).items
    return root


def _variables(data: bytes, start: int, end: int) -> list[Node]:
    old = re.compile(rb"([A-Za-z_]\w*)[ \t]+([^\n=]+)$").match(data, start, end)
    if old is not None:  # ENV NAME value
        stop = old.end(2) - len(old[2]) + len(old[2].rstrip())
        value = inner.scalar(data, old.start(2), stop)
        return [Node(Kind.PAIR, start, stop, old[1].decode(), [value], label="=")]
    return moved(shell.read(data[start:end]), start).items


def _words(listed: Node) -> Node:
    """Return `["program", "--option", "value"]` as the command that it is."""
    texts = [item for item in listed.items if item.kind is Kind.TEXT]
    for text in texts:
        text.label = "bare"
    name = texts[0].name if texts else ""
    return Node(Kind.CALL, listed.start, listed.end, name, shell._options(texts[1:]), label="command")
