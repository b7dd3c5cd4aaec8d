"""From the lines of a provider's output and error files to results. Pure.

Which file a line came in does not matter, only what it says; a line whose custom_id is nobody's is left out.
"""

from __future__ import annotations

from typing import Any

import msgspec

from moongate.batch.answers import usage_in
from moongate.batch.records import Outcome
from moongate.batch.spending import Tariff
from moongate.errors import MoongateError
from moongate.facts.chat import Usage
from moongate.facts.providers import Provider
from moongate.wire.replies import Reply, error_from


class _Response(msgspec.Struct):
    status_code: int = 0
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Line(msgspec.Struct):
    custom_id: str
    response: _Response | None = None
    error: Any = None


_DECODER = msgspec.json.Decoder(_Line)


def named(text: bytes) -> str | None:
    """Return the custom_id of a result line, None for what is no result line."""
    try:
        return _DECODER.decode(text).custom_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def outcome_of(text: bytes, index: int, row: Provider, tariff: Tariff, *, model: str) -> Outcome:
    """Return what a result line says of the line at `index`."""
    line = _DECODER.decode(text)
    response = line.response
    if response is None or line.error:
        return Outcome(index=index, kind=_code(line.error), status=response.status_code if response else 0)
    reply = Reply(status=response.status_code, body=bytes(response.body))
    if not reply.ok:
        return Outcome(index=index, kind=error_from(reply, row, model=model).kind, status=reply.status)
    try:
        usage = usage_in(reply.body, row, model=model) or Usage()
    except MoongateError as error:
        return Outcome(index=index, kind=error.kind, status=reply.status)
    return Outcome(
        index=index,
        status=reply.status,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.cached_tokens,
        cost_nano=tariff.cost_nano(usage),
    )


def _code(error: Any) -> str:
    """Return the word for an error object; which words there are is documented nowhere."""
    code = error.get("code") or error.get("type") if isinstance(error, dict) else None
    return code if isinstance(code, str) and code else "no_result"
