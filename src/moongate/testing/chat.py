"""One chat call from request to finished completion: thinking or not, cut to length, counted and priced.

Pure but for the prefix cache and the speaker it is handed. How a completion looks on the wire is `shapes`; what a
request may not say is `rules`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from moongate.testing.models import ServedModel
from moongate.testing.readings import Readings
from moongate.testing.replies import Answer, ToolCall
from moongate.testing.tokens import BYTES_PER_TOKEN, count

DEFAULT_MAX = {"k3": 131_072}  # completion tokens when the request names no number
DEFAULT_MAX_OTHERS = 32_768


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one call. `prompt` includes `cached`, `completion` includes `reasoning`."""

    prompt: int
    completion: int
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True, kw_only=True)
class Completion:
    """One finished answer, before it takes a shape."""

    id: str
    created: int  # seconds since the epoch
    model: str
    content: str
    reasoning: str | None
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    usage: Usage
    cost: Decimal = Decimal(0)
    piece: int = 8  # characters in a streamed delta
    choices: int = 1


def thinks(request: Mapping[str, Any], model: ServedModel) -> bool:
    """Say whether the model thinks: all that reason do, unless the request turns it off."""
    thinking = request.get("thinking")
    off = isinstance(thinking, Mapping) and thinking.get("type") == "disabled"
    return model.reasoning and not off


def asked_max(request: Mapping[str, Any], readings: Readings) -> int | None:
    """Return the completion tokens that the request allows, under either of the two names."""
    for name in ("max_completion_tokens", *(("max_tokens",) if readings.max_tokens == "honoured" else ())):
        if isinstance(request.get(name), int):
            return int(request[name])
    return None


def allowed_max(request: Mapping[str, Any], model: ServedModel, prompt: int, readings: Readings) -> int:
    """Return the completion tokens that the call may use: what it asks for, or the default that still fits."""
    asked = asked_max(request, readings)
    if asked is not None:
        return asked
    return max(0, min(DEFAULT_MAX.get(model.family, DEFAULT_MAX_OTHERS), model.context_length - prompt))


def completed(
    answer: Answer, request: Mapping[str, Any], model: ServedModel, *, frame: Completion, maximum: int
) -> Completion:
    """Fill `frame` (id, model, prompt usage) with the answer, cut to `maximum` completion tokens.

    Reasoning is spent first. An answer that does not fit ends with finish_reason "length" at HTTP 200.
    """
    reasoning = _reasoning(answer, request, model)
    thought, left = _cut(reasoning or "", maximum)
    content, left = _cut(_stopped(answer.content, request.get("stop")), left)
    calls_tokens = sum(count(call.name + call.text) for call in answer.tool_calls)
    calls = answer.tool_calls if calls_tokens <= left else ()
    whole = thought == (reasoning or "") and calls == answer.tool_calls
    whole = whole and content == _stopped(answer.content, request.get("stop"))
    used = count(thought) + count(content) + (calls_tokens if calls else 0)
    return dataclasses.replace(
        frame,
        content=content,
        reasoning=None if reasoning is None else thought,
        tool_calls=calls,
        finish_reason=_finish(answer, calls, whole=whole),
        usage=dataclasses.replace(frame.usage, completion=used, reasoning=count(thought)),
        piece=max(1, answer.piece),
        choices=_choices(request.get("n")),
    )


def _reasoning(answer: Answer, request: Mapping[str, Any], model: ServedModel) -> str | None:
    if not thinks(request, model):
        return None
    return "The user wrote something; I answer it." if answer.reasoning is None else answer.reasoning


def _cut(text: str, tokens: int) -> tuple[str, int]:
    """Return what fits into so many tokens, and how many are left over."""
    kept = text.encode()[: max(0, tokens) * BYTES_PER_TOKEN].decode(errors="ignore")
    return kept, max(0, tokens - count(kept))


def _stopped(text: str, stop: object) -> str:
    stops = [stop] if isinstance(stop, str) else stop if isinstance(stop, list) else []
    places = [text.find(word) for word in stops if isinstance(word, str) and word and word in text]
    return text[: min(places)] if places else text


def _choices(number: object) -> int:
    return number if isinstance(number, int) and 1 <= number <= 5 else 1


def _finish(answer: Answer, calls: tuple[ToolCall, ...], *, whole: bool) -> str:
    if answer.finish_reason is not None:
        return answer.finish_reason
    if not whole:
        return "length"
    return "tool_calls" if calls else "stop"
