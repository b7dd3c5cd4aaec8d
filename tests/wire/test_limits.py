from __future__ import annotations

import pytest

from moongate.wire.limits import Limits, Pace, limits_in


@pytest.mark.parametrize(
    ("message", "limits"),
    [
        ("Your account org-x<ak-y> request reached organization max RPM: 3, please try again after 1 seconds",
         Limits(rpm=3)),
        ("request reached user+model max RPM: 50", Limits(rpm=50)),
        ("request reached organization max concurrency: 1, please try again after 1 seconds", Limits(concurrency=1)),
        ("request reached organization TPM rate limit, current:510000, limit:500000", Limits(tpm=500_000)),
        ("The engine is currently overloaded, please try again later", Limits()),
    ],
)  # fmt: skip
def test_limits_stand_in_the_text(message, limits) -> None:
    assert limits_in(message) == limits


def test_nothing_waits_before_a_limit_was_told() -> None:
    pace = Pace()
    assert [pace.leaves(0.0) for _ in range(100)] == [0.0] * 100


def test_calls_are_spread_over_the_minute_once_it_was() -> None:
    pace = Pace()
    for _ in range(3):
        pace.leaves(0.0)
    pace.learn("max RPM: 3")
    assert [pace.leaves(1.0) for _ in range(4)] == [59.0, 59.0, 59.0, 119.0]
    assert pace.leaves(500.0) == 0.0


def test_what_was_told_last_counts() -> None:
    pace = Pace()
    pace.learn("max RPM: 3")
    pace.learn("max concurrency: 5")
    pace.learn("max RPM: 20")
    assert pace.limits == Limits(rpm=20, concurrency=5)
