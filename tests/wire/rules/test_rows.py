"""The rows themselves: complete, dated, and read from the package."""

from __future__ import annotations

import datetime

import pytest

from moongate.wire.rules import families, rules
from moongate.wire.rules.rows import UNKNOWN, family_of, plan_of


def test_every_row_names_its_source_and_date() -> None:
    assert len({rule.id for rule in rules()}) == len(rules())
    for rule in rules():
        assert rule.source
        assert rule.allowed
        assert datetime.date.fromisoformat(rule.date) <= datetime.date(2026, 11, 23)
        assert not rule.verbatim or rule.says
        assert not rule.action or rule.fix


def test_rows_bind_families_that_exist() -> None:
    names = {family.name for family in families()} | {"*", "unknown"}
    assert {name for rule in rules() for name in rule.families} <= names


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("kimi-k2.6", "k2.6"),
        ("kimi-k2.7-code-highspeed", "k2.7-code"),
        ("moonshot-v1-128k-vision-preview", "moonshot-v1"),
        ("kimi-k3", "k3"),
        ("kimi-k3.1-pro", "unknown"),
        ("kimi-k2.6-thinking", "unknown"),
        ("moonshotai/kimi-k2.6", "unknown"),
    ],
)
def test_families(model: str, family: str) -> None:
    assert family_of(model).name == family


def test_an_unknown_model_is_bound_by_what_its_list_says_only() -> None:
    assert set(plan_of(UNKNOWN).rules) == {"media-input", "thinking-off-listed", "effort-not-listed"}
