"""A model list in any of the shapes that endpoints serve, read into one `Listing`.

Shapes: `{"object": "list", "data": […]}` (Moonshot, Kimi Code), the same without `object` (OpenRouter), rows with
`aliases` and repeated ids (AIMLAPI), a bare array (Together), `max_model_len` (vLLM), `meta.n_ctx` (llama.cpp),
`{"models": […]}`. A row without a usable id is skipped and counted; a body without rows is an error, never an
empty list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from moongate.errors import NotJsonError
from moongate.facts.models import Listing, Model
from moongate.facts.money import MILLION, Price
from moongate.facts.providers import Provider
from moongate.wire.replies import decode

MAX_ID_LENGTH = 512
_INPUT_FLAGS = (("image", "supports_image_in"), ("video", "supports_video_in"))
_CONTEXT_KEYS = ("context_length", "context_window", "max_model_len", "context_size")


def listing_from(body: bytes, row: Provider, *, fetched_at: float) -> Listing:
    """Return what a `/models` body lists.

    Raises NotJsonError when the body is not JSON or holds no rows of any known shape.
    """
    payload = decode(body, what=f"The model list of {row.host}")
    rows = _rows(payload, row)
    models: dict[str, Model] = {}
    skipped = 0
    for raw in rows:
        model = _model(raw, row)
        if model is None:
            skipped += 1
        elif model.id in models:  # AIMLAPI lists an id once per endpoint type
            models[model.id] = _merged(models[model.id], model)
        else:
            models[model.id] = model
    if rows and not models:
        raise NotJsonError(
            f"The model list of {row.host} has {len(rows)} rows, but none with an id.", advice="Check the base url."
        )
    return Listing(
        provider=row.name,
        base_url=row.base_url,
        fetched_at=fetched_at,
        models=tuple(models.values()),
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        skipped=skipped,
        partial=_partial(payload, rows, skipped),
    )


def _partial(payload: Any, rows: list[Any], skipped: int) -> str:
    """Return why there may be more models than these rows name, or "".

    `has_more` is the OpenAI API's mark of a page, `total_count` and `links.next` are OpenRouter's.
    """
    said = payload if isinstance(payload, dict) else {}
    links = said.get("links")
    total = said.get("total_count")
    if said.get("has_more") is True or (isinstance(links, dict) and links.get("next")):
        return "it is the first page of several"
    if type(total) is int and total > len(rows):
        return f"it has {len(rows)} rows of {total}"
    if skipped:
        return f"{skipped} of its rows carry no usable id"
    return "" if rows else "it is empty"


def _rows(payload: Any, row: Provider) -> list[Any]:
    if isinstance(payload, list):
        return payload
    if isinstance(payload, dict):
        for key in ("data", "models"):
            if isinstance(payload.get(key), list):
                return list(payload[key])
    raise NotJsonError(
        f"{row.host} answered the model list with JSON of another kind.",
        advice="Check the base url: it should be the address below which /models lies.",
    )


def _model(raw: Any, row: Provider) -> Model | None:
    if not isinstance(raw, dict):
        return None
    model_id = raw.get("id") or raw.get("model_id")
    if not isinstance(model_id, str) or not is_usable(model_id):
        return None
    return Model(
        id=model_id,
        aliases=tuple(a for a in _aliases(raw) if a != model_id),
        context_length=_context(raw),
        input=_inputs(raw),
        reasoning=_reasoning(raw),
        floating=row.is_floating(model_id) or isinstance(raw.get("alias_target"), dict),
        expires=raw["expiration_date"] if isinstance(raw.get("expiration_date"), str) else None,
        price=_price(raw.get("pricing"), row),
        raw=raw,
    )


def is_usable(model_id: str) -> bool:
    """Say whether a text can be an id: one printable line without blanks around it, of a sane length."""
    return 0 < len(model_id) <= MAX_ID_LENGTH and model_id.isprintable() and model_id == model_id.strip()


def _merged(first: Model, again: Model) -> Model:
    """Return the first row with the aliases of both."""
    aliases = tuple(dict.fromkeys(first.aliases + again.aliases))
    return replace(first, aliases=aliases)


def _aliases(raw: Mapping[str, Any]) -> Iterator[str]:
    aliases = raw.get("aliases")
    if isinstance(aliases, list):
        yield from (a for a in aliases if isinstance(a, str) and is_usable(a))


def _context(raw: Mapping[str, Any]) -> int | None:
    info, meta = raw.get("info"), raw.get("meta")
    candidates = [raw.get(key) for key in _CONTEXT_KEYS]
    candidates.append(info.get("contextLength") if isinstance(info, dict) else None)
    candidates.append(meta.get("n_ctx") if isinstance(meta, dict) else None)
    return next((value for value in candidates if type(value) is int and value > 0), None)


def says_inputs(raw: Mapping[str, Any]) -> bool:
    """Say whether a row tells what the model takes; "text" is taken for granted where it does not."""
    architecture = raw.get("architecture")
    modalities = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    return isinstance(modalities, list) or any(isinstance(raw.get(flag), bool) for _, flag in _INPUT_FLAGS)


def _inputs(raw: Mapping[str, Any]) -> tuple[str, ...]:
    architecture = raw.get("architecture")
    if isinstance(architecture, dict) and isinstance(architecture.get("input_modalities"), list):
        return tuple(m for m in architecture["input_modalities"] if isinstance(m, str)) or ("text",)
    return ("text", *(kind for kind, flag in _INPUT_FLAGS if raw.get(flag) is True))


def _reasoning(raw: Mapping[str, Any]) -> bool | None:
    if isinstance(raw.get("supports_reasoning"), bool):
        return bool(raw["supports_reasoning"])
    parameters = raw.get("supported_parameters")
    return "reasoning" in parameters if isinstance(parameters, list) else None


def _price(pricing: Any, row: Provider) -> Price | None:
    """Read a price in either shape that lists carry; a number that cannot be one makes it no price."""
    try:
        amounts = _per_token(pricing) or _per_units(pricing)
    except (ArithmeticError, TypeError, ValueError):
        return None
    if amounts is None or not all(amount.is_finite() and 0 <= amount < MILLION for amount in amounts.values()):
        return None  # nobody takes a whole unit for one token; negative prices mark routers
    note = f", {pricing['note']}" if isinstance(pricing.get("note"), str) else ""
    return Price(
        currency=str(pricing.get("currency") or row.currency or "USD"),
        basis=f"price in the live list of {row.host}{note}",
        **amounts,
    )


def _per_token(pricing: Any) -> dict[str, Decimal] | None:
    """Read OpenRouter's shape: decimal strings per token."""
    if not isinstance(pricing, dict) or "prompt" not in pricing or "completion" not in pricing:
        return None
    names = {"input": "prompt", "output": "completion", "cached_input": "input_cache_read"}
    amounts = {
        name: Decimal(str(pricing[key])) * MILLION for name, key in names.items() if pricing.get(key) is not None
    }
    return amounts if {"input", "output"} <= amounts.keys() else None


_ORIGINS = {"provided": "input", "generated": "output", "cached": "cached_input"}


def _per_units(pricing: Any) -> dict[str, Decimal] | None:
    """Read AIMLAPI's shape: what so many text tokens cost, by where they come from (its own code, 2026-09-11)."""
    if not isinstance(pricing, dict) or pricing.get("kind") != "fixed" or not isinstance(pricing.get("units"), list):
        return None
    amounts = {
        _ORIGINS[unit["origin"]]: Decimal(str(unit["price"])) * MILLION / Decimal(str(unit["per"]))
        for unit in pricing["units"]
        if isinstance(unit, dict)
        and (unit.get("name"), unit.get("content", "text")) == ("token", "text")
        and unit.get("origin") in _ORIGINS
    }
    return amounts if {"input", "output"} <= amounts.keys() else None
