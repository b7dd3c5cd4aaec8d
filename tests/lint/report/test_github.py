"""GitHub's annotations: one line each, whatever stands in the text."""

from __future__ import annotations

from moongate.lint.finding import Finding
from moongate.lint.report.github import line


def test_newlines_percents_and_separators_are_escaped() -> None:
    finding = Finding(
        path="a,b:c\n.py", line=3, column=4, start=0, end=1, code="MG002", severity="error", message="100%\nsure",
        reason="because\r::set-output", found="x",
    )  # fmt: skip
    told = line(finding)
    assert "\n" not in told
    assert told.startswith("::error file=a%2Cb%3Ac%0A.py,line=3,col=4,")
    assert "100%25%0Asure" in told
    assert "because%0D::set-output" in told
