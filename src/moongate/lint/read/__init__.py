"""Readers: one per language or family of languages, all of them from bytes to the same tree (`lint.tree`)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from moongate.lint.tree import Kind, Node, grown, moved

_SCRIPT = re.compile(
    rb"<script\b[^>]*>(.*?)(?:</script>|\Z)|^---\n(.*?)^---$", re.DOTALL | re.IGNORECASE | re.MULTILINE
)

_BRACES = frozenset("javascript json go java kotlin swift dart rust php ruby csharp".split())


@dataclass(frozen=True, kw_only=True)
class Read:
    """A file as a tree; `as_text` where its own language could not be parsed and it was searched as text."""

    root: Node
    as_text: bool = False


def read(data: bytes, language: str) -> Read:
    """Return the tree of a file's content. It never fails: what cannot be parsed is searched as text."""
    tree = _read(data, language)
    if tree is None:
        from moongate.lint.read import braces

        return Read(root=grown(braces.read(data, "python")), as_text=True)
    return Read(root=grown(_opened(tree, data)))


def _opened(root: Node, data: bytes) -> Node:
    """Read JSON that stands in texts: bodies of requests, written out."""
    for node in root.walk():
        for number, item in enumerate(node.items):
            if item.kind is Kind.TEXT and '"model' in item.name and item.name.lstrip()[:1] in ("{", "["):
                from moongate.lint.read import inner

                tree = inner.json_inside(item.name.encode("utf-8", "replace"))
                if tree is not None:
                    node.items[number] = _placed(tree, item, data)
    return root


def _placed(tree: Node, text: Node, data: bytes) -> Node:
    """Return JSON from a text with its places in the file; in a text with escapes they are looked for."""
    if text.plain:
        return Node(Kind.SCOPE, text.start, text.end, "json", moved(tree, text.start).items)
    at = text.start
    for node in tree.walk():
        found = (
            data.find(node.name.encode("utf-8", "replace"), at, text.end)
            if node.kind is Kind.TEXT and node.name
            else -1
        )
        if found >= 0:
            node.start, node.end, node.plain, at = (
                found,
                found + len(node.name.encode("utf-8", "replace")),
                True,
                found,
            )
        else:
            node.start, node.end, node.plain = text.start, text.end, False
    return Node(Kind.SCOPE, text.start, text.end, "json", tree.items)


def _read(data: bytes, language: str) -> Node | None:
    """Return a tree without links upwards, None for Python that cannot be parsed. Readers are loaded when needed."""
    match language:
        case "python":
            from moongate.lint.read import python

            return python.read(data)
        case "yaml":
            from moongate.lint.read import yaml

            return yaml.read(data)
        case "env" | "ini" | "toml" | "make":
            from moongate.lint.read import lines

            reader = {"env": lines.read_env, "ini": lines.read_ini, "toml": lines.read_toml, "make": lines.read_make}
            return reader[language](data)
        case "shell":
            from moongate.lint.read import shell

            return shell.read(data)
        case "docker":
            from moongate.lint.read import docker

            return docker.read(data)
        case "markdown":
            from moongate.lint.read import markdown

            return markdown.read(data, _piece)
        case "notebook":
            from moongate.lint.read import notebook

            return notebook.read(data, _piece)
        case "markup":
            return _scripts(data)
        case _ if language in _BRACES:
            from moongate.lint.read import braces

            return braces.read(data, language)
        case _:
            return Node(Kind.SCOPE, 0, len(data), "module")


def _piece(data: bytes, language: str) -> Node:
    """Read a piece of another file; Python that does not parse on its own is read as text."""
    tree = _read(data, language) if language != "markdown" else None
    if tree is None and language == "python":
        from moongate.lint.read import braces

        tree = braces.read(data, "python")
    return tree if tree is not None else Node(Kind.SCOPE, 0, len(data), "module")


def _scripts(data: bytes) -> Node:
    """Return the scripts of a page or a component; a component without any is read whole."""
    from moongate.lint.read import braces

    root = Node(Kind.SCOPE, 0, len(data), "module")
    for found in _SCRIPT.finditer(data):
        group = 1 if found[1] is not None else 2
        root.items += moved(braces.read(found[group], "javascript"), found.start(group)).items
    return root
