"""One tree for every language: names, texts, calls and blocks, each with its exact place in the file.

A reader (`lint.read`) builds it; nothing above the readers knows which language a file is in. Comments, docstrings
and prose never become nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto


class Kind(Enum):
    """What a node is."""

    TEXT = auto()  # a string: `name` is its value, start to end its content without the quotes
    NUMBER = auto()  # `name` is how it is written
    WORD = auto()  # a name, dotted where it is: `client.chat`
    CALL = auto()  # `name` is what is called, dotted; `head` is what the call hangs on where that is a call itself
    PAIR = auto()  # `name` stands for the one item: argument, property, key, assignment, option
    MAP = auto()  # an object, a table, a section
    LIST = auto()
    SCOPE = auto()  # a block; `name` is its kind ("function", "for", "catch" …), `label` its name
    JOIN = auto()  # one text made of several; or one of several values, as `name` says ("+" or "or")
    TEST = auto()  # a comparison: what stands in it is mentioned, not used


class Node:
    """A piece of a file. `start` and `end` count bytes from the beginning of the file."""

    __slots__ = ("end", "head", "items", "kind", "label", "name", "plain", "start", "up")

    def __init__(
        self,
        kind: Kind,
        start: int,
        end: int,
        name: str = "",
        items: list[Node] | None = None,
        *,
        plain: bool = False,
        label: str = "",
        head: Node | None = None,
    ) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.name = name
        self.items = items if items is not None else []
        self.plain = plain  # a text whose bytes in the file are its value: it can be replaced in place
        self.label = label
        self.head = head
        self.up: Node | None = None

    def __repr__(self) -> str:
        return f"{self.kind.name}({self.name!r}{', ' + repr(self.items) if self.items else ''})"

    @property
    def value(self) -> Node | None:
        """What a pair stands for."""
        return self.items[0] if self.items else None

    def walk(self) -> Iterator[Node]:
        """Yield this node and everything below it, in the order of the file; without recursion."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.items))
            if node.head is not None:
                waiting.append(node.head)

    def above(self) -> Iterator[Node]:
        """Yield what this node stands in, from the inside out."""
        node = self.up
        while node is not None:
            yield node
            node = node.up

    def pairs(self) -> Iterator[Node]:
        """Yield the pairs that belong to this node: its own, and those of maps given to a call."""
        for item in self.items:
            if item.kind is Kind.PAIR:
                yield item
            elif item.kind is Kind.MAP and self.kind is Kind.CALL:
                yield from item.pairs()


def grown(root: Node) -> Node:
    """Return the tree with every node knowing what it stands in."""
    for node in root.walk():
        for item in node.items:
            item.up = node
        if node.head is not None:
            node.head.up = node
    return root


def moved(root: Node, places: list[int] | int) -> Node:
    """Return a tree read from a piece of a file, with its places counted in the file.

    `places` is where the piece begins, or the place of each of its bytes (and of its end).
    """
    for node in root.walk():
        if isinstance(places, int):
            node.start += places
            node.end += places
        else:
            start = places[node.start]
            end = places[node.end - 1] + 1 if node.end > node.start else start  # not past a backslash that follows
            node.plain = node.plain and end - start == node.end - node.start
            node.start, node.end = start, end
    return root
