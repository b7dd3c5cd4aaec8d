"""The linter's own settings."""

from __future__ import annotations

import pytest

from moongate.errors import ConfigError
from moongate.lint.options import options_from


def test_codes_may_be_cut_short_and_files_have_their_own() -> None:
    options = options_from(
        {"select": ["MG00", "MG021"], "ignore": ["MG006"], "per-file-ignores": {"tests/**": ["MG002"]}}, where="here"
    )
    assert options.selects("MG002", "a.py")
    assert not options.selects("MG006", "a.py")
    assert not options.selects("MG011", "a.py")
    assert options.selects("MG021", "tests/a.py")
    assert not options.selects("MG002", "tests/x/a.py")


def test_the_command_line_comes_first() -> None:
    options = options_from({"select": ["MG002"]}, where="here", select="MG01", ignore="MG011")
    assert options.selects("MG010", "a")
    assert not options.selects("MG011", "a")
    assert not options.selects("MG002", "a")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"selects": []}, "unknown setting 'selects'"),
        ({"select": "MG002"}, "expected a list"),
        ({"select": ["X1"]}, "no code"),
        ({"severity": {"MG002": "fatal"}}, "expected error or warning"),
        ({"per-file-ignores": []}, "are tables"),
    ],
)
def test_what_cannot_be_meant_is_refused(table: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        options_from(table, where="here")
