"""Which models the fake serves: rows of models.toml, or whatever ids and rows a test hands in.

Says nothing about what a model accepts (`rules`) nor how a list looks on the wire (`listing`).
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

Family = Literal["k3", "k2.7-code", "k2.6", "k2.5", "moonshot-v1", "none"]


@dataclass(frozen=True, kw_only=True)
class Price:
    """Money per million tokens, in one currency."""

    hit: Decimal
    miss: Decimal
    output: Decimal


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """One model of the fake. Fields that only one dialect shows are empty elsewhere."""

    id: str
    family: Family = "none"  # which row of params.toml judges its requests
    context_length: int = 262_144  # tokens
    created: int | None = None
    image: bool = True
    video: bool = True
    reasoning: bool = True
    dynamic_tools: bool | None = None
    efforts: tuple[str, ...] = ()
    effort: str = "max"  # the default one of `efforts`
    thinking: str | None = None  # supports_thinking_type
    display_name: str = ""
    aliases: tuple[str, ...] = ()
    answers_as: str | None = None  # the id that answers carry, where it differs
    alias_target: str | None = None
    slug: str = ""
    twice: bool = False  # the list repeats the row under another type
    usd: Price | None = None
    cny: Price | None = None
    row: Mapping[str, Any] | None = field(default=None, compare=False)  # the list's row, when a test gave it whole

    def price(self, currency: str) -> Price | None:
        """Return the price row of a currency, None where there is none."""
        return {"USD": self.usd, "CNY": self.cny}.get(currency)


@functools.cache
def _shelves() -> dict[str, dict[str, dict[str, Any]]]:
    text = importlib.resources.files("moongate.testing").joinpath("models.toml").read_text("utf-8")
    return tomllib.loads(text)


@functools.cache
def known() -> dict[str, dict[str, ServedModel]]:
    """Return the rows of models.toml: shelf → id → model; a shelf is a product or a dialect."""
    return {shelf: {id_: _model(id_, row) for id_, row in rows.items()} for shelf, rows in _shelves().items()}


def default_ids(shelf: str) -> tuple[str, ...]:
    """Return the ids that a shelf serves when a test names none."""
    return tuple(id_ for id_, row in _shelves()[shelf].items() if row.get("default"))


def _model(id_: str, row: Mapping[str, Any]) -> ServedModel:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    values.pop("default", None)
    for currency in ("usd", "cny"):
        if currency in values:
            hit, miss, output = (Decimal(number) for number in values[currency])
            values[currency] = Price(hit=hit, miss=miss, output=output)
    return ServedModel(id=id_, **values)


def shelf_of(dialect: str, product: str) -> str:
    """Name the rows that belong to a dialect and a product."""
    return product if dialect == "moonshot" else dialect


def served(models: Iterable[str | Mapping[str, Any]] | None, shelf: str) -> tuple[ServedModel, ...]:
    """Turn ids and whole rows into models; None means the shelf's default ids.

    An id that models.toml does not know gets the capabilities of a modern Kimi and no parameter rules.
    """
    wanted = default_ids(shelf) if models is None else models
    return tuple(_served(model, shelf) for model in wanted)


def _served(model: str | Mapping[str, Any], shelf: str) -> ServedModel:
    if isinstance(model, str):
        return (
            known()[shelf].get(model)
            or known()["platform"].get(model)
            or ServedModel(id=model, created=1_776_700_000)
        )
    base = _served(str(model["id"]), shelf)
    names = {"supports_image_in": "image", "supports_video_in": "video", "supports_reasoning": "reasoning"}
    fields: dict[str, Any] = {
        names.get(key, key): value for key, value in model.items() if key in names or key == "context_length"
    }
    aliases = tuple(model.get("aliases", base.aliases))
    return dataclasses.replace(base, aliases=aliases, row=dict(model), **fields)


def find(models: Iterable[ServedModel], name: str, dialect: str) -> ServedModel | None:
    """Return the model that answers to a wire name: its id, a declared alias, at OpenRouter also id plus suffix."""
    models = tuple(models)
    bare = name.rsplit(":", 1)[0] if name.endswith((":nitro", ":floor", ":exacto", ":online")) else name
    wanted = {name, bare} if dialect == "openrouter" else {name}
    for model in models:
        if model.id in wanted or (dialect == "openrouter" and model.slug in wanted):
            return model
    return next((model for model in models if name in model.aliases), None)
