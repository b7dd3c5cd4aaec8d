"""What a call cost, and on what ground: reported, listed live, packaged; never a made-up zero."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.facts.chat import Usage
from moongate.facts.models import Model
from moongate.facts.money import Money, Price
from moongate.facts.providers import at, built_in
from moongate.ledger.price import batch_price_of, bounding_price, cost_of, price_of
from moongate.testing import Readings
from moongate.testing.chat import Completion
from moongate.testing.chat import Usage as Spent
from moongate.testing.shapes import body, events
from moongate.wire import calls
from moongate.wire.replies import Reply
from moongate.wire.stream import ChatStream

ROWS = built_in()
USED = Usage(prompt_tokens=1_000_000, completion_tokens=1_000_000, cached_tokens=500_000)
LIVE = Price(currency="USD", input=Decimal(1), output=Decimal(2), basis="price in the live list")
K26 = Model(id="kimi-k2.6")


@pytest.mark.parametrize(
    ("provider", "model_id", "cost"),
    [
        ("moonshot", "kimi-k2.6", "4.555 USD"),
        ("moonshot-cn", "kimi-k2.6", "30.8 CNY"),
        ("moonshot", "kimi-k3", "16.65 USD"),
        ("moonshot", "moonshot-v1-8k", "2.2 USD"),  # no price for cached tokens: they cost what others do
        ("moonshot", "kimi-k9", None),
        ("kimi-code", "kimi-k2.6", None),
        ("openrouter", "kimi-k2.6", None),
    ],
)
def test_packaged_prices_where_they_were_published(provider: str, model_id: str, cost: str | None) -> None:
    found = cost_of(USED, Model(id=model_id), ROWS[provider])
    assert (str(found.money) if found else None) == cost
    assert found is None or ("list price of 2026-" in found.basis and "not verified since" in found.basis)


def test_a_packaged_price_says_nothing_about_another_address() -> None:
    assert price_of(K26, at(ROWS["moonshot"], "http://127.0.0.1:9/v1")) is None


def test_the_best_ground_comes_first() -> None:
    listed = replace(K26, price=LIVE)
    reported = replace(USED, reported_cost=Money.of("0.5", "USD"))
    for model in (listed, K26, None):
        found = cost_of(reported, model, ROWS["moonshot"])
        assert found is not None and (str(found.money), found.basis) == ("0.5 USD", "reported by the endpoint")
    found = cost_of(USED, listed, ROWS["moonshot"])
    assert found is not None and (str(found.money), found.basis) == ("3 USD", "price in the live list")


def test_the_users_own_price_comes_before_all_lists_but_not_before_what_was_charged() -> None:
    own = Price(currency="USD", input=Decimal(7), output=Decimal(1), basis="your price in config.toml")
    moved = at(ROWS["moonshot"], "http://127.0.0.1:9/v1")  # where no packaged price counts
    for row in (ROWS["moonshot"], moved):
        row = replace(row, prices={"kimi-k2.6": own})
        for model in (K26, replace(K26, price=LIVE)):
            found = cost_of(USED, model, row)
            assert found is not None and (str(found.money), found.basis) == ("8 USD", "your price in config.toml")
        reported = cost_of(replace(USED, reported_cost=Money.of("0.5", "USD")), K26, row)
        assert reported is not None and str(reported.money) == "0.5 USD"
        assert price_of(Model(id="kimi-k9"), row) is None
    hash(row)


def test_what_bounds_a_batch_is_its_own_price_wherever_it_is_sent_else_that_of_chats() -> None:
    home = ROWS["moonshot"]
    away = replace(home, base_url="http://127.0.0.1:8000/v1")
    chats, batch = (
        bounding_price(Model(id="kimi-k2.6"), away),
        bounding_price(Model(id="kimi-k2.6"), away, batch=True),
    )
    assert chats is not None and batch is not None and batch.output == chats.output * Decimal("0.60")
    assert "taken to hold at 127.0.0.1" in batch.basis
    other = bounding_price(Model(id="kimi-k3"), home, batch=True)
    assert other is not None and other.output == 15 and "no price of batches is known" in other.basis
    assert bounding_price(None, home, batch=True) is None is bounding_price(Model(id="no-price"), away, batch=True)


def test_nothing_known_is_no_cost() -> None:
    assert cost_of(None, K26, ROWS["moonshot"]) is None is cost_of(USED, None, ROWS["moonshot"])


def test_a_batch_costs_a_published_share() -> None:
    found = batch_price_of(K26, ROWS["moonshot"])
    assert found is not None and (found.input, found.output, found.cached_input) == (
        Decimal("0.57"),
        Decimal("2.40"),
        Decimal("0.096"),
    )
    assert "a batch costs 60% of it (2026-08-13)" in found.basis
    assert batch_price_of(Model(id="kimi-k3"), ROWS["moonshot"]) is None  # it takes none
    assert batch_price_of(K26, ROWS["moonshot-cn"]) is None  # nobody published a share
    assert batch_price_of(replace(K26, price=LIVE), at(ROWS["moonshot"], "http://127.0.0.1:9/v1")) is None


tokens = st.integers(0, 10**9)
amounts = st.decimals(0, 1000, places=6)
readings = st.builds(
    Readings,
    usage_in_stream=st.sampled_from(["both", "choice", "top"]),
    usage_null=st.booleans(),
    cached_tokens=st.sampled_from(["both", "top"]),
)
completions = st.builds(
    Completion,
    id=st.just("x"),
    created=st.just(1),
    model=st.just("kimi-k2.6"),
    content=st.text(max_size=20),
    reasoning=st.none() | st.text(max_size=20),
    tool_calls=st.just(()),
    finish_reason=st.just("stop"),
    usage=st.builds(Spent, prompt=tokens, completion=tokens, cached=tokens, reasoning=tokens),
    cost=amounts,
    piece=st.integers(1, 30),
)


@given(
    completions,
    st.sampled_from(["moonshot", "openrouter", "aimlapi", "openai"]),
    readings,
    st.booleans(),
    st.none() | st.builds(Price, currency=st.just("USD"), input=amounts, output=amounts, cached_input=amounts),
)
def test_a_cost_never_differs_between_plain_and_streamed(
    done: Completion, dialect: Any, read: Readings, usage_asked: bool, own: Price | None
) -> None:
    usage_asked = usage_asked or dialect in ("aimlapi", "openai")  # these two say nothing unasked
    row = replace(ROWS["moonshot"], dialect=dialect, prices={} if own is None else {"kimi-k2.6": own})
    call = calls.chat(row, b"{}", model="kimi-k2.6")
    plain = call.decode(Reply(status=200, body=msgspec.json.encode(body(done, dialect=dialect, readings=read))))
    stream = ChatStream(row, asked_model="kimi-k2.6")
    for event in events(done, dialect=dialect, readings=read, include_usage=usage_asked):
        stream.feed(event)
    streamed = stream.finish()
    assert cost_of(plain.usage, K26, row) == cost_of(streamed.usage, K26, row)
    assert plain.usage == streamed.usage and plain.content == streamed.content
