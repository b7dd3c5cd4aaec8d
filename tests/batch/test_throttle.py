"""Growing, halving, waiting: how many calls may be under way."""

from __future__ import annotations

from moongate.batch.throttle import LONGEST_WAIT_S, Throttle


def test_it_doubles_with_every_round_of_answers_until_its_most() -> None:
    throttle = Throttle(most=100, first=8)
    for expected in (16, 32, 64, 100, 100):
        for _ in range(throttle.limit):
            throttle.answered()
        assert throttle.limit == expected


def test_a_burst_of_refusals_halves_it_once_and_then_it_grows_by_one_a_round() -> None:
    throttle = Throttle(most=100, first=64)
    for _ in range(30):
        throttle.refused(10.0, sent_at=9.0)
    assert throttle.limit == 32
    throttle.refused(12.0, sent_at=11.0)
    assert throttle.limit == 16
    for _ in range(17):
        throttle.answered()
    assert throttle.limit == 17


def test_it_never_falls_below_one_and_obeys_a_limit_that_was_named() -> None:
    throttle = Throttle(most=100, first=64)
    throttle.refused(1.0, sent_at=0.0, concurrency=3)
    assert (throttle.most, throttle.limit) == (3, 1)
    for second in range(2, 9):
        throttle.refused(float(second), sent_at=second - 0.5)
    assert throttle.limit == 1


def test_it_waits_as_long_as_it_was_told_within_a_bound() -> None:
    throttle = Throttle(most=10)
    throttle.refused(100.0, sent_at=99.0, retry_after_s=7.0)
    throttle.refused(101.0, sent_at=99.0, retry_after_s=1.0)
    assert throttle.opens_at == 107.0
    throttle.refused(101.0, sent_at=99.0, retry_after_s=86_400.0)
    assert throttle.opens_at == 101.0 + LONGEST_WAIT_S
