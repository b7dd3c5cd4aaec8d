"""Chat answers, plain or streamed, into records.

A stream may carry its usage in `choices[0]`, at the top level, or in both places; it is taken once (top level first).
Only the first choice is read: Kimi's current models fix `n` to 1. Everything else stays in `raw`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from moongate.errors import NotJsonError
from moongate.facts.chat import Answer, Chunk, ToolCall, Usage
from moongate.facts.money import Money


def usage_from(raw: Any) -> Usage | None:
    """Return the usage in an answer's `usage` object, or None when there is none.

    Cached tokens stand at the top level (documented), under `prompt_tokens_details` (observed), or in both places.
    """
    if not isinstance(raw, dict):
        return None
    prompt_details, completion_details = raw.get("prompt_tokens_details"), raw.get("completion_tokens_details")
    return Usage(
        prompt_tokens=_count(raw, "prompt_tokens"),
        completion_tokens=_count(raw, "completion_tokens"),
        cached_tokens=_count(raw, "cached_tokens") or _count(prompt_details, "cached_tokens"),
        reasoning_tokens=_count(completion_details, "reasoning_tokens"),
        reported_cost=_dollars(raw.get("cost")),
    )


def chunk_from(payload: Any) -> Chunk:
    """Return what one event adds. Raises NotJsonError for an event that is no chunk."""
    if not isinstance(payload, dict) or not isinstance(payload.get("choices", []), list):
        raise NotJsonError("The stream carries an event that is no chunk of a chat.")
    choice = _first(payload.get("choices") or [])
    delta = choice.get("delta")
    delta = delta if isinstance(delta, dict) else {}
    calls = delta.get("tool_calls")
    return Chunk(
        content=_text(delta.get("content")),
        reasoning=_text(delta.get("reasoning_content")) or _text(delta.get("reasoning")),
        tool_calls=tuple(c for c in calls if isinstance(c, dict)) if isinstance(calls, list) else (),
        finish_reason=_text(choice.get("finish_reason")) or None,
        usage=_with_cost(usage_from(payload.get("usage")) or usage_from(choice.get("usage")), _meta_cost(payload)),
        id=_text(payload.get("id")) or None,
        model=_text(payload.get("model")) or None,
        raw=payload,
    )


def answer_from(payload: Any, *, asked_model: str) -> Answer:
    """Return the answer in a plain body. Raises NotJsonError when there is no choice in it."""
    choices = payload.get("choices") if isinstance(payload, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise NotJsonError(
            "The answer holds no choice.", advice="Check the base url: does it lead to a chat endpoint?"
        )
    choice = choices[0]
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    calls = message.get("tool_calls")
    usage = usage_from(payload.get("usage")) or usage_from(choice.get("usage"))
    return Answer(
        id=_text(payload.get("id")),
        model=_text(payload.get("model")),
        asked_model=asked_model,
        content=_text(message.get("content")),
        reasoning=_text(message.get("reasoning_content")) or _text(message.get("reasoning")) or None,
        tool_calls=tuple(_tool_call(c) for c in calls if isinstance(c, dict)) if isinstance(calls, list) else (),
        finish_reason=_text(choice.get("finish_reason")) or None,
        usage=_with_cost(usage, _meta_cost(payload)),
        raw=payload,
    )


class Fold:
    """Chunks added up to the answer that a plain call would have given."""

    def __init__(self, *, asked_model: str) -> None:
        self._asked = asked_model
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, dict[str, str]] = {}
        self._finish: str | None = None
        self._usage: Usage | None = None
        self._usage_is_final = False
        self._id = self._model = ""

    def add(self, chunk: Chunk) -> None:
        """Take one chunk in."""
        self._content.append(chunk.content)
        self._reasoning.append(chunk.reasoning)
        self._id = self._id or chunk.id or ""
        self._model = self._model or chunk.model or ""
        self._finish = chunk.finish_reason or self._finish
        for call in chunk.tool_calls:
            self._add_call(call)
        self._add_usage(chunk)

    @property
    def content(self) -> str:
        """The text so far."""
        return "".join(self._content)

    def answer(self) -> Answer:
        """Return the answer as far as it came."""
        return Answer(
            id=self._id,
            model=self._model,
            asked_model=self._asked,
            content=self.content,
            reasoning="".join(self._reasoning) or None,
            tool_calls=tuple(ToolCall(**self._calls[index]) for index in sorted(self._calls)),
            finish_reason=self._finish,
            usage=self._usage,
        )

    def _add_usage(self, chunk: Chunk) -> None:
        """Keep the top-level usage over the one in `choices[0]`: they count the same tokens.

        AIMLAPI's cost comes in a chunk of its own, beside one that counts; neither takes the other's place.
        """
        if chunk.usage is None:
            return
        kept, top = self._usage, isinstance(chunk.raw.get("usage"), dict)
        cost = chunk.usage.reported_cost or (kept.reported_cost if kept else None)
        counts = chunk.usage != Usage(reported_cost=chunk.usage.reported_cost)
        if kept is None or (counts and (top or not self._usage_is_final)):
            kept, self._usage_is_final = chunk.usage, top
        self._usage = replace(kept, reported_cost=cost)

    def _add_call(self, call: Mapping[str, Any]) -> None:
        index = call.get("index")
        known = self._calls.setdefault(
            index if isinstance(index, int) else len(self._calls), {"id": "", "name": "", "arguments": ""}
        )
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        known["id"] = known["id"] or _text(call.get("id"))
        known["name"] = known["name"] or _text(function.get("name"))
        known["arguments"] += _text(function.get("arguments"))


def _first(choices: list[Any]) -> Mapping[str, Any]:
    """Return the choice with index 0; an event may carry only another one, which adds nothing here."""
    return next((c for c in choices if isinstance(c, dict) and c.get("index") in (0, None)), {})


def _tool_call(raw: Mapping[str, Any]) -> ToolCall:
    function = raw.get("function")
    function = function if isinstance(function, dict) else {}
    return ToolCall(
        id=_text(raw.get("id")), name=_text(function.get("name")), arguments=_text(function.get("arguments"))
    )


def _meta_cost(payload: Mapping[str, Any]) -> Money | None:
    """Read AIMLAPI's `meta.usage.usd_spent`, which stands beside the ordinary usage."""
    meta = payload.get("meta")
    usage = meta.get("usage") if isinstance(meta, dict) else None
    return _dollars(usage.get("usd_spent")) if isinstance(usage, dict) else None


def _with_cost(usage: Usage | None, cost: Money | None) -> Usage | None:
    if cost is None or (usage is not None and usage.reported_cost is not None):
        return usage
    return replace(usage or Usage(), reported_cost=cost)


def _dollars(value: Any) -> Money | None:
    """OpenRouter's `usage.cost` and AIMLAPI's `usd_spent` are in US dollars."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        return Money.of(Decimal(str(value)), "USD")
    except (ArithmeticError, ValueError):  # no number, or one beyond all money
        return None


def _count(raw: Any, key: str) -> int:
    value = raw.get(key) if isinstance(raw, dict) else None
    return value if type(value) is int and value > 0 else 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
