"""Findings for people: place, code, sentence, the source line with a mark under it, the reason."""

from __future__ import annotations

from collections.abc import Iterator

from moongate.lint.finding import Finding
from moongate.wire.clean import printable

Part = str | tuple[str, str]  # text, or text and its colour


def lines(finding: Finding) -> Iterator[list[Part]]:
    """Yield the lines that tell one finding."""
    colour = "red" if finding.severity == "error" else "yellow"
    yield [f"{finding.path}:{finding.line}:{finding.column}: ", (finding.code, colour), f" {finding.message}"]
    number = str(finding.line)
    text, column = _shown(finding)
    yield [f"  {number} | {text}"]
    mark = "^" * max(1, min(finding.width, len(text) - column + 1))
    yield [f"  {' ' * len(number)} | {' ' * (column - 1)}", (mark, colour)]
    yield [f"  why: {finding.reason}"]
    if finding.instead is not None:
        fixable = " (--fix writes it)" if finding.edits else ""
        yield [f"  instead: {finding.instead}{fixable}"]


def _shown(finding: Finding) -> tuple[str, int]:
    """Return the source line without what could move the mark, and where the mark begins."""
    column = finding.column
    line = finding.source_line
    text = printable(line.replace("\t", " ")).replace("\n", " ")
    indent = len(text) - len(text.lstrip())
    return text.lstrip(), max(1, column - indent)


def summary(errors: int, warnings: int, fixable: int, files: int) -> str:
    """Return the last line."""
    if not errors and not warnings:
        return f"No faults in {_count(files, 'file')}."
    fixes = f"; --fix mends {fixable} of them" if fixable else ""
    return f"{_count(errors, 'error')}, {_count(warnings, 'warning')} in {_count(files, 'file')}{fixes}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
