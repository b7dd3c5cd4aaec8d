"""The body of a model list in each dialect's own shape, and the balances and keys that stand beside it.

Pure: models in, JSON values out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from moongate.testing.models import ServedModel

Shape = Literal["list", "array", "vllm"]


def listed(models: Iterable[ServedModel], *, dialect: str, product: str, shape: Shape, priced: bool = False) -> Any:
    """Return the list as this dialect sends it; `array` drops the envelope, `vllm` gives rows max_model_len.

    AIMLAPI's rows have prices only where they were asked for.
    """
    rows = [row for model in models for row in _rows(model, dialect, product, shape)]
    if priced and dialect == "aimlapi":
        prices = {model.id: _units(model) for model in models}
        rows = [row | ({"pricing": prices[row["id"]]} if prices.get(row["id"]) else {}) for row in rows]
    if shape == "array":
        return rows
    if dialect == "openrouter":
        return {"data": rows, "total_count": len(rows), "links": {"next": None}}
    body = {"object": "list", "data": rows}
    return body | {"has_more": False} if product == "code" and dialect == "moonshot" else body


def _rows(model: ServedModel, dialect: str, product: str, shape: Shape) -> list[dict[str, Any]]:
    if model.row is not None:
        return [dict(model.row)]
    if shape == "vllm":
        return [_vllm(model)]
    if dialect == "openrouter":
        return [_openrouter(model)]
    if dialect == "aimlapi":
        kinds = ["openai/chat-completions", *(["openai/responses"] if model.twice else [])]
        return [_aimlapi(model, kind) for kind in kinds]
    if dialect == "openai":
        return [{"id": model.id, "object": "model", "created": model.created or 0, "owned_by": "organization"}]
    return [_code(model) if product == "code" else _moonshot(model)]


def _abilities(model: ServedModel) -> dict[str, Any]:
    row: dict[str, Any] = {
        "context_length": model.context_length,
        "supports_image_in": model.image,
        "supports_video_in": model.video,
        "supports_reasoning": model.reasoning,
    }
    if model.dynamic_tools is not None:
        row["supports_dynamic_tools"] = model.dynamic_tools
    if model.thinking is not None:
        row["supports_thinking_type"] = model.thinking
    if model.efforts:
        row["think_efforts"] = {
            "support": True,
            "valid_efforts": list(model.efforts),
            "default_effort": model.effort,
        }
    return row


def _moonshot(model: ServedModel) -> dict[str, Any]:
    row = {"id": model.id, "object": "model", "created": model.created or 0, "owned_by": "moonshot"}
    row |= _abilities(model)
    if "think_efforts" in row:
        row["reasoning_efforts"] = row["think_efforts"]
    return row


def _code(model: ServedModel) -> dict[str, Any]:
    row: dict[str, Any] = {"id": model.id, "object": "model", "display_name": model.display_name or model.id}
    if model.created is not None:
        row["created"] = model.created
    return row | {"type": "model"} | _abilities(model)


def _vllm(model: ServedModel) -> dict[str, Any]:
    return {
        "id": model.id,
        "object": "model",
        "created": model.created or 0,
        "owned_by": "vllm",
        "root": model.id,
        "parent": None,
        "max_model_len": model.context_length,
        "permission": [],
    }


def _openrouter(model: ServedModel) -> dict[str, Any]:
    slug = model.slug or model.id
    inputs = ["text", *(["image"] if model.image else [])]
    row: dict[str, Any] = {
        "id": model.id,
        "canonical_slug": slug,
        "name": model.display_name or model.id,
        "created": model.created or 0,
        "description": f"{model.display_name or model.id}, served by the offline test server.",
        "context_length": model.context_length,
        "architecture": {
            "modality": f"{'+'.join(inputs)}->text",
            "input_modalities": inputs,
            "output_modalities": ["text"],
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": _per_token(model),
        "top_provider": {
            "context_length": model.context_length,
            "max_completion_tokens": None,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": ["max_tokens", "response_format", "stop", "tool_choice", "tools"],
        "supported_voices": None,
        "default_parameters": None,
        "expiration_date": None,
        "knowledge_cutoff": None,
        "links": {"details": f"/api/v1/models/{slug}/endpoints"},
    }
    if model.alias_target:
        row["alias_target"] = {"name": model.alias_target, "slug": model.alias_target}
    return row


def _per_token(model: ServedModel) -> dict[str, str]:
    if model.usd is None:
        return {"prompt": "0", "completion": "0"}
    amounts = {"prompt": model.usd.miss, "completion": model.usd.output, "input_cache_read": model.usd.hit}
    return {name: format((amount / 1_000_000).normalize(), "f") for name, amount in amounts.items()}


def _units(model: ServedModel) -> dict[str, Any]:
    if model.usd is None:
        return {}
    amounts = {"provided": model.usd.miss, "generated": model.usd.output, "cached": model.usd.hit}
    units = [
        {"name": "token", "content": "text", "origin": origin, "price": float(amount), "per": 1_000_000}
        for origin, amount in amounts.items()
    ]
    return {"kind": "fixed", "currency": "USD", "units": units}


def _aimlapi(model: ServedModel, kind: str) -> dict[str, Any]:
    return {
        "id": model.id,
        "aliases": list(model.aliases),
        "type": kind,
        "info": {
            "name": model.display_name or model.id,
            "developer": "Moonshot AI" if "kimi" in model.id else "",
            "description": "Served by the offline test server.",
            "releasedAt": None,
            "contextLength": model.context_length,
            "outputMax": None,
            "cutoffAt": None,
            "url": f"https://aimlapi.com/models/{model.id}",
            "docsUrl": "",
            "docsJson": "",
        },
        "tags": ["playground:chat", "tier:tier_2"],
    }
