"""Limits of an account: configured and shared among workers, told by a 429, forgotten in time."""

from __future__ import annotations

import pytest

from moongate.gateway.throttle import LEARNED_FOR_S, Throttle
from moongate.wire.limits import Limits

RPM = "Your account reached max RPM: 2, please try again after 1 seconds"


def test_without_limits_nothing_waits() -> None:
    throttle = Throttle()
    for _ in range(1000):
        throttle.begins(0)
    assert throttle.wait(0) == 0.0
    assert throttle.in_flight == 1000


def test_requests_a_minute() -> None:
    throttle = Throttle(Limits(rpm=2))
    for now in (0.0, 10.0):
        assert throttle.wait(now) == 0.0
        throttle.begins(now)
    assert throttle.wait(20) == 40.0
    assert throttle.wait(60) == 0.0


def test_calls_at_once() -> None:
    throttle = Throttle(Limits(concurrency=1))
    throttle.begins(0)
    assert throttle.wait(0) > 0
    throttle.ended(1, 10)
    assert throttle.wait(1) == 0.0


def test_tokens_count_once_they_are_known() -> None:
    throttle = Throttle(Limits(tpm=100))
    throttle.begins(0)
    assert throttle.wait(0) == 0.0
    throttle.ended(5, 100)
    assert throttle.wait(10) == 55.0
    assert throttle.wait(65) == 0.0


@pytest.mark.parametrize(("workers", "each"), [(1, 10), (3, 3), (20, 1)])
def test_workers_share_what_is_configured(workers: int, each: int) -> None:
    limits = Throttle(Limits(rpm=10, concurrency=10), workers=workers).limits
    assert (limits.rpm, limits.concurrency, limits.tpm) == (each, each, None)


def test_what_a_429_told_holds_and_is_forgotten() -> None:
    throttle = Throttle()
    throttle.told(RPM, None, 0.0)
    for _ in range(2):
        assert throttle.wait(0) == 0.0
        throttle.begins(0)
    assert throttle.wait(1) == 59.0
    assert throttle.wait(LEARNED_FOR_S + 1) == 0.0
    assert throttle.limits == Limits()


def test_the_stricter_of_told_and_configured_counts() -> None:
    throttle = Throttle(Limits(rpm=1, concurrency=5))
    throttle.told(RPM + " max organization concurrency: 3", None, 0.0)
    assert throttle.limits == Limits(rpm=1, concurrency=3)


def test_a_wait_that_was_asked_for_is_kept_within_a_bound() -> None:
    throttle = Throttle()
    throttle.told("slow down", 3.0, 10.0)
    assert throttle.wait(11) == 2.0
    throttle.told("slow down", 10_000.0, 10.0)
    assert throttle.wait(10) == 60.0
