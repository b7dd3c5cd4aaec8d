"""Findings for people."""

from __future__ import annotations

from collections.abc import Callable

from moongate.lint.finding import Finding
from moongate.lint.report.text import lines, summary


def test_the_mark_stands_under_what_is_meant(lint: Callable[..., list[Finding]]) -> None:
    found = lint(
        "a.py", 'if x:\n\tb = OpenAI(base_url="https://api.moonshot.ai/v1").create(x="é", model="Kimi-K2.6")\n'
    )
    shown = ["".join(part if isinstance(part, str) else part[0] for part in line) for line in lines(found[0])]
    assert shown[0].startswith("a.py:2:")
    assert shown[1][shown[2].index("^") :].startswith("Kimi-K2.6")
    assert shown[3].startswith("  why: base_url")
    assert shown[4] == "  instead: kimi-k2.6 (--fix writes it)"


def test_the_summary_counts() -> None:
    assert summary(0, 0, 0, 1) == "No faults in 1 file."
    assert summary(2, 1, 1, 3) == "2 errors, 1 warning in 3 files; --fix mends 1 of them."
