"""The best known price of a model at the gateway; the embedded one's is fictional and says so."""

from __future__ import annotations

from decimal import Decimal

from moongate.facts.models import Model
from moongate.facts.money import Price
from moongate.facts.providers import at, built_in
from moongate.gateway.meter import EMBEDDED, FICTIONAL, is_embedded, price_of

MOONSHOT, LOCAL = built_in()["moonshot"], built_in()["local"]
LISTED = Price(currency="USD", input=Decimal("0.95"), output=Decimal(4), basis="listed")


def test_the_lists_price_comes_first_then_the_packaged_one_of_that_endpoint_then_none() -> None:
    assert price_of(Model(id="kimi-k2.6", price=LISTED), MOONSHOT) == LISTED
    packaged = price_of(Model(id="kimi-k2.6"), MOONSHOT)
    assert packaged is not None
    assert "list price of" in packaged.basis
    assert price_of(Model(id="kimi-k2.6"), at(MOONSHOT, "http://127.0.0.1:1/v1")) is None
    assert price_of(None, MOONSHOT) is None


def test_the_embedded_models_price_is_fictional_whatever_its_list_says() -> None:
    assert is_embedded(LOCAL)
    assert not is_embedded(MOONSHOT)
    assert price_of(Model(id="m", price=LISTED), LOCAL) == price_of(None, LOCAL) == EMBEDDED
    assert EMBEDDED.basis == FICTIONAL
