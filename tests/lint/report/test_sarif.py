"""SARIF as the published schema has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema

from moongate.lint.finding import Finding
from moongate.lint.report.sarif import document
from moongate.lint.rules import rules

SCHEMA = json.loads((Path(__file__).parents[2] / "data" / "sarif-2.1.0.json").read_text("utf-8"))
SOURCE = """
    client = OpenAI(base_url="https://api.moonshot.ai", api_key="sk-Zx8Qw7Er5Ty3Ui1Op9As6Df4Gh2Jk0LzXc7Vb5Nm3Qw1Er9")
    client.chat.completions.create(model="moonshotai/kimi-k2.6", temperature=0.3)
    client.chat.completions.create(model="kimi-k2-0711-preview")
"""


def test_the_log_is_valid_and_complete(lint: Callable[..., list[Finding]]) -> None:
    findings = lint("a folder/a.py", SOURCE)
    log = document(findings, version="1.2.3")
    jsonschema.validate(log, SCHEMA)
    run = log["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [rule.code for rule in rules()]
    assert [result["ruleId"] for result in run["results"]] == [finding.code for finding in findings]
    first = run["results"][0]
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20folder/a.py"
    assert "sk-Zx8" not in json.dumps(log)


def test_a_fix_names_the_bytes_it_replaces(lint: Callable[..., list[Finding]]) -> None:
    log = document(lint("a.py", SOURCE), version="1")
    fixed = [result["fixes"][0] for result in log["runs"][0]["results"] if "fixes" in result]
    texts = [fix["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"] for fix in fixed]
    assert texts == ["https://api.moonshot.ai/v1", "kimi-k2.6"]


def test_an_empty_log_is_valid() -> None:
    jsonschema.validate(document([], version="1"), SCHEMA)
