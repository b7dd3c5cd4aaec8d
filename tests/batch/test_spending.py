"""Integers that agree with the exact prices, worst cases that bound, a cap that holds."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from moongate.batch.spending import PREAMBLE_TOKENS, Asked, Purse, Tariff
from moongate.facts.chat import Usage
from moongate.facts.models import Model
from moongate.facts.money import Money, Price

PRICES = st.decimals(min_value=0, max_value=1000, places=6)
TOKENS = st.integers(0, 2_000_000)


@given(given=PRICES, cached=st.none() | PRICES, out=PRICES, prompt=TOKENS, completion=TOKENS, share=TOKENS)
def test_a_cost_is_the_exact_one(
    given: Decimal, cached: Decimal | None, out: Decimal, prompt: int, completion: int, share: int
) -> None:
    price = Price(currency="USD", input=given, output=out, cached_input=cached)
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=share)
    exact = price.cost(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=share)
    assert Tariff(price, None).cost_nano(usage) == exact.nano


def test_a_cost_that_the_endpoint_reports_comes_first_and_no_price_means_no_cost() -> None:
    price = Price(currency="USD", input=Decimal(1), output=Decimal(1))
    reported = Usage(prompt_tokens=10, reported_cost=Money.of("0.5", "USD"))
    assert Tariff(price, None).cost_nano(reported) == 500_000_000
    assert Tariff(None, None).cost_nano(reported) == 500_000_000
    assert Tariff(None, None).cost_nano(Usage(prompt_tokens=10)) is None
    other = Usage(prompt_tokens=10, reported_cost=Money.of("0.5", "CNY"))
    assert Tariff(price, None).cost_nano(other) == 10_000


def test_the_worst_case_is_bounded_by_the_window_and_by_what_the_line_asks_for() -> None:
    price = Price(currency="USD", input=Decimal(1), output=Decimal(10))
    body, model = b"x" * 488, Model(id="m", context_length=10_000)
    tokens = Tariff(price, model).tokens
    assert tokens(body, Asked(max_tokens=50)) == (488 + PREAMBLE_TOKENS, 50)
    assert tokens(body, Asked(max_tokens=50, max_completion_tokens=60, n=2)) == (1000, 120)
    assert tokens(body, Asked(max_tokens="many", n=-3)) == (1000, 10_000)
    assert tokens(b'{"image_url":1}', Asked(max_tokens=1)) == (10_000, 1)
    assert Tariff(price, model).worst_nano(body, Asked(max_tokens=50)) == 1000 * 1000 + 50 * 10_000
    assert Tariff(None, model).worst_nano(body, Asked()) == 0


@given(cap=st.integers(0, 100), calls=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
def test_a_cap_is_never_passed(cap: int, calls: list[tuple[int, int]]) -> None:
    purse, open_calls = Purse(cap), []
    for worst, cost in calls:
        if purse.reserve(worst):
            open_calls.append((worst, min(worst, cost)))
        elif open_calls:
            purse.settle(*open_calls.pop())
        assert purse.spent_nano + purse.reserved_nano <= cap
    assert Purse(None).reserve(10**18)
