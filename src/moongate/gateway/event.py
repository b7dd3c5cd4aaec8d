"""One event of a stream as the ledger needs to know it: what the call took, and whether it finishes the answer.

Pure. Nearly all are read in one pass of C; those with a cost of their own, or of another shape, are for `wire.fold`.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from moongate.gateway.answered import NOTHING, Counts, Took, took_of


class Event(msgspec.Struct, gc=False):
    """What was read in an event."""

    model: str
    took: Took | None
    is_top: bool  # the tokens stand at the top level, and so count over those in `choices[0]`
    is_extra: bool  # it has tokens and no choice
    finishes: bool


class _Choice(msgspec.Struct, gc=False):
    index: int | None = 0
    finish_reason: str | None = None
    usage: Counts | None = None


class _Usual(msgspec.Struct, gc=False):
    choices: list[_Choice] = []
    usage: Counts | None = None
    model: str = ""
    meta: Raw = NOTHING
    error: Raw = NOTHING


_usual = msgspec.json.Decoder(_Usual).decode


def event_from(data: bytes) -> Event | None:
    """Read the data of an event; None means that it has to be read as a whole."""
    try:
        found = _usual(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    choices, counts = found.choices, found.usage
    if found.error is not NOTHING or found.meta is not NOTHING or len(choices) > 1:
        return None
    choice = choices[0] if choices else None
    if choice is not None and choice.index:
        return None
    is_top = counts is not None
    if counts is None and choice is not None:
        counts = choice.usage
    took = None
    if counts is not None:
        if counts.cost is not NOTHING or counts.prompt_tokens <= 0 or counts.completion_tokens < 0:
            return None
        took = took_of(counts)
    return Event(found.model, took, is_top, choice is None and is_top, bool(choice and choice.finish_reason))
