"""From a reply to the result line of a batch file, and back to what it says. Pure.

The layout is the documented one (Moonshot's batch guide, 2026-08-13): `id` repeats the custom_id, `response` holds
the status and the body as it came; a line that got no answer at all has `response: null` and an `error`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from moongate.errors import MoongateError, NotJsonError
from moongate.facts.chat import Usage
from moongate.facts.providers import Provider
from moongate.wire.fold import chunk_from
from moongate.wire.replies import Reply, decode, error_in_event

_ENCODER = msgspec.json.Encoder()


class _Choice(msgspec.Struct):
    message: msgspec.Raw
    error: msgspec.Raw | None = None


_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Cached(msgspec.Struct):
    cached_tokens: _Count = 0


class _Reasoning(msgspec.Struct):
    reasoning_tokens: _Count = 0


class _Usage(msgspec.Struct):
    prompt_tokens: _Count
    completion_tokens: _Count
    cached_tokens: _Count = 0
    prompt_tokens_details: _Cached | None = None
    completion_tokens_details: _Reasoning | None = None
    cost: msgspec.Raw | None = None


class _Answer(msgspec.Struct):
    """What nearly every good answer has, and the fields that make it another case."""

    choices: list[_Choice]
    usage: _Usage
    error: msgspec.Raw | None = None
    meta: msgspec.Raw | None = None


_GOOD = msgspec.json.Decoder(_Answer)


def usage_in(body: bytes, row: Provider, *, model: str) -> Usage | None:
    """Return the usage in a good answer's body.

    Raises NotJsonError for a body that is no answer, and the error that a body with a good status may be: OpenRouter
    reports a host that failed with status 200 (its documentation, 2026-08-22).
    """
    try:
        answer = _GOOD.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _odd_usage(body, row, model)
    used = answer.usage
    if not answer.choices or answer.error or answer.choices[0].error or answer.meta or used.cost:
        return _odd_usage(body, row, model)
    cached, reasoning = used.prompt_tokens_details, used.completion_tokens_details
    return Usage(
        prompt_tokens=used.prompt_tokens,
        completion_tokens=used.completion_tokens,
        cached_tokens=used.cached_tokens or (cached.cached_tokens if cached else 0),
        reasoning_tokens=reasoning.reasoning_tokens if reasoning else 0,
    )


def _odd_usage(body: bytes, row: Provider, model: str) -> Usage | None:
    payload = decode(body, what="The answer")
    choices = payload.get("choices") if isinstance(payload, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else payload
    if isinstance(first, dict) and first.get("error"):
        raise error_in_event(first, row, model=model)
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise NotJsonError("The answer holds no choices.", advice="Check the base url.")
    return chunk_from(payload).usage


def result_line(custom_id: str, reply: Reply, *, is_json: bool = False) -> bytes:
    """Return the line for an answer or a refusal, its body as it came; `is_json` where that is known of it."""
    request_id = reply.headers.get("msh-request-id") or reply.headers.get("x-request-id") or ""
    return (b'{"id":%b,"custom_id":%b,"response":{"status_code":%d,"request_id":%b,"body":%b},"error":null}\n') % (
        (named := _ENCODER.encode(custom_id)),
        named,
        reply.status,
        _ENCODER.encode(request_id),
        _one_line(reply.body, is_json=is_json),
    )


def failed_line(custom_id: str, error: MoongateError) -> bytes:
    """Return the line for a request that got no answer."""
    return unanswered_line(custom_id, error.kind, f"{error.message} {error.advice}".strip())


def unanswered_line(custom_id: str, code: str, message: str) -> bytes:
    """Return the line for a request that got no answer, in these words."""
    said = {"code": code, "message": message}
    return _ENCODER.encode({"id": custom_id, "custom_id": custom_id, "response": None, "error": said}) + b"\n"


def _one_line(body: bytes, *, is_json: bool) -> bytes:
    """Return a JSON body without line breaks, which JSON has only between its tokens; what is no JSON, as a text."""
    try:
        if not is_json:
            msgspec.json.decode(body, type=msgspec.Raw)
        if not body.isascii():
            body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _ENCODER.encode(body.decode("utf-8", "replace"))
    return body.replace(b"\r", b" ").replace(b"\n", b" ") if b"\n" in body or b"\r" in body else body
