"""What the probes may cost, held against a cap: reserved at the worst before a request leaves, settled afterwards.

The worst is an upper bound by construction: a token is at least one byte of the body, a chat template adds less than
`MARGIN_TOKENS`, and every answer is limited by what its probe says. Reads no balance and sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from moongate.acceptance.judges import Seen
from moongate.acceptance.probe import Ask
from moongate.facts.models import Listing
from moongate.facts.money import Money, Price
from moongate.facts.providers import Provider
from moongate.ledger.price import bounding_price
from moongate.wire.calls import encoded

MARGIN_TOKENS = 512  # a chat template and a hidden preamble; about 80 were observed (2026-07-17)


class Purse:
    """The money of one run. `spent` never exceeds `cap` as long as the endpoint keeps the limits it is given."""

    def __init__(self, cap: Money, price: Price | None, dearest: Price | None) -> None:
        self.cap = cap
        self.spent = Money(nano=0, currency=cap.currency)
        self._price, self._dearest = price, dearest

    def worst(self, asks: Iterable[Ask], *, unlisted: bool = False) -> Money | None:
        """Return the most that these requests can cost, nothing for those that name no model, None if unknown."""
        price = self._dearest if unlisted else self._price
        total = Money(nano=0, currency=self.cap.currency)
        for ask in asks:
            if not ask.is_priced:
                continue
            if price is None:
                return None
            prompt = len(encoded(ask.fields or {})) + MARGIN_TOKENS + ask.more_prompt
            total += price.cost(prompt_tokens=prompt, completion_tokens=ask.worst_tokens)
        return total

    def objection(self, worst: Money | None) -> str | None:
        """Say why the requests may not be sent, or None if they may."""
        if worst is None:
            return "not run: no price of this model is known here, so no cap could be kept"
        left = self.cap - self.spent
        if worst.nano > left.nano:
            return f"not run, over the cap: it may cost up to {worst}, and {left} of {self.cap} is left"
        return None

    def settle(self, worst: Money, reply: Seen | None) -> Money:
        """Book what one request cost, and return it.

        A refusal costs nothing (documentation, 2026-08-13: interrupted and refused requests are not charged). An
        answer costs what its usage says. A request whose end is not known, or an answer without usage, costs the
        worst.
        """
        cost = self._cost(worst, reply)
        self.spent += cost
        return cost

    def _cost(self, worst: Money, reply: Seen | None) -> Money:
        if reply is not None and 300 <= reply.status < 500:
            return Money(nano=0, currency=self.cap.currency)
        used = reply.usage if reply is not None and reply.ok else None
        if used is None or self._price is None:
            return worst
        return self._price.cost(
            prompt_tokens=used.prompt_tokens,
            completion_tokens=used.completion_tokens,
            cached_tokens=used.cached_tokens,
        )


def dearest_price(listing: Listing, row: Provider) -> Price | None:
    """Return a price that no listed model with a known one exceeds, for an id that has none."""
    found = [price for model in listing.models if (price := bounding_price(model, row)) is not None]
    if not found:
        return None
    return Price(
        currency=found[0].currency,
        input=max((price.input for price in found), default=Decimal(0)),
        output=max((price.output for price in found), default=Decimal(0)),
    )
