"""Money is exact: against fractions, through text, and rounded once."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.facts.money import NANO, Money, Price

nanos = st.integers(-(10**40), 10**40)
prices = st.decimals(min_value=0, max_value=10**12, places=9, allow_nan=False, allow_infinity=False)
tokens = st.integers(0, 10**15)


@given(nanos)
def test_text_and_back(nano: int) -> None:
    money = Money(nano=nano, currency="USD")
    assert Money.of(money.amount, "USD") == money
    assert Fraction(money.amount) == Fraction(nano, NANO)
    assert "e" not in money.amount.lower() and not (set(money.amount) - set("-.0123456789"))


@given(nanos, nanos)
def test_addition(first: int, second: int) -> None:
    a, b = Money(nano=first, currency="CNY"), Money(nano=second, currency="CNY")
    assert (a + b).nano == first + second and (a - b).nano == first - second and a + b - b == a


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="USD and CNY"):
        Money.of(1, "USD") + Money.of(1, "CNY")


@given(prices, prices, st.none() | prices, tokens, tokens, tokens)
def test_cost_is_the_exact_fraction_rounded_once(
    given_in: Decimal, given_out: Decimal, given_cached: Decimal | None, prompt: int, completion: int, cached: int
) -> None:
    price = Price(currency="USD", input=given_in, output=given_out, cached_input=given_cached)
    cost = price.cost(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached)
    hit = min(cached, prompt)
    exact = (
        Fraction(prompt - hit) * Fraction(given_in)
        + hit * Fraction(given_in if given_cached is None else given_cached)
        + completion * Fraction(given_out)
    ) * 1000  # nano-units per million tokens
    assert abs(Fraction(cost.nano) - exact) <= Fraction(1, 2)


def test_reasoning_and_cache_are_inside_the_counts() -> None:
    price = Price(currency="USD", input=Decimal("0.95"), output=Decimal(4), cached_input=Decimal("0.16"))
    cost = price.cost(prompt_tokens=1_000_000, completion_tokens=1_000_000, cached_tokens=500_000)
    assert str(cost) == "4.555 USD"
    assert price.cost(prompt_tokens=10, completion_tokens=0, cached_tokens=99).amount == "0.0000016"
