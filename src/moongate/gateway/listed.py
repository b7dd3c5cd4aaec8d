"""GET /v1/models: one row for each spelling that a key may ask for, with Moonshot's fields and the price. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from moongate.facts.models import Model
from moongate.facts.money import MILLION, Price
from moongate.facts.providers import Provider
from moongate.gateway.meter import is_embedded, price_of
from moongate.gateway.seams import Target

REMEMBERED = 64
Spellings = tuple[tuple[str, Target], ...]


class Listed:
    """The list as bytes, written once for each set of spellings: with hundreds of rows it takes milliseconds."""

    def __init__(self) -> None:
        self._written: dict[int, tuple[Spellings, bytes]] = {}

    def body(self, spellings: Spellings) -> bytes:
        """Return the body of an answer."""
        known = self._written.get(id(spellings))
        if known is not None and known[0] is spellings:
            return known[1]
        if len(self._written) >= REMEMBERED:
            self._written.clear()
        body = msgspec.json.encode(listed(spellings))
        self._written[id(spellings)] = (spellings, body)
        return body


def listed(spellings: Spellings) -> dict[str, Any]:
    """Return the list as a document."""
    return {"object": "list", "data": [_row(name, target.model, target.row) for name, target in spellings]}


def _row(name: str, model: Model | None, row: Provider) -> dict[str, Any]:
    """Return one row. `suffixes` are endings that the provider takes on this id besides."""
    raw = {} if model is None else model.raw
    created, owner = raw.get("created"), raw.get("owned_by")
    shown: dict[str, Any] = {
        "id": name,
        "object": "model",
        "created": created if type(created) is int else 0,
        "owned_by": "moongate" if is_embedded(row) else owner if isinstance(owner, str) and owner else row.name,
        "context_length": None if model is None else model.context_length,
        "supports_image_in": model is not None and "image" in model.input,
        "supports_video_in": model is not None and "video" in model.input,
        "supports_reasoning": model is not None and bool(model.reasoning),
    }
    if row.suffixes and model is not None and name.endswith((model.id, *model.aliases)):
        shown["suffixes"] = list(row.suffixes)
    price = price_of(model, row)
    return shown if price is None else shown | {"pricing": _pricing(price)}


def _pricing(price: Price) -> dict[str, str]:
    """Return a price per token, as decimal texts, in the shape that OpenRouter's list made common."""
    cached = price.input if price.cached_input is None else price.cached_input
    amounts = {"prompt": price.input, "completion": price.output, "input_cache_read": cached}
    shown = {name: _plain(amount / MILLION) for name, amount in amounts.items()}
    return {**shown, "currency": price.currency, "note": price.basis}


def _plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f")
