"""A stream that does not pass as it is: each event is read, and written anew where its shape is not Moonshot's.

For the embedded model, and for endpoints that end their lines otherwise; every other stream goes through `tap`. The
event that ends the stream is never among what `feed` returns.
"""

from __future__ import annotations

from typing import Any

import msgspec

from moongate.facts.chat import Answer
from moongate.facts.providers import Provider
from moongate.wire.fold import Fold, chunk_from
from moongate.wire.replies import decode, error_in_event
from moongate.wire.sse import Decoder

ALIVE = b": keep-alive\n\n"


class Recast:
    """One stream.

    `include_usage` says that the caller wants the extra chunk with the usage; without it that chunk is taken out. In
    either case the chunk that finishes the answer carries the usage in `choices[0]`, as Moonshot's does, and so is
    held until the usage is there. `embedded` has llama.cpp's own fields taken out.
    """

    def __init__(self, row: Provider, *, asked_model: str, include_usage: bool, embedded: bool) -> None:
        self._row = row
        self._asked = asked_model
        self._include_usage = include_usage
        self._embedded = embedded
        self._decoder = Decoder()
        self._fold = Fold(asked_model=asked_model)
        self._finish: dict[str, Any] | None = None  # held until its usage is known
        self.done = False

    @property
    def answer(self) -> Answer:
        """What was answered so far."""
        return self._fold.answer()

    @property
    def said_bytes(self) -> int:
        """How much text came, in bytes; for an estimate where no usage comes."""
        return text_bytes(self._fold.answer())

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the events to pass on. Raises what the stream reports, or what is wrong with it."""
        out: list[bytes] = []
        for event in self._decoder.feed(piece):
            if self.done:
                break
            if event == "[DONE]":
                self.done = True
                out += self.rest()
            else:
                out += self._event(event)
        return out or ([ALIVE] if piece.startswith(b":") else [])

    def rest(self) -> list[bytes]:
        """Return the finishing chunk if it is still held: no usage came for it."""
        held, self._finish = self._finish, None
        return [] if held is None else [_sse(held)]

    def _event(self, event: str) -> list[bytes]:
        payload = decode(event.encode(), what="An event of the stream")
        if isinstance(payload, dict) and payload.get("error"):
            raise error_in_event(payload, self._row, model=self._asked)
        chunk = chunk_from(payload)
        self._fold.add(chunk)
        if self._embedded:
            payload = as_moonshot(payload)
        if not payload.get("choices") and isinstance(payload.get("usage"), dict):
            return self._usage(payload, event)
        before = self.rest()
        if chunk.finish_reason is not None and chunk.usage is None:
            self._finish = payload
            return before
        return [*before, _sse(payload) if self._embedded else _text(event)]

    def _usage(self, payload: dict[str, Any], event: str) -> list[bytes]:
        out: list[bytes] = []
        if self._finish is not None:
            self._finish["choices"][0]["usage"] = payload["usage"]
            out = self.rest()
        if self._include_usage:
            out.append(_sse(payload) if self._embedded else _text(event))
        return out


def as_moonshot(payload: dict[str, Any]) -> dict[str, Any]:
    """Return an answer or chunk of llama.cpp with its own fields gone and its usage in Moonshot's shape."""
    shaped = {name: value for name, value in payload.items() if name not in ("timings", "__verbose")}
    usage = shaped.get("usage")
    if isinstance(usage, dict):
        shaped["usage"] = _usage_as_moonshot(usage)
    for choice in shaped.get("choices") or ():
        spoken = choice.get("delta") or choice.get("message") or {}
        if "content" in spoken and spoken["content"] is None:
            spoken["content"] = ""
    return shaped


def _usage_as_moonshot(usage: dict[str, Any]) -> dict[str, Any]:
    """Moonshot names cached tokens twice when there are some, and not at all when there are none (2026-07-17)."""
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    shaped = {name: value for name, value in usage.items() if name != "prompt_tokens_details"}
    if isinstance(cached, int) and cached > 0:
        shaped |= {"cached_tokens": cached, "prompt_tokens_details": {"cached_tokens": cached}}
    return shaped


def text_bytes(answer: Answer) -> int:
    """Return the length of what an answer says, calls of tools included."""
    said = answer.content + (answer.reasoning or "") + "".join(c.name + c.arguments for c in answer.tool_calls)
    return len(said.encode("utf-8", "replace"))


def error_event(document: dict[str, Any]) -> bytes:
    """Return the event for an error in the middle of a stream; no END follows it."""
    return _sse(document)


def _sse(payload: Any) -> bytes:
    return b"data: " + msgspec.json.encode(payload) + b"\n\n"


def _text(event: str) -> bytes:
    return b"".join(b"data: " + line.encode() + b"\n" for line in event.split("\n")) + b"\n"
