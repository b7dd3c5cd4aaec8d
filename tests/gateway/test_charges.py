"""What comes into the ledger for a call: the usage that was told, or an estimate that says so."""

from __future__ import annotations

import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from moongate.facts.chat import Usage
from moongate.facts.models import Model
from moongate.facts.money import Money, Price
from moongate.facts.providers import built_in
from moongate.gateway.asked import Asked, asked_from
from moongate.gateway.charges import charged, estimated, not_charged
from moongate.gateway.meter import FICTIONAL
from moongate.gateway.seams import Caller, Hold, Outcome, Want
from moongate.gateway.tariff import Tariff

PRICE = Price(currency="USD", input=Decimal("0.95"), output=Decimal(4), cached_input=Decimal("0.16"), basis="listed")
MODEL = Model(id="m", context_length=1000, price=PRICE)
CALLER = Caller(key_id=1, account_id=1, account="ada", currency="USD")
HOLD = Hold("id", CALLER, Want(0, 0, "m", "moonshot", "USD", 0.0), 0, 0, None, 0.0)


def asked(**more: Any) -> Asked:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}
    return asked_from(json.dumps(body).encode())


def taken(
    usage: Usage | None,
    *,
    model: str = "m",
    of: Model = MODEL,
    provider: str = "moonshot",
    said_bytes: int = 0,
    **others: Model,
) -> Outcome:
    row = built_in()[provider]
    tariff = Tariff(of, row, {name: Tariff(other, row) for name, other in others.items()})
    target: Any = SimpleNamespace(row=row, tariff=tariff)
    return charged(asked(), target, HOLD, model, usage, kind="ok", said_bytes=said_bytes)


@given(st.integers(0, 600), st.integers(0, 300), st.integers(0, 600))
def test_a_bounded_call_never_costs_more_than_was_set_aside(prompt: int, completion: int, cached: int) -> None:
    request = asked(max_tokens=300, padding="x" * 600)
    worst = Tariff(MODEL, built_in()["moonshot"]).worst_nano(request.size_bytes, request.max_tokens, request.choices)
    used = Usage(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=min(cached, prompt))
    nano = taken(used).cost_nano
    assert nano is not None
    assert 0 <= nano <= worst


def test_the_price_of_the_model_that_answered_counts() -> None:
    cheap = Model(id="c", price=Price(currency="USD", input=Decimal(1), output=Decimal(1), basis="cheap"))
    used = Usage(prompt_tokens=1000, completion_tokens=100, cached_tokens=200)
    line = taken(used, c=cheap)
    assert (line.cost_nano, line.price_basis) == (800 * 950 + 200 * 160 + 100 * 4000, "listed")
    assert (line.prompt_tokens, line.completion_tokens, line.cached_tokens) == (1000, 100, 200)
    assert taken(used, model="c", c=cheap).price_basis == "cheap"
    assert taken(used, model="other", c=cheap).price_basis == "listed"


def test_a_cost_that_the_endpoint_reports_comes_first_and_is_not_converted() -> None:
    line = taken(Usage(prompt_tokens=1000, reported_cost=Money.of("0.5", "USD")), provider="openrouter")
    assert (line.cost_nano, line.price_basis) == (500_000_000, "reported by the endpoint")
    other = taken(Usage(prompt_tokens=1000, reported_cost=Money.of("0.5", "EUR")), provider="openrouter")
    assert other.cost_nano is None
    assert "not taken from an account in USD" in other.price_basis


def test_without_usage_an_estimate_is_charged_and_says_so() -> None:
    line = taken(None, said_bytes=41)
    assert line.completion_tokens == 11
    assert line.price_basis == "listed; tokens estimated, the answer gave no usage"
    assert line.cost_nano
    assert estimated(8, 0) == Usage(prompt_tokens=2)


def test_the_embedded_models_price_is_fictional_and_says_so() -> None:
    used = Usage(prompt_tokens=1000, completion_tokens=100, cached_tokens=100)
    line = taken(used, of=Model(id="m"), provider="local")
    assert (line.cost_nano, line.price_basis) == (900 * 1000 + 100 * 100 + 100 * 2000, FICTIONAL)


def test_a_call_without_an_answer_costs_nothing() -> None:
    line = not_charged("moonshot", kind="timed_out", status=504)
    assert (line.cost_nano, line.outcome, line.status, line.prompt_tokens) == (0, "timed_out", 504, 0)
