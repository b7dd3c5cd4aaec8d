"""What a rule reports: where, what, why, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One replacement in a file: the bytes from `start` to `end` become `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong. `start` and `end` are bytes of the file; line and column count from 1."""

    path: str
    line: int
    column: int  # in characters
    start: int
    end: int
    code: str
    severity: Severity
    message: str
    reason: str  # why it is thought to be so
    found: str  # as it stands there; keys are redacted
    instead: str | None = None
    provider: str | None = None
    edits: tuple[Edit, ...] = ()  # what --fix does, where that is beyond doubt
    source_line: str = ""  # for people; redacted where a key stands in it
    width: int = 1  # characters to mark
