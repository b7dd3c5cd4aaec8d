"""Findings as annotations of a GitHub workflow run."""

from __future__ import annotations

from moongate.lint.finding import Finding


def line(finding: Finding) -> str:
    """Return the workflow command for one finding."""
    instead = f" Write {finding.instead!r} instead." if finding.instead else ""
    text = f"{finding.message}{instead} Why: {finding.reason}."
    places = {
        "file": finding.path,
        "line": finding.line,
        "col": finding.column,
        "endColumn": finding.column + finding.width,
        "title": f"moongate {finding.code}",
    }
    properties = ",".join(f"{name}={_property(str(value))}" for name, value in places.items())
    return f"::{finding.severity} {properties}::{_data(text)}"


def _data(text: str) -> str:
    """Escape what would end the command, or begin another."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
