"""What a cost takes from a balance."""

from __future__ import annotations

from moongate.facts.chat import Cost
from moongate.facts.money import Money
from moongate.ledger.entry import NO_PRICE, charge


def test_a_known_cost_is_taken() -> None:
    taken = charge(Cost(money=Money.of("0.002", "USD"), basis="list price"), "USD")
    assert (taken.nano, taken.basis) == (2_000_000, "list price")


def test_no_price_is_not_a_price_of_zero() -> None:
    assert charge(None, "USD").nano is None
    assert charge(None, "USD").basis == NO_PRICE


def test_another_currency_is_recorded_and_not_converted() -> None:
    taken = charge(Cost(money=Money.of("0.002", "CNY"), basis="list price"), "USD")
    assert taken.nano is None
    assert taken.basis == "list price: 0.002 CNY, not taken from an account in USD"
