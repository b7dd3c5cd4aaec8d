"""Findings as SARIF 2.1.0, as code scanning services take it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from moongate.lint.finding import Finding
from moongate.lint.pages import page_of
from moongate.lint.rules import Rule, rules

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def document(findings: Iterable[Finding], *, version: str) -> dict[str, Any]:
    """Return the log of one run by this version of moongate."""
    numbers = {rule.code: number for number, rule in enumerate(rules())}
    driver = {
        "name": "moongate",
        "version": version,
        "rules": [_described(rule) for rule in rules()],
    }
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, numbers[finding.code]) for finding in findings],
            }
        ],
    }


def _described(rule: Rule) -> dict[str, Any]:
    page = page_of(rule)
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": page.title},
        "fullDescription": {"text": page.does},
        "help": {"text": page.text, "markdown": page.text},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: Finding, number: int) -> dict[str, Any]:
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endColumn": finding.column + finding.width,
        "snippet": {"text": finding.source_line},
    }
    where = {"artifactLocation": {"uri": _uri(finding.path)}, "region": region}
    instead = f" Instead: {finding.instead}." if finding.instead else ""
    key = f"{finding.path}\0{finding.code}\0{finding.source_line.strip()}"
    return {
        "ruleId": finding.code,
        "ruleIndex": number,
        "level": finding.severity,
        "message": {"text": f"{finding.message}{instead} Why: {finding.reason}."},
        "locations": [{"physicalLocation": where}],
        "partialFingerprints": {"moongate/v1": hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]},
    } | _fixes(finding)


def _fixes(finding: Finding) -> dict[str, Any]:
    """Return what --fix would write, in bytes of the file."""
    if not finding.edits:
        return {}
    replacements = [
        {
            "deletedRegion": {"byteOffset": edit.start, "byteLength": edit.end - edit.start},
            "insertedContent": {"text": edit.text},
        }
        for edit in finding.edits
    ]
    change = {"artifactLocation": {"uri": _uri(finding.path)}, "replacements": replacements}
    return {"fixes": [{"description": {"text": f"Write {finding.instead}"}, "artifactChanges": [change]}]}


def _uri(path: str) -> str:
    """Return a path as a relative reference, or as a file uri where it is absolute."""
    quoted = quote(path.removeprefix("./").encode("utf-8", "surrogateescape"))
    return f"file://{quoted}" if path.startswith("/") else quoted
