"""What a request for a batch, or for a page of a list, says; faults in Moonshot's words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from moongate.facts.batches import (
    ENDPOINT,
    METADATA_KEY,
    METADATA_PAIRS,
    METADATA_VALUE,
    PAGE,
    WINDOW_MAX_H,
    WINDOW_MIN_H,
)

PAGE_MAX = 1000
HOUR_S = 3600


class Unfit(Exception):  # noqa: N818 - never leaves this room
    """A request cannot be met; the text says why."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that is asked for."""

    input_file_id: str
    window: str
    window_s: int
    metadata: dict[str, str] | None


def order_from(body: bytes) -> Order:
    """Read the body of a POST /v1/batches. Raises Unfit."""
    try:
        given = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Unfit("the body is not a JSON object") from None
    if given.get("endpoint") != ENDPOINT:
        raise Unfit(f"endpoint must be {ENDPOINT}")
    window, id_, metadata = given.get("completion_window"), given.get("input_file_id"), given.get("metadata")
    if not isinstance(id_, str):
        raise Unfit("input_file_id must be the id of a file with purpose batch")
    return Order(
        input_file_id=id_,
        window=str(window),
        window_s=_window_s(window),
        metadata=_metadata(metadata),
    )


def limit_from(text: str | None, default: int = PAGE) -> int:
    """Return how many rows a page may have. Raises Unfit."""
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text) >= 1:
        raise Unfit(f"limit must be a number from 1 to {PAGE_MAX}")
    return min(int(text), PAGE_MAX)


def _window_s(window: object) -> int:
    found = re.fullmatch(r"([0-9]{1,4})([hd])", window) if isinstance(window, str) else None
    hours = 0 if found is None else int(found[1]) * (1 if found[2] == "h" else 24)
    if not WINDOW_MIN_H <= hours <= WINDOW_MAX_H:
        raise Unfit(f"completion_window must be between {WINDOW_MIN_H}h and {WINDOW_MAX_H // 24}d")
    return hours * HOUR_S


def _metadata(given: object) -> dict[str, str] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or len(given) > METADATA_PAIRS or not all(map(_fits, given.items())):
        raise Unfit(
            f"metadata allows {METADATA_PAIRS} pairs, "
            f"keys of {METADATA_KEY} and values of {METADATA_VALUE} characters"
        )
    return dict(given)


def _fits(pair: tuple[object, object]) -> bool:
    key, value = pair
    return (
        isinstance(key, str) and isinstance(value, str) and len(key) <= METADATA_KEY and len(value) <= METADATA_VALUE
    )
