"""Slices: how large, when they go back, and the days and months they count for."""

from __future__ import annotations

import datetime

from hypothesis import given
from hypothesis import strategies as st

from moongate.gateway.pots import (
    AHEAD,
    IDLE_ROUNDS,
    IDLE_ROUNDS_OF_RATES,
    Pot,
    PotName,
    day_of,
    end_of,
    month_end,
    month_of,
    share,
)

AMOUNTS = st.integers(0, 10**6)


@given(remaining=AMOUNTS, need=st.integers(1, 10**6), ask=AMOUNTS, workers=st.integers(0, 20))
def test_a_share_meets_the_need_or_is_nothing_and_never_more_than_there_is(
    remaining: int, need: int, ask: int, workers: int
) -> None:
    got = share(remaining, need, ask, workers)
    assert got == 0 or need <= got <= remaining
    assert (got == 0) == (remaining < need)


@given(need=st.integers(1, 100), workers=st.integers(1, 8))
def test_one_that_comes_again_and_again_gets_it_all(need: int, workers: int) -> None:
    remaining, calls = 50 * need, 0
    while (got := share(remaining, need, 10**6, workers)) > 0:
        remaining -= got
        calls += got
    assert remaining < need


def test_a_slice_follows_the_pace_of_the_calls() -> None:
    pot = Pot(PotName("balance", 1))
    pot.free = 1000
    pot.draw(100)
    assert pot.turn() == (1000 - 100 - 2 * AHEAD * 100, 0)
    pot.free, pot.drawn = 100, 100
    assert pot.turn() == (0, AHEAD * 100 - 100)


def test_what_nobody_draws_from_goes_back_but_not_what_calls_hold() -> None:
    for name, rounds in ((PotName("balance", 1), IDLE_ROUNDS), (PotName("rpm", 1), IDLE_ROUNDS_OF_RATES)):
        pot = Pot(name)
        pot.needs(40)
        pot.free = 100
        pot.draw(40)
        back = [pot.turn()[0] for _ in range(rounds + 1)]
        assert back[-1] == 60
        assert (back[-2] == 0) == (name.kind == "balance")  # a rate's surplus goes back as the pace sinks
        assert pot.held == 40


def test_a_debt_is_given_back_once_nobody_holds_anything() -> None:
    pot = Pot(PotName("balance", 1))
    pot.draw(10)
    assert pot.turn() == (0, 0)
    pot.put_back(10, -5)
    assert pot.turn() == (-15, 0)


def test_a_call_larger_than_the_minutes_tokens_needs_all_of_them() -> None:
    pot = Pot(PotName("tpm", 1), limit=100)
    assert [pot.need(1, tokens) for tokens in (10, 100, 5000)] == [10, 100, 100]


@given(st.dates(datetime.date(1970, 1, 1), datetime.date(2200, 1, 1)))
def test_months_begin_and_end_as_in_the_calendar(date: datetime.date) -> None:
    day = (date - datetime.date(1970, 1, 1)).days
    first, last = month_of(day), month_end(month_of(day))
    assert (datetime.date(1970, 1, 1) + datetime.timedelta(first)).replace(day=1) == date.replace(day=1)
    assert first <= day <= last
    assert month_of(last) == first
    assert month_of(last + 1) == last + 1


def test_a_purse_ends_with_its_day_or_its_key() -> None:
    assert day_of(86_399.9) == 0
    assert day_of(86_400.0) == 1
    assert end_of(0, None) == 86_400
    assert end_of(0, 50.0) == 50
