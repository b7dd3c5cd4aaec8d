"""A chat request as the gateway needs to know it: which model, streamed or not, how long an answer at most.

Pure. What the rest of the body means is the upstream's matter; it travels on as the bytes it came in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from moongate.errors import RequestRefusedError
from moongate.wire.peek import models_in

Fields = dict[str, msgspec.Raw]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request for a chat."""

    models: tuple[str, ...]  # every id in the body, the one meant first
    stream: bool
    include_usage: bool  # whether the caller wants the extra chunk
    max_tokens: int | None  # completion tokens at most, if a usable number was given
    choices: int  # `n`
    size_bytes: int
    has_files: bool  # refers to uploaded media, whose tokens the body's size does not bound
    body: bytes  # what goes upstream

    @property
    def model(self) -> str:
        """The id in `model`."""
        return self.models[0]

    def sent_as(self, wire_id: str) -> Asked:
        """Return the same request with another id in `model`, as a route wants it."""
        if wire_id == self.model:
            return self
        body = msgspec.json.encode({**fields_in(self.body), "model": wire_id})
        return replace(self, models=(wire_id, *self.models[1:]), body=body)


def asked_from(body: bytes) -> Asked:
    """Read a body. Raises RequestRefusedError for one that could be read in two ways.

    Of a key that stands twice (other than `model`, which is refused) the last one counts, here and in what is sent. A
    stream always asks the upstream for its usage: the ledger needs it, whether the caller does or not.
    """
    models = models_in(body)
    fields = fields_in(body)
    stream = _value(fields, "stream") is True
    wanted = _value(fields, "stream_options")
    wanted = wanted if isinstance(wanted, dict) else {}
    limits = [_value(fields, name) for name in ("max_completion_tokens", "max_tokens")]
    choices = _value(fields, "n")
    if stream:
        fields["stream_options"] = msgspec.Raw(msgspec.json.encode({**wanted, "include_usage": True}))
    return Asked(
        models=models,
        stream=stream,
        include_usage=wanted.get("include_usage") is True,
        max_tokens=max((limit for limit in limits if type(limit) is int and limit > 0), default=None),
        choices=choices if type(choices) is int and 1 <= choices <= 128 else 1,
        size_bytes=len(body),
        has_files=b"ms:" in body,
        body=msgspec.json.encode(fields),
    )


def fields_in(body: bytes) -> Fields:
    """Return the top level of a JSON object, its values as they stand. Raises RequestRefusedError."""
    try:
        return msgspec.json.decode(body, type=Fields)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestRefusedError("The request body is not a JSON object, so nothing was sent.") from error


def _value(fields: Fields, name: str) -> Any:
    try:
        return msgspec.json.decode(fields[name]) if name in fields else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestRefusedError(f"The request body's {name!r} is not valid JSON, so nothing was sent.") from error
