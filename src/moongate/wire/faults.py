"""What an error body says, in any envelope in use: Moonshot's, its unknown routes', OpenRouter's, AIMLAPI's.

Reading only: which error of ours it stands for is decided in `replies`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moongate.wire.clean import excerpt

MAX_WAIT_S = 3600.0  # a longer wait that is asked for is read as this
MAX_NAMES = 12  # of models that a provider names instead


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What an error body says, whichever envelope it came in."""

    message: str = ""
    type: str = ""
    code: str = ""
    route: bool = False  # the envelope of a route that does not exist
    envelope: bool = False  # whether it was an error body at all
    retryable: bool | None = None  # what the provider says of sending the same again
    retry_after_s: float | None = None
    instead: tuple[str, ...] = ()  # other models that the provider names


def fault_in(payload: Any) -> Fault:
    """Read an error body in any of its envelopes; what is none gives an empty `Fault`."""
    if not isinstance(payload, dict):
        return Fault()
    error = payload.get("error")
    if isinstance(error, dict):
        return _nested(error)
    if isinstance(error, str):
        return Fault(
            message=_text(payload.get("message")) or error, code=error, route="not_found" in error, envelope=True
        )
    message = _text(payload.get("message")) or _text(payload.get("detail"))
    return Fault(message=message, envelope=bool(message) and ("statusCode" in payload or "status" in payload))


def _nested(error: dict[str, Any]) -> Fault:
    metadata, availability = _object(error.get("metadata")), _object(error.get("availability"))
    kind = _text(error.get("type")) or _text(error.get("error_type")) or _text(metadata.get("error_type"))
    said = error.get("code") if error.get("code") is not None else error.get("http_status")
    retryable = availability.get("retryable")
    if metadata.get("limit_source") == "openrouter_in_flight_budget":  # the one lack of money that passes by itself
        kind, retryable = "in_flight_budget", True
    return Fault(
        message=_text(error.get("message")),
        type=kind,
        code=_text(availability.get("code")) or _text(said),
        envelope=True,
        retryable=retryable if isinstance(retryable, bool) else None,
        retry_after_s=_seconds(availability.get("retry_after")),
        instead=_names(availability.get("fallback_models")),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _seconds(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return min(float(value), MAX_WAIT_S) if number and value >= 0 else None


def _names(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else []
    return tuple(excerpt(name, 80) for name in names[:MAX_NAMES] if isinstance(name, str))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
