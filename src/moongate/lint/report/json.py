"""Findings as one JSON document, in the shape that the documentation fixes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moongate.lint.finding import Finding

_FIELDS = ("path", "line", "column", "code", "severity", "message", "reason", "found", "instead", "provider")


def document(findings: Iterable[Finding], files: int) -> dict[str, Any]:
    """Return the document."""
    return {"findings": [{name: getattr(f, name) for name in _FIELDS} for f in findings], "files": files}
