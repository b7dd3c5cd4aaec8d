"""Operands and operators of one statement, made into a node: the weakest operator first, no grammar asked.

What a statement consists of is `lint.read.braces`' business; this is only about what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from moongate.lint.read.tokens import Lexicon
from moongate.lint.tree import Kind, Node

Part: TypeAlias = Node | str  # an operand, or an operator

BLOCKS = {
    word: kind
    for kind, words in {
        "if": "if elif elsif unless switch match when",
        "else": "else",
        "for": "for foreach",
        "while": "loop while until repeat",
        "try": "try begin",
        "catch": "catch except rescue",
        "function": "function func fun fn def",
        "class": "class struct interface object enum impl trait record extension",
        "block": "finally namespace module",
    }.items()
    for word in words.split()
}
LEADING = {"return": "return", "throw": "raise", "raise": "raise", "yield": "return"}
_COMPARE = frozenset(
    {"==", "!=", "===", "!==", "<", ">", "<=", ">=", "in", "is", "instanceof", "&&", "and", "not", "=~"}
)
_OR = frozenset({"??", "||", "?:", "or", "|"})
ASSIGN = frozenset({"=", ":=", "+=", "??=", "||="})


class Statements:
    """Makes nodes of the runs of one language."""

    def __init__(self, lexicon: Lexicon, language: str) -> None:
        self._lexicon = lexicon
        self._language = language

    def nodes(self, parts: Sequence[Part]) -> list[Node]:
        """Return the nodes of a run: statements that a `case` begins are several."""
        if ";" in parts:
            cut = list(parts).index(";")
            return [*self.nodes(parts[:cut]), *self.nodes(parts[cut + 1 :])]
        node = self._expression(parts)
        return [] if node is None else [node]

    def _expression(self, parts: Sequence[Part]) -> Node | None:
        """Make one node of operands and operators, the weakest operator first."""
        parts = list(parts)
        while parts and isinstance(parts[-1], str) and parts[-1] not in LEADING:
            parts.pop()
        if not parts:
            return None
        first = parts[0]
        if isinstance(first, str) and first in LEADING:
            inner = self._expression(parts[1:])
            start = inner.start if inner else 0
            return Node(Kind.SCOPE, start, inner.end if inner else start, LEADING[first], [inner] if inner else [])
        if len(parts) == 1:
            return first if isinstance(first, Node) else None
        for splitting in (self._assignment, self._choice, self._named, self._joined):
            node = splitting(parts)
            if node is not None:
                return node
        operands = [part for part in parts if isinstance(part, Node)]
        if not operands:
            return None
        if parts[0] in ("...", "**", "*") and len(operands) == 1:
            return Node(Kind.PAIR, operands[0].start, operands[0].end, "**", operands)
        if parts[0] == "-" and len(operands) == 1 and operands[0].kind is Kind.NUMBER:
            operands[0].name = f"-{operands[0].name}"
        return row(operands)

    def _assignment(self, parts: list[Part]) -> Node | None:
        place = next((n for n, part in enumerate(parts) if isinstance(part, str) and part in ASSIGN), None)
        if place is None or place == 0:
            return None
        left, right, more = parts[:place], parts[place + 1 :], None
        again = next((n for n, part in enumerate(right) if part == "="), None)
        if again is not None and again >= 2 and isinstance(right[again - 2], Node):  # attributes side by side
            right, more = right[: again - 1], self._expression(right[again - 1 :])
        if isinstance(left[0], Node) and left[0].name == "type" and self._language == "javascript":
            operands = [part for part in right if isinstance(part, Node)]
            return wrapped(Kind.TEST, "", operands)  # a type says what may stand somewhere, and asks for nothing
        target = self._target(left)
        if target is None:
            made = [node for node in (self._expression(left), self._expression(right)) if node is not None]
            return wrapped(Kind.LIST, "", made)
        value = self._expression(right)
        start, end = target.start, value.end if value else target.end
        pair = Node(Kind.PAIR, start, end, target.name, [value] if value else [], label=str(parts[place]))
        extra = [part for part in left if isinstance(part, Node) and part is not target and part.items]
        if more is None and not extra:
            return pair
        return row([*extra, pair, *([more] if more else [])])

    def _target(self, left: list[Part]) -> Node | None:
        """Return what is assigned to: the last name, before its type where that follows it."""
        if ":" in left:
            left = left[: left.index(":")]
        names = [p for p in left if isinstance(p, Node) and p.kind in (Kind.WORD, Kind.TEXT)]
        if not names:
            return next((p for p in left if isinstance(p, Node) and p.kind is Kind.CALL), None)
        return names[0] if self._lexicon.first_name and "," not in left else names[-1]

    def _choice(self, parts: list[Part]) -> Node | None:
        if "?" in parts and ":" in parts[parts.index("?") :]:
            asked = parts.index("?")
            cut = asked + parts[asked:].index(":")
            tested, chosen = self._expression(parts[:asked]), [parts[asked + 1 : cut], parts[cut + 1 :]]
            nodes = [node for branch in chosen if (node := self._expression(branch)) is not None]
            if tested is not None:
                nodes.append(tested if tested.kind is Kind.TEST else wrapped(Kind.TEST, "", [tested]))
            return wrapped(Kind.JOIN, "or", nodes) if nodes else None
        return None

    def _named(self, parts: list[Part]) -> Node | None:
        """`key: value`, `key => value`, and functions written with an arrow."""
        place = next((n for n, part in enumerate(parts) if part in (":", "=>", "->")), None)
        if place is None or place == 0:
            return None
        left, right = parts[place - 1], parts[place + 1 :]
        if not isinstance(left, Node):
            return None
        value = self._expression(right)
        if (
            parts[place] in ("=>", "->")
            and left.kind not in (Kind.TEXT, Kind.NUMBER)
            and (left.kind in (Kind.LIST, Kind.MAP) or (value is not None and value.kind is Kind.SCOPE))
        ):
            body = value.items if value is not None and value.kind is Kind.SCOPE else [value] if value else []
            return wrapped(Kind.SCOPE, "function", [*(left.items if left.kind is Kind.LIST else [left]), *body])
        name = left.name if left.kind in (Kind.WORD, Kind.TEXT, Kind.NUMBER) else ""
        end = value.end if value is not None else left.end
        return Node(Kind.PAIR, left.start, end, name, [value] if value is not None else [], label=":")

    def _joined(self, parts: list[Part]) -> Node | None:
        operators = {part for part in parts if isinstance(part, str)}
        operands = [part for part in parts if isinstance(part, Node)]
        if operators & _OR and not operators & {"==", "!=", "===", "!=="}:
            pieces = [self._expression(piece) for piece in _split(parts, _OR)]
            return wrapped(Kind.JOIN, "or", [piece for piece in pieces if piece is not None])
        if operators & _COMPARE or operators & _OR:
            return wrapped(Kind.TEST, "", operands)
        if operators & set(self._lexicon.joins) and len(operands) > 1:
            return wrapped(Kind.JOIN, "+", operands)
        return None


def _split(parts: Sequence[Part], at: frozenset[str]) -> list[list[Part]]:
    pieces: list[list[Part]] = [[]]
    for part in parts:
        if isinstance(part, str) and part in at:
            pieces.append([])
        else:
            pieces[-1].append(part)
    return pieces


def wrapped(kind: Kind, name: str, items: list[Node]) -> Node:
    """Return items as one node that spans them."""
    start = min((item.start for item in items), default=0)
    end = max((item.end for item in items), default=start)
    return Node(kind, start, end, name, items)


def row(operands: list[Node]) -> Node:
    """Return operands side by side: the one that matters, or all of them."""
    telling = [node for node in operands if node.kind is not Kind.WORD or node.items or node.head]
    if len(operands) == 1:
        return operands[0]
    return telling[0] if len(telling) == 1 else wrapped(Kind.LIST, "", telling or operands[-1:])


def block(parts: list[Part], items: list[Node], start: int, end: int) -> Node:
    """Return the block that the run begins, and take from the run what was its head."""
    arrow = bool(parts) and parts[-1] in ("=>", "->")
    if arrow:
        return Node(Kind.SCOPE, start, end, "block", items)
    operands = [part for part in parts if isinstance(part, Node)]
    words = [node.name for node in operands if node.kind in (Kind.WORD, Kind.CALL)]
    kind = next((BLOCKS[word] for word in words if word in BLOCKS), "")
    calls = [node for node in operands if node.kind is Kind.CALL]
    if not kind:
        kind = "function" if calls else "block"
    label = next((word for word in words if word not in BLOCKS), "")
    head = _heading(operands, kind)
    if kind == "for" and "in" in parts:
        place = parts.index("in")
        head = [_looped(wrapped(Kind.TEST, "", [p for p in parts[place - 1 : place + 2] if isinstance(p, Node)]))]
    if kind == "for":
        label = next((node.name for node in head if node.kind is Kind.PAIR), label)
    parts.clear()
    begun = min([start, *(node.start for node in operands)])
    return Node(Kind.SCOPE, begun, end, kind, [*head, *items], label=label)


def _heading(operands: list[Node], kind: str) -> list[Node]:
    head = [inner for node in operands for inner in (node.items if node.kind in (Kind.CALL, Kind.LIST) else [])]
    if kind in ("if", "while"):
        return [wrapped(Kind.TEST, "", head)] if head else []
    return [_looped(node) for node in head] if kind == "for" else head


def _looped(node: Node) -> Node:
    """Return `name in values` as the name given each of the values."""
    if node.kind is Kind.TEST and len(node.items) == 2 and node.items[0].kind is Kind.WORD:
        return Node(Kind.PAIR, node.start, node.end, node.items[0].name, node.items[1:], label="in")
    return node
