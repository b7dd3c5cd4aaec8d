"""The circuit breaker: a row of failures opens it, one call tries it out, the pauses grow to a bound."""

from __future__ import annotations

import pytest

from moongate.gateway.breaker import Breaker


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker(after=2, first_s=5, longest_s=20)
    breaker.failed(now)
    breaker.failed(now)
    return breaker


def test_a_row_of_failures_opens_it_and_a_success_in_between_does_not() -> None:
    breaker = Breaker(after=2, first_s=5)
    breaker.failed(0)
    breaker.succeeded()
    breaker.failed(1)
    assert (breaker.wait(1), breaker.state(1)) == (0.0, "closed")
    breaker.failed(1)
    assert (breaker.wait(2), breaker.state(2)) == (4.0, "open")


def test_half_open_one_call_tries_it_out() -> None:
    breaker = opened()
    assert (breaker.wait(5), breaker.state(5)) == (0.0, "half_open")
    breaker.begins(5)
    assert breaker.wait(6) > 0
    breaker.succeeded()
    assert (breaker.wait(6), breaker.state(6)) == (0.0, "closed")


def test_a_try_whose_client_left_makes_room_for_the_next() -> None:
    breaker = opened()
    breaker.begins(5)
    breaker.let_go()
    assert breaker.wait(5) == 0.0


def test_a_try_that_nobody_ended_does_not_shut_it_for_good() -> None:
    breaker = opened()
    breaker.begins(5)
    assert breaker.wait(5 + breaker.longest_s) == 0.0


@pytest.mark.parametrize("rounds", [1, 2, 3, 4, 9])
def test_the_pauses_double_to_a_bound(rounds: int) -> None:
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(rounds):
        pauses.append(breaker.wait(now))
        now += pauses[-1]
        breaker.begins(now)
        breaker.failed(now)
    assert pauses == [5, 10, 20, 20, 20, 20, 20, 20, 20][:rounds]


def test_calls_that_fail_while_it_is_open_do_not_prolong_the_pause() -> None:
    breaker = opened()
    breaker.failed(3)
    assert breaker.wait(3) == 2.0
