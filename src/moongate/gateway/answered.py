"""A plain answer as the ledger needs to know it: which model says it answered, and what it took.

Pure. Nearly all answers are read in one pass of C; those with a cost of their own, or of another shape, as elsewhere.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from moongate.facts.chat import Usage
from moongate.facts.providers import Provider
from moongate.gateway.recast import as_moonshot
from moongate.wire.fold import answer_from
from moongate.wire.replies import decode, error_in_event

NOTHING = Raw()  # where a field is missing


class Took(msgspec.Struct, gc=False):
    """The tokens of a call, as `facts.chat.Usage` has them; made once a call, so a tenth of its cost counts."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    reported_cost: None = None


class Answered(msgspec.Struct, gc=False):
    """What was read in an answer."""

    model: str
    usage: Usage | Took | None
    body: bytes  # what goes to the caller


class _Cached(msgspec.Struct, gc=False):
    cached_tokens: int = 0


class _Reasoning(msgspec.Struct, gc=False):
    reasoning_tokens: int = 0


class Counts(msgspec.Struct, gc=False):
    """The usage of a call, as it is spelled on the wire."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    prompt_tokens_details: _Cached | None = None
    completion_tokens_details: _Reasoning | None = None
    cost: Raw = NOTHING


class _Choice(msgspec.Struct, gc=False):
    message: Raw
    error: Raw = NOTHING
    usage: Raw = NOTHING


class _Usual(msgspec.Struct, gc=False):
    choices: list[_Choice]
    usage: Counts
    model: str = ""
    meta: Raw = NOTHING
    error: Raw = NOTHING


_usual = msgspec.json.Decoder(_Usual).decode


def answered_from(body: bytes, row: Provider, *, asked_model: str, embedded: bool) -> Answered:
    """Read an answer. Raises NotJsonError for what is none, and the error that an answer of status 200 may hold."""
    if not embedded:
        try:
            found = _usual(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _read_whole(body, row, asked_model, embedded)
        usage, choices = found.usage, found.choices
        if (
            choices
            and choices[0].error is NOTHING
            and found.error is NOTHING
            and found.meta is NOTHING
            and usage.cost is NOTHING
            and usage.prompt_tokens >= 0
            and usage.completion_tokens >= 0
        ):
            return Answered(found.model, took_of(usage), body)
    return _read_whole(body, row, asked_model, embedded)


def took_of(counts: Counts) -> Took:
    """Return what was taken; cached tokens stand at the top level or among the details."""
    cached, more, reasoning = counts.cached_tokens, counts.prompt_tokens_details, counts.completion_tokens_details
    if not cached and more is not None:
        cached = more.cached_tokens
    thought = reasoning.reasoning_tokens if reasoning is not None else 0
    return Took(
        counts.prompt_tokens, counts.completion_tokens, cached if cached > 0 else 0, thought if thought > 0 else 0
    )


def _read_whole(body: bytes, row: Provider, asked_model: str, embedded: bool) -> Answered:
    payload: Any = decode(body, what="The answer")
    choices = payload.get("choices") if isinstance(payload, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else payload
    if isinstance(first, dict) and first.get("error"):
        raise error_in_event(first, row, model=asked_model)
    whole = answer_from(payload, asked_model=asked_model)
    return Answered(whole.model, whole.usage, msgspec.json.encode(as_moonshot(payload)) if embedded else body)
