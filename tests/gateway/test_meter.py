"""The worst case before a call, the charge after it, and what is said where the answer gave no usage."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from moongate.client.guard import Permit
from moongate.facts.chat import Answer, Usage
from moongate.facts.models import Model
from moongate.facts.money import Money, Price
from moongate.facts.providers import built_in
from moongate.gateway.asked import Asked, asked_from
from moongate.gateway.meter import FICTIONAL, LONGEST_ANSWER, Tariff, estimated, worst_usage

PRICE = Price(currency="USD", input=Decimal("0.95"), output=Decimal(4), cached_input=Decimal("0.16"), basis="listed")
MODEL = Model(id="m", context_length=1000, price=PRICE)


def asked(**more: Any) -> Asked:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}
    return asked_from(json.dumps(body).encode())


def tariff(*models: Model, provider: str = "moonshot") -> Tariff:
    permits = [Permit(name=model.id, id=model.id, model=model) for model in models]
    return Tariff(row=built_in()[provider], permits=permits)


def answered(usage: Usage | None, content: str = "", model: str = "m") -> Answer:
    return Answer(id="x", model=model, asked_model="m", content=content, usage=usage)


def test_the_worst_case_is_bounded_by_the_body_the_request_and_the_window() -> None:
    request = asked(max_tokens=50)
    assert worst_usage(request, 1000) == Usage(prompt_tokens=request.size_bytes + 256, completion_tokens=50)
    assert worst_usage(asked(), 1000).completion_tokens == 1000
    assert worst_usage(asked(max_tokens=5000), 1000).completion_tokens == 1000
    assert worst_usage(asked(), None).completion_tokens == LONGEST_ANSWER
    assert worst_usage(asked(max_tokens=50, n=3), 1000).completion_tokens == 150
    media = [{"role": "user", "content": [{"type": "image_url", "image_url": "ms://f1"}]}]
    assert worst_usage(asked(messages=media), 1000).prompt_tokens == 1000


def test_the_dearest_of_the_permitted_models_counts_and_no_price_counts_nothing() -> None:
    request = asked(max_tokens=10)
    free = Model(id="f", context_length=1000)
    assert tariff(free).worst_nano(request) == 0
    assert tariff(free, MODEL).worst_nano(request) == tariff(MODEL).worst_nano(request) > 0
    assert tariff(free).currencies == frozenset()
    assert tariff(free, MODEL).currencies == {"USD"}


@given(
    prompt=st.integers(0, 600),
    completion=st.integers(0, 300),
    cached=st.integers(0, 600),
)
def test_what_a_bounded_call_costs_is_never_more_than_was_set_aside(
    prompt: int, completion: int, cached: int
) -> None:
    request = asked(max_tokens=300, padding="x" * 600)
    used = Usage(prompt_tokens=prompt, completion_tokens=completion, cached_tokens=min(cached, prompt))
    _, taken = tariff(MODEL).charge(answered(used), request, "USD")
    assert taken.nano is not None
    assert 0 <= taken.nano <= tariff(MODEL).worst_nano(request)


def test_the_usage_of_the_answer_is_charged_at_the_price_of_the_model_that_answered() -> None:
    cheap = Model(id="c", price=Price(currency="USD", input=Decimal(1), output=Decimal(1), basis="cheap"))
    used = Usage(prompt_tokens=1000, completion_tokens=100, cached_tokens=200)
    usage, taken = tariff(MODEL, cheap).charge(answered(used), asked(), "USD")
    assert (usage, taken.nano, taken.basis) == (used, 800 * 950 + 200 * 160 + 100 * 4000, "listed")
    assert tariff(MODEL, cheap).charge(answered(used, model="c"), asked(), "USD")[1].basis == "cheap"
    assert tariff(MODEL, cheap).charge(answered(used, model="other"), asked(), "USD")[1].basis == "listed"


def test_a_cost_that_the_endpoint_reports_comes_first() -> None:
    used = Usage(prompt_tokens=1000, reported_cost=Money.of("0.5", "USD"))
    _, taken = tariff(MODEL, provider="openrouter").charge(answered(used), asked(), "USD")
    assert (taken.nano, taken.basis) == (500_000_000, "reported by the endpoint")


def test_without_usage_an_estimate_is_charged_and_says_so() -> None:
    usage, taken = tariff(MODEL).charge(answered(None, content="x" * 41), asked(), "USD")
    assert usage.completion_tokens == 11
    assert taken.basis == "listed; tokens estimated, the answer gave no usage"
    assert taken.nano
    assert estimated(answered(None), asked()).completion_tokens == 0


def test_the_embedded_models_price_is_fictional_and_says_so() -> None:
    used = Usage(prompt_tokens=1000, completion_tokens=100, cached_tokens=100)
    _, taken = tariff(Model(id="m"), provider="local").charge(answered(used), asked(), "USD")
    assert (taken.nano, taken.basis) == (900 * 1000 + 100 * 100 + 100 * 2000, FICTIONAL)
