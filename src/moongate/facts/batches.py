"""A batch at a provider: the object that `/batches` answers with, its states, and the bounds of what may be asked.

Field names are the wire's own. Bounds are those of Moonshot's OpenAPI document (2026-08-17) and its batch guide
(2026-08-13), unless a line says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

ENDPOINT = "/v1/chat/completions"  # the only url that a line, and a batch, may name
METHOD = "POST"
WINDOW = "24h"  # what every example sends; from 12h to 7d
WINDOW_MIN_H, WINDOW_MAX_H = 12, 7 * 24
METADATA_PAIRS, METADATA_KEY, METADATA_VALUE = 16, 64, 512  # at most; lengths in characters
PAGE = 20  # batches on a page of the list, where nothing else is asked for

Status = Literal[
    "validating",
    "in_progress",
    "finalizing",
    "completed",
    "failed",
    "expired",
    "cancelling",
    "cancelled",
]
"""The words of the batch API (OpenAI's; Moonshot's OpenAPI document of 2026-08-17 has the same ones)."""

MOVING = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
CANCELLABLE = frozenset({"validating", "in_progress", "finalizing"})


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many lines a batch has, and how many of them are answered or refused."""

    total: int = 0
    completed: int = 0
    failed: int = 0


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One batch. Moments are seconds since the epoch, None where they have not come.

    Moonshot's object has neither `errors` nor `expired_at`: why its validation failed cannot be read from it. Other
    endpoints of OpenAI's kind fill them in.
    """

    id: str
    status: str
    input_file_id: str
    created_at: int
    endpoint: str = ENDPOINT
    completion_window: str = ""
    output_file_id: str | None = None
    error_file_id: str | None = None
    request_counts: Counts | None = None
    metadata: Mapping[str, str] | None = None
    in_progress_at: int | None = None
    expires_at: int | None = None
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None
    errors: Any = None

    @property
    def ended(self) -> bool:
        """Whether it will not move any more. A state that nobody documented counts as moving."""
        return self.status in ENDED

    @property
    def counts(self) -> Counts:
        """The counts, zeros where the object has none."""
        return self.request_counts or Counts()


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the list of batches."""

    data: tuple[Batch, ...]
    has_more: bool = False
