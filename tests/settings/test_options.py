"""Options are declared once, and may be set by whom their row says."""

from __future__ import annotations

from dataclasses import fields

import pytest

from moongate.errors import ConfigError
from moongate.settings.load import Flags
from moongate.settings.options import BY_NAME, OPTIONS, parsed


def test_every_option_has_a_flag_and_a_help() -> None:
    flags = {field.name for field in fields(Flags)}
    assert {option.name for option in OPTIONS} == flags - {"api_key", "config"}
    assert all(option.help for option in OPTIONS)
    variables = [variable for option in OPTIONS for variable in option.env]
    assert len(set(variables)) == len(variables)


def test_a_project_may_only_choose_and_tighten() -> None:
    assert {o.name: o.project for o in OPTIONS if o.project != "never"} == {
        "provider": "may",
        "model": "may",
        "guard": "tighten",
        "rules": "tighten",
    }


@pytest.mark.parametrize(("value", "seconds"), [("5", 5.0), (0.5, 0.5), (86_400, 86_400.0)])
def test_seconds(value: object, seconds: float) -> None:
    assert parsed(BY_NAME["timeout"], value, where="x") == seconds


@pytest.mark.parametrize("value", ["", "x", 0, -1, 86_401, "nan", "inf", True, None, []])
def test_what_is_no_number_of_seconds(value: object) -> None:
    with pytest.raises(ConfigError, match="expected seconds"):
        parsed(BY_NAME["timeout"], value, where="x")
