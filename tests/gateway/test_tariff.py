"""Integers for the hot path cost exactly what the exact decimals do."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from moongate.facts.chat import Usage
from moongate.facts.models import Model
from moongate.facts.money import Price
from moongate.facts.providers import built_in
from moongate.gateway.meter import LONGEST_ANSWER, PREAMBLE_TOKENS
from moongate.gateway.tariff import Rate, Tariff

ROW = built_in()["moonshot"]
TOKENS = st.integers(0, 10**7)
AMOUNTS = st.decimals(0, 1000, allow_nan=False, allow_infinity=False).filter(lambda d: d.as_tuple().exponent >= -30)
PRICES = st.builds(Price, currency=st.just("USD"), input=AMOUNTS, output=AMOUNTS, cached_input=st.none() | AMOUNTS)


@given(PRICES, TOKENS, TOKENS, st.integers(-5, 10**7))
def test_a_rate_is_the_price(price: Price, prompt: int, completion: int, cached: int) -> None:
    exact = price.cost(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached)
    assert Rate(price).nano(prompt, completion, cached) == exact.nano


def test_halves_are_rounded_up_as_the_price_does() -> None:
    price = Price(currency="USD", input=Decimal("0.0005"), output=Decimal("0.0015"))
    assert [Rate(price).nano(n, 0) for n in (1, 2, 3)] == [1, 1, 2]
    assert Rate(price).nano(0, 1) == price.cost(prompt_tokens=0, completion_tokens=1).nano == 2
    assert Rate(Price(currency="USD", input=Decimal("1E+2"), output=Decimal(0))).nano(1, 1) == 100_000


MODEL = Model(id="m", context_length=1000, price=Price(currency="USD", input=Decimal("0.95"), output=Decimal(4)))


@given(st.integers(1, 3000), st.none() | st.integers(1, 3000), st.integers(1, 5), st.booleans())
def test_the_worst_case_is_bounded_by_body_request_and_window(
    size: int, bound: int | None, choices: int, has_files: bool
) -> None:
    tariff = Tariff(MODEL, ROW)
    prompt = 1000 if has_files else min(size + PREAMBLE_TOKENS, 1000)
    answer = min(bound or 1000, 1000) * choices
    assert tariff.worst_tokens(size, bound, choices, has_files=has_files) == prompt + answer
    assert tariff.worst_nano(size, bound, choices, has_files=has_files) == prompt * 950 + answer * 4000


def test_without_any_bound_the_longest_answer_counts() -> None:
    unbounded = Tariff(Model(id="m", price=MODEL.price), ROW)
    assert unbounded.worst_tokens(10, None) == 10 + PREAMBLE_TOKENS + LONGEST_ANSWER
    assert unbounded.worst_tokens(10, None, has_files=True) == 2 * LONGEST_ANSWER


def test_without_a_price_nothing_is_charged_and_the_basis_says_so() -> None:
    tariff = Tariff(Model(id="unpriced"), ROW)
    assert (tariff.currency, tariff.basis) == (None, "no price known")
    assert tariff.charge(Usage(prompt_tokens=5)) is None
    assert tariff.worst_nano(100, None) == 0


def test_of_several_models_the_one_that_answered_counts_and_the_dearest_is_set_aside() -> None:
    dear = Model(id="d", context_length=1000, price=Price(currency="USD", input=Decimal(9), output=Decimal(40)))
    tariff = Tariff(MODEL, ROW, {"d": Tariff(dear, ROW)})
    assert tariff.worst_nano(10, 10) == Tariff(dear, ROW).worst_nano(10, 10)
    usage = Usage(prompt_tokens=10, completion_tokens=10)
    assert tariff.of("d").charge(usage) == 490_000
    assert tariff.of("somebody").charge(usage) == tariff.charge(usage) == 49_500
    embedded = Tariff(None, built_in()["local"])
    assert embedded.charge(usage) == 30_000
    assert "fictional" in embedded.basis
