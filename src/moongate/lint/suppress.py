"""Inline ignores: `moongate: ignore[MG002] until=2027-01-01 reason` in a comment of the file's own language."""

from __future__ import annotations

import re
from collections.abc import Iterable

from moongate.lint.finding import Finding

_IGNORE = re.compile(
    rb"(?:#|//|/\*|<!--|;|--|%|\"|\{/\*)[ \t]*moongate:[ \t]*ignore(?P<file>-file)?(?:\[(?P<codes>[^\]\n]*)\])?"
    rb"(?P<rest>[^\n]*)"
)
_UNTIL = re.compile(rb"\buntil=(\d{4}-\d\d-\d\d)")


def kept(findings: Iterable[Finding], data: bytes, today: str) -> tuple[list[Finding], list[str]]:
    """Return the findings that no comment takes away, and what is to be said about comments (`LINE: …`).

    A comment counts for its own line; one that stands alone on a line counts for the next one; `ignore-file` counts
    for all. An ignore whose day has passed counts no more, and is said.
    """
    findings = list(findings)
    if b"moongate:" not in data or not findings:
        return findings, []
    by_line, notes = _ignores(data, today)
    left = [f for f in findings if not _covered(f, by_line)]
    return left, notes


def _covered(finding: Finding, by_line: dict[int, tuple[str, ...]]) -> bool:
    for line in (finding.line, 0):
        codes = by_line.get(line)
        if codes is not None and (not codes or any(finding.code.startswith(code) for code in codes)):
            return True
    return False


def _ignores(data: bytes, today: str) -> tuple[dict[int, tuple[str, ...]], list[str]]:
    """Return the codes that are ignored on each line (none: all of them; line 0: everywhere)."""
    by_line: dict[int, tuple[str, ...]] = {}
    notes: list[str] = []
    for found in _IGNORE.finditer(data):
        line = data.count(b"\n", 0, found.start()) + 1
        until = _UNTIL.search(found["rest"])
        if until is not None and today and until[1].decode() < today:
            notes.append(f"{line}: this ignore counted until {until[1].decode()}, which has passed")
            continue
        named = (found["codes"] or b"").decode("utf-8", "replace")
        codes = tuple(code.strip() for code in named.split(",") if code.strip())
        alone = not data[data.rfind(b"\n", 0, found.start()) + 1 : found.start()].strip()
        place = 0 if found["file"] else line + 1 if alone else line
        by_line[place] = () if not codes or by_line.get(place) == () else (*by_line.get(place, ()), *codes)
    return by_line, notes
