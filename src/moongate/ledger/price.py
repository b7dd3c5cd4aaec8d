"""What a call cost, and on what ground we say so.

Best ground first: the cost that the endpoint itself reported, the user's own price, the price in the live list, the
packaged list price with its date. Without any of them there is no cost, never a zero.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import replace
from decimal import Decimal
from importlib import resources
from typing import Any

from moongate.facts.chat import Cost, Usage
from moongate.facts.models import Model
from moongate.facts.money import Price
from moongate.facts.providers import Provider, built_in


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
    if model.id in row.prices:
        return row.prices[model.id]
    if model.price is not None:
        return model.price
    return _list_prices().get((row.name, model.id)) if row.at_home else None


def bounding_price(model: Model | None, row: Provider, *, batch: bool = False) -> Price | None:
    """Return the price that bounds a run: of the live list, else the packaged one of the provider.

    At another address than the provider's own the packaged price is taken too, and its basis says so: a bound on
    what the platform would charge, not knowledge of what that address charges. For a `batch` it is that of batches,
    and where none is known that of chats, which batches are taken not to pass.
    """
    if model is None:
        return None
    price, home = _known_price(model, row, batch=batch), built_in().get(row.name)
    if price is not None or home is None:
        return price
    price = _known_price(model, replace(row, base_url=home.base_url), batch=batch)
    return price and replace(price, basis=f"{price.basis}; taken to hold at {row.host} too")


def _known_price(model: Model, row: Provider, *, batch: bool) -> Price | None:
    price = price_of(model, row)
    if not batch or price is None:
        return price
    return batch_price_of(model, row) or replace(price, basis=f"{price.basis}; no price of batches is known")


def batch_price_of(model: Model, row: Provider) -> Price | None:
    """Return the best known price of a model's lines in a batch; None where no batch price was published."""
    price, share = price_of(model, row), _batch_shares().get((row.name, model.id))
    if price is None or share is None or not row.at_home:
        return None
    cached = None if price.cached_input is None else price.cached_input * share[0]
    return Price(
        currency=price.currency,
        input=price.input * share[0],
        output=price.output * share[0],
        cached_input=cached,
        basis=f"{price.basis}; a batch costs {share[0]:.0%} of it ({share[1]})",
    )


@functools.cache
def _batch_shares() -> dict[tuple[str, str], tuple[Decimal, str]]:
    """Return what a batch costs of the list price, by provider and model, with the date of the source."""
    return {
        (table["provider"], model_id): (Decimal(table["batch"]["share"]), str(table["date"]))
        for table in _tables()
        if "batch" in table
        for model_id in table["batch"]["models"]
    }


@functools.cache
def _tables() -> list[dict[str, Any]]:
    text = resources.files("moongate.facts").joinpath("prices.toml").read_text("utf-8")
    tables: list[dict[str, Any]] = tomllib.loads(text)["price"]
    return tables


@functools.cache
def _list_prices() -> dict[tuple[str, str], Price]:
    return {
        (table["provider"], model_id): Price(
            currency=table["currency"],
            basis=f"list price of {table['date']} ({table['source']}), not verified since",
            **{name: Decimal(value) for name, value in amounts.items()},
        )
        for table in _tables()
        for model_id, amounts in table["models"].items()
    }
