"""A finished completion in the shapes of the wire: one body, or the events of a stream, in each dialect.

Pure. Shapes of Moonshot follow published captures (2026-07-17), the others their providers' documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from moongate.testing.chat import Completion, Usage
from moongate.testing.readings import Readings
from moongate.testing.replies import ToolCall

DONE = b"data: [DONE]\n\n"


def event(value: object) -> bytes:
    """Frame one JSON value as a server-sent event."""
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def body(completion: Completion, *, dialect: str, readings: Readings) -> dict[str, Any]:
    """Return the answer of a call without `stream`."""
    message: dict[str, Any] = {"role": "assistant", "content": completion.content}
    message |= _reasoning(completion.reasoning, dialect)
    if completion.tool_calls:
        message["tool_calls"] = [_call(number, call, readings) for number, call in enumerate(completion.tool_calls)]
    choices = [
        {"index": index, "message": message, "finish_reason": completion.finish_reason}
        for index in range(completion.choices)
    ]
    return {
        **_head(completion, "chat.completion"),
        "choices": choices,
        "usage": usage(completion, dialect=dialect, readings=readings),
        **_meta(completion, dialect),
    }


def usage(completion: Completion, *, dialect: str, readings: Readings) -> dict[str, Any]:
    """Return the usage record; Moonshot names cached tokens only when there are any."""
    used = completion.usage
    record: dict[str, Any] = {
        "prompt_tokens": used.prompt,
        "completion_tokens": used.completion,
        "total_tokens": used.prompt + used.completion,
    }
    if dialect == "moonshot":
        return record | _moonshot_details(used, readings)
    if dialect == "openrouter":
        cost = float(completion.cost)
        record |= {"cost": cost, "is_byok": False, "cost_details": {"upstream_inference_cost": cost}}
        record["prompt_tokens_details"] = {"cached_tokens": used.cached, "cache_write_tokens": 0}
        record["completion_tokens_details"] = {"reasoning_tokens": used.reasoning}
    return record


def _moonshot_details(used: Usage, readings: Readings) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if used.cached > 0:
        details["cached_tokens"] = used.cached
    if used.reasoning > 0:
        details["completion_tokens_details"] = {"reasoning_tokens": used.reasoning}
    if used.cached > 0 and readings.cached_tokens == "both":
        details["prompt_tokens_details"] = {"cached_tokens": used.cached}
    return details


def _head(completion: Completion, kind: str) -> dict[str, Any]:
    return {"id": completion.id, "object": kind, "created": completion.created, "model": completion.model}


def _reasoning(text: str | None, dialect: str) -> dict[str, Any]:
    if text is None or dialect == "openai":
        return {}
    if dialect == "openrouter":
        details = [{"type": "reasoning.text", "text": text, "index": 0}]
        return {"reasoning": text, "reasoning_details": details}
    return {"reasoning_content": text}


def _meta(completion: Completion, dialect: str) -> dict[str, Any]:
    if dialect != "aimlapi":
        return {"provider": "Moonshot AI"} if dialect == "openrouter" else {}
    used = {"credits_used": int(completion.cost * 2_000_000), "usd_spent": float(completion.cost)}
    return {"meta": {"usage": used}}


def call_id(number: int, call: ToolCall, readings: Readings) -> str:
    """Return a call's id: its own, or one in the provider's style, unique only within its turn."""
    return call.id if call.id is not None else f"{call.name}{readings.tool_call_id_style}{number}"


def _call(number: int, call: ToolCall, readings: Readings) -> dict[str, Any]:
    return {
        "index": number,
        "id": call_id(number, call, readings),
        "type": "function",
        "function": {"name": call.name, "arguments": call.text},
    }


def events(completion: Completion, *, dialect: str, readings: Readings, include_usage: bool) -> Iterator[bytes]:
    """Yield the events of a stream, the closing [DONE] included."""
    if dialect == "openrouter":
        yield b": OPENROUTER PROCESSING\n\n"
    for index in range(completion.choices):
        for delta in _deltas(completion, dialect, readings):
            choice = {"index": index, "delta": delta, "finish_reason": None}
            yield event(_chunk(completion, [choice], dialect, null=include_usage and readings.usage_null))
        yield event(_finish_chunk(completion, index, dialect, readings, include_usage=include_usage))
    if _extra_usage(dialect, readings, include_usage=include_usage):
        total = usage(completion, dialect=dialect, readings=readings)
        yield event(_chunk(completion, [], dialect) | {"usage": total})
    yield DONE


def _chunk(
    completion: Completion, choices: list[dict[str, Any]], dialect: str, *, null: bool = False
) -> dict[str, Any]:
    chunk = {**_head(completion, "chat.completion.chunk"), "choices": choices}
    if choices and dialect == "moonshot":
        chunk["system_fingerprint"] = f"fpv0_{completion.id[-8:]}"
    return chunk | ({"usage": None} if null else {})


def _finish_chunk(
    completion: Completion, index: int, dialect: str, readings: Readings, *, include_usage: bool
) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "delta": {}, "finish_reason": completion.finish_reason}
    total = usage(completion, dialect=dialect, readings=readings)
    if dialect == "moonshot" and not (include_usage and readings.usage_in_stream == "top"):
        choice["usage"] = total
    chunk = _chunk(completion, [choice], dialect)
    if dialect == "openrouter":
        chunk["usage"] = total
    return chunk | _meta(completion, dialect)


def _extra_usage(dialect: str, readings: Readings, *, include_usage: bool) -> bool:
    if dialect == "openrouter" or not include_usage:
        return False
    return dialect != "moonshot" or readings.usage_in_stream != "choice"


def _deltas(completion: Completion, dialect: str, readings: Readings) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    for piece in _pieces(completion.reasoning or "", completion.piece):
        if reasoning := _reasoning(piece, dialect):
            yield reasoning
    for piece in _pieces(completion.content, completion.piece):
        yield {"content": piece}
    for number, call in enumerate(completion.tool_calls):
        first = _call(number, call, readings)
        first["function"] = {"name": call.name, "arguments": ""}
        yield {"tool_calls": [first]}
        for piece in _pieces(call.text, completion.piece):
            yield {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}


def _pieces(text: str, size: int) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]
