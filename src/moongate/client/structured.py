"""Answers that fit a schema: what to ask for, and how the text that comes back is read and checked.

The schema is sent in the form that Moonshot takes, which may be looser; the answer is checked against the original.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from moongate.errors import AnswerError, UsageError
from moongate.facts.chat import Answer
from moongate.wire.schema import accepts, mend

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Parsed(Generic[T]):
    """An answer, and the value in it."""

    value: T
    answer: Answer


def response_format(wanted: Any, *, name: str = "answer") -> dict[str, Any]:
    """Return the `response_format` that asks for `wanted`: a pydantic model class, a type msgspec knows, or a schema.

    Raises UsageError for a type without a JSON schema.
    """
    schema = mend(_schema(wanted), root="object").schema
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def value_in(answer: Answer, wanted: Any) -> Any:
    """Return what the answer holds, as `wanted` says it. Raises AnswerError when it does not fit, explaining why."""
    if answer.finish_reason == "length":
        spent = "its reasoning used up max_tokens" if not answer.content else "it was cut off by max_tokens"
        raise _unfit(answer, f"The answer is incomplete: {spent}.", "Raise max_tokens, or switch thinking off.")
    if answer.finish_reason == "content_filter":
        raise _unfit(answer, "The answer was cut off by the provider's content filter.", "Change the prompt.")
    try:
        return _read(answer.content, wanted)
    except ValueError as error:
        raise _unfit(answer, f"The answer does not fit the schema: {error}", "Ask again, or loosen it.") from error


def _unfit(answer: Answer, message: str, advice: str) -> AnswerError:
    error = AnswerError(message, advice=advice)
    error.content = answer.content
    return error


def _is_pydantic(wanted: Any) -> bool:
    return isinstance(wanted, type) and hasattr(wanted, "model_validate_json")


def _schema(wanted: Any) -> Any:
    if isinstance(wanted, Mapping) or _is_pydantic(wanted):
        return wanted
    try:
        return msgspec.json.schema(wanted)
    except TypeError as error:
        raise UsageError(
            f"{wanted!r} has no JSON schema: {error}.", advice="Give a pydantic model, a msgspec Struct, or a schema."
        ) from error


def _read(content: str, wanted: Any) -> Any:
    """Return the value in a text. Raises ValueError, as msgspec and pydantic do, for what does not fit."""
    if _is_pydantic(wanted):
        return wanted.model_validate_json(content)
    if not isinstance(wanted, Mapping):
        return msgspec.json.decode(content, type=wanted)
    value = msgspec.json.decode(content)
    objections = accepts(wanted, value)
    if objections:
        raise ValueError("; ".join(objections))
    return value
