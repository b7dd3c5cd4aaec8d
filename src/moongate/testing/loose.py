"""Reading JSON that may be anything: what is not of the wanted kind counts as empty. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object, {} for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """Return an array, [] for anything else."""
    return value if isinstance(value, list) else []


def among(value: object, words: object) -> bool:
    """Say whether a text is one of these words or keys; what is no text never is."""
    return isinstance(value, str) and value in words  # type: ignore[operator]
