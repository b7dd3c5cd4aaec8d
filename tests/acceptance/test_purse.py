"""Money of a run: reserved at the worst, settled by what came, never above the cap."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from moongate.acceptance.judges import seen
from moongate.acceptance.probe import Ask
from moongate.acceptance.purse import MARGIN_TOKENS, Purse
from moongate.facts.money import Money, Price
from moongate.wire.calls import encoded
from moongate.wire.replies import Reply

PRICE = Price(currency="USD", input=Decimal(1), output=Decimal(4), cached_input=Decimal("0.1"))
DEAR = Price(currency="USD", input=Decimal(10), output=Decimal(40))
FIELDS = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
CHAT = Ask(method="POST", path="/chat/completions", fields=FIELDS, worst_tokens=100)


def _purse(cap: str = "1", price: Price | None = PRICE) -> Purse:
    return Purse(Money.of(cap, "USD"), price, price and DEAR)


def _usage(prompt: int, completion: int) -> Reply:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion}
    return Reply(status=200, body=msgspec.json.encode({"usage": usage}))


def test_the_worst_counts_every_byte_a_margin_and_the_whole_answer() -> None:
    prompt = len(encoded(FIELDS)) + MARGIN_TOKENS
    assert _purse().worst([CHAT]) == PRICE.cost(prompt_tokens=prompt, completion_tokens=100)
    assert _purse().worst([CHAT], unlisted=True) == DEAR.cost(prompt_tokens=prompt, completion_tokens=100)


def test_what_names_no_model_is_free_and_needs_no_price() -> None:
    asks = [Ask(method="GET", path="/models"), Ask(method="POST", path="/x", key="none")]
    assert _purse(price=None).worst(asks) == Money(nano=0, currency="USD")
    assert _purse(price=None).worst([CHAT]) is None


def test_what_does_not_fit_is_objected_to() -> None:
    purse = _purse("0.001")
    worst = purse.worst([CHAT])
    assert worst is not None
    assert purse.objection(worst) is None
    purse.settle(worst, None)
    assert "over the cap" in (purse.objection(worst) or "")
    assert "no price" in (purse.objection(None) or "")


@pytest.mark.parametrize(
    ("reply", "nano"),
    [
        (Reply(status=400, body=b"{}"), 0),
        (Reply(status=429, body=b"{}"), 0),
        (_usage(10, 5), 30_000),
        (Reply(status=200, body=b"{}"), 777),
        (Reply(status=503, body=b"{}"), 777),
        (None, 777),
    ],
    ids=["refused", "limited", "answered", "no-usage", "failed", "lost"],
)
def test_settling(reply: Reply | None, nano: int) -> None:
    purse = _purse()
    purse.settle(Money(nano=777, currency="USD"), None if reply is None else seen(reply))
    assert purse.spent.nano == nano
