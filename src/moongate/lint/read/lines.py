"""Files of lines: .env, INI and properties, TOML, and the variables of makefiles."""

from __future__ import annotations

import re

from moongate.lint.read import braces, inner
from moongate.lint.tree import Kind, Node, moved

_ENV = re.compile(rb"^[ \t]*(?:export[ \t]+|set[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*([^\n]*)", re.MULTILINE)
_INI = re.compile(rb"^[ \t]*(?:\[([^\]\n]+)\]|([^\s=:#;!\[][^=:\n]*?)[ \t]*[=:][ \t]*([^\n]*))", re.MULTILINE)
_MAKE = re.compile(rb"^([A-Za-z_][\w.-]*)[ \t]*[:?+]?=[ \t]*([^\n]*)|^\t([^\n]*(?:\\\n[^\n]*)*)", re.MULTILINE)
_QUOTED = re.compile(rb"""(["'])(.*?)\1[ \t]*(?:[#;].*)?\r?$""", re.DOTALL)
_TABLE = re.compile(rb"^[ \t]*\[(\[)?[ \t]*([^\]\n]+?)[ \t]*\]", re.MULTILINE)


def read_env(data: bytes) -> Node:
    """Return the tree of a .env file: one map of variables."""
    table = Node(Kind.MAP, 0, len(data), "env")
    for found in _ENV.finditer(data):
        table.items.append(_pair(data, found[1], found.start(1), *found.span(2)))
    return Node(Kind.SCOPE, 0, len(data), "module", [table])


def read_ini(data: bytes) -> Node:
    """Return the tree of an INI or properties file: a map for each section."""
    table = Node(Kind.MAP, 0, len(data), "ini")
    root = Node(Kind.SCOPE, 0, len(data), "module", [table])
    for found in _INI.finditer(data):
        if found[1] is not None:
            table = Node(Kind.MAP, found.start(), len(data), "ini")
            name = found[1].decode("utf-8", "replace")
            root.items.append(Node(Kind.PAIR, found.start(), len(data), name, [table], label="section"))
        else:
            table.items.append(_pair(data, found[2].strip(), found.start(2), *found.span(3)))
    return root


def read_make(data: bytes) -> Node:
    """Return the tree of a makefile: its variables, and its recipes as shell."""
    from moongate.lint.read import shell

    root = Node(Kind.SCOPE, 0, len(data), "module")
    for found in _MAKE.finditer(data):
        if found[1] is not None:
            root.items.append(_pair(data, found[1], found.start(1), *found.span(2)))
        else:
            start = found.start(3)
            root.items += moved(
                shell.read(found[3].lstrip(b"@-")), start + len(found[3]) - len(found[3].lstrip(b"@-"))
            ).items
    return root


def _pair(data: bytes, name: bytes, begun: int, start: int, end: int) -> Node:
    while end > start and data[end - 1] in b" \t\r":
        end -= 1
    value: Node | None = None
    quoted = _QUOTED.match(data, start, end)
    if quoted is not None:
        value = inner.text(data, *quoted.span(2), quoted[2].decode("utf-8", "replace"))
    elif end > start:
        comment = re.compile(rb"[ \t][#;]").search(data, start, end)
        stop = comment.start() if comment else end
        value = inner.scalar(data, start, stop) if data[start] not in b"#;" and stop > start else None
    key = name.decode("utf-8", "replace")
    if value is not None and value.kind is Kind.PAIR:  # A=B=C is one text
        value = Node(Kind.TEXT, start, end, data[start:end].decode("utf-8", "replace"))
    return Node(Kind.PAIR, begun, end, key, [value] if value is not None else [], label="=")


def read_toml(data: bytes) -> Node:
    """Return the tree of a TOML file: nested maps by the dotted names of its tables."""
    root = Node(Kind.SCOPE, 0, len(data), "module")
    top = Node(Kind.MAP, 0, len(data), "toml")
    root.items.append(top)
    cuts = [found for found in _TABLE.finditer(data) if not _inside_value(data, found.start())]
    _fill(top, data, 0, cuts[0].start() if cuts else len(data))
    for number, found in enumerate(cuts):
        end = cuts[number + 1].start() if number + 1 < len(cuts) else len(data)
        names = [
            part.strip().strip("\"'")
            for part in re.findall(r'"[^"]*"|\'[^\']*\'|[^.]+', found[2].decode("utf-8", "replace"))
        ]
        table = _table(top, names, found.start(), end, again=found[1] is not None)
        _fill(table, data, found.end(), end)
    return root


def _inside_value(data: bytes, at: int) -> bool:
    """Say whether a line that looks like a table's head lies in an array over several lines."""
    before = data.rfind(b"\n\n", 0, at)
    piece = data[max(before, 0) : at]
    return piece.count(b"[") > piece.count(b"]")


def _table(top: Node, names: list[str], start: int, end: int, *, again: bool) -> Node:
    table = top
    for depth, name in enumerate(names):
        last = depth == len(names) - 1
        known = [p for p in table.items if p.kind is Kind.PAIR and p.name == name and p.value]
        value = known[-1].value if known and not (last and again) else None
        if value is None or value.kind is not Kind.MAP:
            value = Node(Kind.MAP, start, end, "toml")
            table.items.append(Node(Kind.PAIR, start, end, name, [value], label="section"))
        table = value
    return table


def _fill(table: Node, data: bytes, start: int, end: int) -> None:
    """Read the `key = value` lines of one table; its values are JSON's, nearly."""
    read = moved(braces.read(data[start:end], "toml"), start)
    for item in read.items:
        _dotted(table, item)


def _dotted(table: Node, item: Node) -> None:
    if item.kind is Kind.PAIR and "." in item.name and item.items:
        first, _, rest = item.name.partition(".")
        known = next((p for p in table.items if p.kind is Kind.PAIR and p.name == first and p.value), None)
        value = known.value if known is not None else None
        if value is None or value.kind is not Kind.MAP:
            value = Node(Kind.MAP, item.start, item.end, "toml")
            table.items.append(Node(Kind.PAIR, item.start, item.end, first, [value], label=":"))
        item.name = rest
        _dotted(value, item)
    else:
        table.items.append(item)
