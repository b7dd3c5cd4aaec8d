"""Notebooks: the source of every code cell, with the place of each character in the file."""

from __future__ import annotations

import re
from collections.abc import Callable

from moongate.lint.read import braces
from moongate.lint.tree import Kind, Node, moved

_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|(.))", re.DOTALL)
_PLAIN = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f"}
_MAGIC = re.compile(rb"^[ \t]*[%!].*$", re.MULTILINE)

Reader = Callable[[bytes, str], Node]


def read(data: bytes, read_inner: Reader) -> Node:
    """Return one scope for the whole notebook: its cells share their names."""
    tree = braces.read(data, "json")
    root = Node(Kind.SCOPE, 0, len(data), "module")
    language = _language(tree)
    for node in tree.walk():
        if node.kind is Kind.MAP:
            pairs = {pair.name: pair.value for pair in node.pairs()}
            kind, source = pairs.get("cell_type"), pairs.get("source")
            if kind is not None and kind.name in ("code", "markdown") and source is not None:
                root.items += _cell(data, source, language if kind.name == "code" else "markdown", read_inner)
    return root


def _language(tree: Node) -> str:
    for node in tree.walk():
        if node.kind is Kind.PAIR and node.name == "language" and node.value is not None:
            return {"typescript": "javascript", "bash": "shell"}.get(node.value.name, node.value.name)
    return "python"


def _cell(data: bytes, source: Node, language: str, read_inner: Reader) -> list[Node]:
    code = bytearray()
    places: list[int] = []
    for text in [source] if source.kind is Kind.TEXT else source.items:
        if text.kind is Kind.TEXT:
            piece, where = _read_string(data, text.start, text.end)
            code += piece
            places += where
    places.append(source.end)
    cell = _MAGIC.sub(lambda found: b" " * len(found[0]), bytes(code))
    if language == "python" and code.lstrip().startswith((b"%%bash", b"%%sh", b"!")):
        language, cell = "shell", re.sub(rb"^%%\w+[^\n]*|^!", lambda f: b" " * len(f[0]), bytes(code))
    node = read_inner(cell, language)
    return moved(node, places).items if node is not None else []


def _read_string(data: bytes, start: int, end: int) -> tuple[bytes, list[int]]:
    """Return the value of a JSON string, and the place of each of its bytes in the file."""
    out, at = bytearray(), start
    places: list[int] = []
    for found in _ESCAPE.finditer(data, start, end):
        out += data[at : found.start()]
        places += range(at, found.start())
        piece = _escaped(found)
        out += piece
        places += [found.start()] * len(piece)
        at = found.end()
    out += data[at:end]
    places += range(at, end)
    return bytes(out), places


def _escaped(found: re.Match[bytes]) -> bytes:
    if found[3] is not None:
        return _PLAIN.get(found[3], found[3])
    number = int(found[1], 16)
    if found[2] is not None and 0xD800 <= number < 0xDC00:
        number = 0x10000 + ((number - 0xD800) << 10) + int(found[2], 16) - 0xDC00
    return chr(number).encode("utf-8", "replace")
