"""What a call cost, and on what ground we say so.

Best ground first: the cost that the endpoint itself reported, the price in its live list, the packaged list price
with its date. Without any of them there is no cost, never a zero.
"""

from __future__ import annotations

import functools
import tomllib
from decimal import Decimal
from importlib import resources

from moongate.facts.chat import Cost, Usage
from moongate.facts.models import Model
from moongate.facts.money import Price
from moongate.facts.providers import Provider


def cost_of(usage: Usage | None, model: Model | None, row: Provider) -> Cost | None:
    """Return the cost of one call at the endpoint of `row`, or None when nothing is known."""
    if usage is None:
        return None
    if usage.reported_cost is not None:
        return Cost(money=usage.reported_cost, basis="reported by the endpoint")
    price = price_of(model, row) if model else None
    if price is None:
        return None
    money = price.cost(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.cached_tokens,
    )
    return Cost(money=money, basis=price.basis)


def price_of(model: Model, row: Provider) -> Price | None:
    """Return the best known price of a listed model.

    A packaged price counts only at the endpoint it was published for, not at another address under its name.
    """
    if model.price is not None:
        return model.price
    return _list_prices().get((row.name, model.id)) if row.at_home else None


@functools.cache
def _list_prices() -> dict[tuple[str, str], Price]:
    text = resources.files("moongate.facts").joinpath("prices.toml").read_text("utf-8")
    return {
        (table["provider"], model_id): Price(
            currency=table["currency"],
            basis=f"list price of {table['date']} ({table['source']}), not verified since",
            **{name: Decimal(value) for name, value in amounts.items()},
        )
        for table in tomllib.loads(text)["price"]
        for model_id, amounts in table["models"].items()
    }
