"""Comments that take findings away, until their day."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from moongate.lint.knowledge import Knowledge
from moongate.lint.options import Options
from moongate.lint.run import lint_bytes

Codes = Callable[..., list[str]]
BAD = 'c = OpenAI(base_url="https://api.moonshot.ai")'


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.py", BAD + "  # moongate: ignore[MG011] our proxy adds it"),
        ("a.py", "# moongate: ignore[MG011]\n" + BAD),
        ("a.py", "# moongate: ignore-file[MG01]\n\n\n" + BAD),
        ("a.py", BAD + "  # moongate: ignore until=2027-01-01"),
        ("a.ts", "const " + BAD + "; // moongate: ignore[MG011]"),
        ("a.go", "/* moongate: ignore[MG011] */\n" + BAD),
        ("a.yaml", "base_url: https://api.moonshot.ai # moongate: ignore[MG011]"),
        ("a.ini", "; moongate: ignore[MG011]\nbase_url = https://api.moonshot.ai"),
        ("a.md", "<!-- moongate: ignore-file[MG011] -->\n```python\n" + BAD + "\n```\n"),
    ],
)
def test_a_comment_takes_the_finding_away(codes: Codes, name: str, source: str) -> None:
    assert codes(name, source + "\n") == []


def test_an_ignore_for_another_code_or_line_does_not(codes: Codes) -> None:
    assert codes("a.py", BAD + "  # moongate: ignore[MG002]\n") == ["1:MG011"]
    assert codes("a.py", "# moongate: ignore[MG011]\n\n" + BAD + "\n") == ["3:MG011"]


def test_an_expired_ignore_counts_no_more_and_is_said() -> None:
    source = (BAD + "  # moongate: ignore[MG011] until=2026-01-01\n").encode()
    result = lint_bytes("a.py", source, Knowledge(), Options(today="2026-11-25"))
    assert [finding.code for finding in result.findings] == ["MG011"]
    assert result.notes == ("a.py:1: this ignore counted until 2026-01-01, which has passed",)
