"""What a rule is: a code, a severity, a page (its docstring), and a function from a sheet to findings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from moongate.lint.finding import Edit, Severity
from moongate.lint.sheet import Sheet
from moongate.lint.tree import Node


@dataclass(frozen=True, kw_only=True)
class Hit:
    """What a rule says about a place; the run turns it into a finding."""

    node: Node
    message: str
    reason: str
    found: str
    instead: str | None = None
    provider: str | None = None
    severity: Severity | None = None  # where it is not the rule's own
    edits: tuple[Edit, ...] = ()
    secret: bool = False  # the source line must not be shown as it is


class Rule(ABC):
    """One thing that can be wrong."""

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity] = "error"
    fix: ClassVar[Literal["always", "sometimes", "never"]] = "never"

    @abstractmethod
    def check(self, sheet: Sheet) -> Iterator[Hit]:
        """Yield what is wrong in one file."""


def replaced(node: Node, text: str) -> tuple[Edit, ...]:
    """Return the edit that puts a text in a node's place; none where its bytes are not its value."""
    return (Edit(start=node.start, end=node.end, text=text),) if node.plain else ()
