"""Limits as people and programs write them."""

from __future__ import annotations

from typing import Any

import pytest

from moongate.errors import UsageError
from moongate.facts.money import Money
from moongate.gateway.limits import Limits, limits_from, moment_from

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90m", NOW + 5400),
        ("12h", NOW + 43_200),
        ("30d", NOW + 30 * 86_400),
        ("2026-12-31", 1_798_675_200.0),
        ("2026-12-31T18:00:00Z", 1_798_740_000.0),
        ("2026-12-31T20:00:00+02:00", 1_798_740_000.0),
    ],
)
def test_moments_are_dates_or_spans(text: str, at: float) -> None:
    assert moment_from(text, now=NOW) == at


@pytest.mark.parametrize("text", ["", "soon", "2001-01-01", "0d", "-5d", "99999999d", "2026-13-01", "1" * 30])
def test_what_is_no_moment_to_come_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        moment_from(text, now=NOW)
    assert raised.value.advice


def test_limits_come_out_as_they_went_in() -> None:
    given: dict[str, Any] = {
        "models": ["m"], "providers": None, "budget_day": "0.5", "budget_month": 5, "rpm": 1, "tpm": None,
        "concurrency": 2, "expires_at": "2026-12-31", "tags": ["a", "b"],
    }  # fmt: skip
    limits = limits_from(given, "USD", now=NOW)
    assert limits.budget_day == Money.of("0.5", "USD")
    again = limits_from(limits.document, "USD", now=NOW)
    assert again == limits
    assert limits_from({}, "USD", now=NOW) == Limits()


@pytest.mark.parametrize(
    "given",
    [
        {"rps": 1}, {"rpm": True}, {"rpm": 1.5}, {"rpm": -1}, {"tpm": 10**13}, {"models": []}, {"models": [""]},
        {"models": [1]}, {"tags": ["\x1b"]}, {"providers": "moonshot"}, {"budget_day": "-1"}, {"budget_day": "nan"},
        {"budget_month": "1e30"}, {"tags": ["x"] * 101},
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        limits_from(given, "USD", now=NOW)
