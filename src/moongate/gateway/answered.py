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


class Answered(msgspec.Struct, gc=False):
    """What was read in an answer."""

    model: str
    usage: Usage | None
    body: bytes  # what goes to the caller


class _Cached(msgspec.Struct, gc=False):
    cached_tokens: int = 0


class _Reasoning(msgspec.Struct, gc=False):
    reasoning_tokens: int = 0


class _Counts(msgspec.Struct, gc=False):
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    prompt_tokens_details: _Cached | None = None
    completion_tokens_details: _Reasoning | None = None
    cost: Raw = Raw()


class _Choice(msgspec.Struct, gc=False):
    message: Raw
    error: Raw = Raw()
    usage: Raw = Raw()


class _Usual(msgspec.Struct, gc=False):
    choices: list[_Choice]
    usage: _Counts
    model: str = ""
    meta: Raw = Raw()
    error: Raw = Raw()


_usual = msgspec.json.Decoder(_Usual).decode
_NOTHING = Raw()


def answered_from(body: bytes, row: Provider, *, asked_model: str, embedded: bool) -> Answered:
    """Read an answer. Raises NotJsonError for what is none, and the error that an answer of status 200 may hold."""
    if not embedded:
        try:
            found = _usual(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _read_whole(body, row, asked_model, embedded)
        if _is_usual(found):
            return Answered(found.model, _usage(found.usage), body)
    return _read_whole(body, row, asked_model, embedded)


def _is_usual(found: _Usual) -> bool:
    usage, choices = found.usage, found.choices
    return (
        len(choices) > 0
        and choices[0].error == _NOTHING
        and found.error == _NOTHING
        and found.meta == _NOTHING
        and usage.cost == _NOTHING
        and usage.prompt_tokens >= 0
        and usage.completion_tokens >= 0
    )


def _usage(counts: _Counts) -> Usage:
    cached, more, reasoning = counts.cached_tokens, counts.prompt_tokens_details, counts.completion_tokens_details
    return Usage(
        prompt_tokens=counts.prompt_tokens,
        completion_tokens=counts.completion_tokens,
        cached_tokens=max(cached or (more.cached_tokens if more is not None else 0), 0),
        reasoning_tokens=max(reasoning.reasoning_tokens, 0) if reasoning is not None else 0,
    )


def _read_whole(body: bytes, row: Provider, asked_model: str, embedded: bool) -> Answered:
    payload: Any = decode(body, what="The answer")
    choices = payload.get("choices") if isinstance(payload, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else payload
    if isinstance(first, dict) and first.get("error"):
        raise error_in_event(first, row, model=asked_model)
    whole = answer_from(payload, asked_model=asked_model)
    return Answered(whole.model, whole.usage, msgspec.json.encode(as_moonshot(payload)) if embedded else body)
