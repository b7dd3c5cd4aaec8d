"""A stream on its way through: its bytes go on as soon as an event is whole; what the ledger needs is read aside.

A `feed()` object without IO. Only the few events that may bear usage, a finish or an error are decoded. The event
that ends the stream is never among what `feed` returns: its sender settles the call first (`done`), then sends `END`.
"""

from __future__ import annotations

import re

import msgspec

from moongate.errors import BrokenStreamError, TooLargeError
from moongate.facts.chat import Chunk, Usage
from moongate.facts.providers import Provider
from moongate.gateway.answered import Took
from moongate.gateway.event import event_from
from moongate.gateway.recast import Recast
from moongate.wire.fold import Fold, chunk_from
from moongate.wire.replies import decode, error_in_event
from moongate.wire.sse import MAX_EVENT_BYTES

END = b"data: [DONE]\n\n"
WEIGHED = 8 * 1024  # bytes of events that are kept until their text is added up
_tells = re.compile(rb'"(?:usage|error|finish_reason": ?)"').search
_deltas = re.compile(rb'"delta":\{([^}]*)').findall
_EMPTY_DELTA = len(b'"content":""')
_MODEL = b'"model":"'


class Weight:
    """About how many bytes of text the deltas of events carry, added up for many at once without decoding them."""

    __slots__ = ("_pieces", "_size", "_total")

    def __init__(self) -> None:
        self._total = 0
        self._pieces: list[bytes] = []  # that are not in it yet
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Take whole events in."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > WEIGHED:
            self.total()

    def total(self) -> int:
        """Return what they all weigh."""
        pieces, self._pieces, self._size = self._pieces, [], 0
        self._total += sum(max(len(delta) - _EMPTY_DELTA, 0) for delta in _deltas(b"".join(pieces)))
        return self._total


class Tap:
    """One stream.

    `include_usage` says that the caller wants the extra chunk with the usage; without it that chunk is taken out. In
    either case the chunk that finishes the answer carries the usage in `choices[0]`, as Moonshot's does, and so is
    held until the usage is there.
    """

    __slots__ = (
        "_asked",
        "_finish",
        "_first",
        "_fold",
        "_include_usage",
        "_is_top",
        "_model",
        "_recast",
        "_row",
        "_tail",
        "_tail_size",
        "_took",
        "_weight",
        "done",
    )

    def __init__(self, row: Provider, *, asked_model: str, include_usage: bool, embedded: bool) -> None:
        self._row = row
        self._asked = asked_model
        self._include_usage = include_usage
        self._model = ""  # that an event named which was looked at
        self._took: Took | None = None
        self._is_top = False  # that it stood at the top level
        self._fold: Fold | None = None  # of events that are not the usual ones
        self._finish: bytes | None = None  # held until its usage is known
        self._first = b""  # the first event, which names the model
        self._weight = Weight()
        self._tail: list[bytes] = []  # the beginning of an event that goes on
        self._tail_size = 0
        self._recast = self._rewriting(embedded=True) if embedded else None
        self.done = False

    @property
    def usage(self) -> Usage | Took | None:
        """The usage that was told so far."""
        if self._recast is not None:
            return self._recast.answer.usage
        return self._fold.answer().usage if self._fold is not None else self._took

    @property
    def model(self) -> str:
        """The model that the stream says it is from; empty before its first event."""
        if self._recast is not None:
            return self._recast.answer.model
        if self._fold is not None and (model := self._fold.answer().model):
            return model
        return self._model or _model_in(self._first)

    @property
    def said_bytes(self) -> int:
        """About how much text came, in bytes; for an estimate where no usage comes."""
        return self._weight.total() if self._recast is None else self._weight.total() + self._recast.said_bytes

    def feed(self, piece: bytes) -> bytes:
        """Return what can go on. Raises what the stream reports, or what is wrong with it."""
        if (
            self._tail
            or self.done
            or self._recast is not None
            or piece.find(b"\r") >= 0
            or not piece.endswith(b"\n\n")
        ):
            out, piece = self._unusual(piece)
            if not piece:
                return out
        if not piece.isascii():
            _check_text(piece)
        if not self._first:
            self._first = piece
        if _tells(piece) or (piece.find(b"D") >= 0 and piece.find(b"[DONE]") >= 0):
            return self._looked_at(piece)
        self._weight.add(piece)
        if self._finish is not None and b"data:" in piece:
            return self.rest() + piece
        return piece

    def _unusual(self, piece: bytes) -> tuple[bytes, bytes]:
        """Return what can go on of what is not just some whole events, and the whole events to be looked at."""
        if self._recast is not None:
            return self._rewritten(self._recast, piece), b""
        if self.done:
            return b"", b""
        if b"\r" in piece:  # lines end otherwise: an event's end has to be looked for
            return self._turned(piece), b""
        if self._tail:
            if b"\n\n" not in piece and not (piece.startswith(b"\n") and self._tail[-1].endswith(b"\n")):
                self._keep(piece)
                return b"", b""
            piece = b"".join([*self._tail, piece])
            self._tail, self._tail_size = [], 0
        cut = piece.rfind(b"\n\n") + 2
        if cut == 1:
            self._keep(piece)
            return b"", b""
        if cut < len(piece):
            self._keep(piece[cut:])
        return b"", piece[:cut]

    def rest(self) -> bytes:
        """Return the finishing chunk if it is still held: no usage came for it."""
        if self._recast is not None:
            return b"".join(self._recast.rest())
        held, self._finish = self._finish, None
        return held or b""

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._tail.append(piece)
        self._tail_size += len(piece)
        if self._tail_size > MAX_EVENT_BYTES:
            raise TooLargeError(f"One event of the stream is larger than {MAX_EVENT_BYTES} bytes.")

    def _looked_at(self, piece: bytes) -> bytes:
        out = []
        for event in piece.split(b"\n\n")[:-1]:
            data = _data_of(event)
            if data == b"[DONE]":
                self.done = True
                out.append(self.rest())
                break
            out.append(event + b"\n\n" if data is None else self._event(event + b"\n\n", data))
        return b"".join(out)

    def _event(self, event: bytes, data: bytes) -> bytes:
        found = event_from(data) if self._fold is None else None
        if found is None:
            return self._folded(event, data)
        self._weight.add(event)
        self._model = self._model or found.model
        if found.took is not None and (found.is_top or not self._is_top):
            self._took, self._is_top = found.took, found.is_top
        if found.is_extra:
            return self._usage(event, data)
        return self._held(event) if found.finishes and found.took is None else self.rest() + event

    def _folded(self, event: bytes, data: bytes) -> bytes:
        """Read an event as a whole, and all that follow."""
        payload = decode(data, what="An event of the stream")
        if isinstance(payload, dict) and payload.get("error"):
            raise error_in_event(payload, self._row, model=self._asked)
        chunk = chunk_from(payload)
        if self._fold is None:
            self._fold = self._begun()
        self._fold.add(chunk)
        self._weight.add(event)
        if not payload.get("choices") and isinstance(payload.get("usage"), dict):
            return self._usage(event, data)
        return self._held(event) if chunk.finish_reason is not None and chunk.usage is None else self.rest() + event

    def _begun(self) -> Fold:
        """Return a fold that knows what the events told that were read without one."""
        fold, took = Fold(asked_model=self._asked), self._took
        usage = None
        if took is not None:
            usage = Usage(
                prompt_tokens=took.prompt_tokens,
                completion_tokens=took.completion_tokens,
                cached_tokens=took.cached_tokens,
                reasoning_tokens=took.reasoning_tokens,
            )
        fold.add(Chunk(model=self._model, usage=usage, raw={"usage": {}} if self._is_top else {}))
        return fold

    def _held(self, event: bytes) -> bytes:
        """Hold the event that finishes the answer until its usage is there."""
        before = self.rest()
        self._finish = event
        return before

    def _usage(self, event: bytes, data: bytes) -> bytes:
        if self._finish is not None:
            finish = msgspec.json.decode(_data_of(self._finish) or b"{}")
            finish["choices"][0]["usage"] = msgspec.json.decode(data)["usage"]
            self._finish = b"data: " + msgspec.json.encode(finish) + b"\n\n"
        return self.rest() + (event if self._include_usage else b"")

    def _turned(self, piece: bytes) -> bytes:
        before = self.rest()
        self._recast = self._rewriting(embedded=False)
        return before + self._rewritten(self._recast, b"".join([*self._tail, piece]))

    def _rewriting(self, *, embedded: bool) -> Recast:
        return Recast(self._row, asked_model=self._asked, include_usage=self._include_usage, embedded=embedded)

    def _rewritten(self, recast: Recast, piece: bytes) -> bytes:
        out = b"".join(recast.feed(piece))
        self.done = recast.done
        return out


def _data_of(event: bytes) -> bytes | None:
    """Return the data of one event; None where it is only a comment."""
    if event.startswith(b"data:") and b"\n" not in event:
        return event[5:].strip(b" ")
    lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None


def _model_in(event: bytes) -> str:
    at = event.find(_MODEL)
    end = event.find(b'"', at + len(_MODEL))
    return event[at + len(_MODEL) : end].decode("utf-8", "replace") if 0 <= at < end else ""


def _check_text(piece: bytes) -> None:
    try:
        piece.decode()
    except UnicodeDecodeError as error:
        raise BrokenStreamError("The stream carries bytes that are not UTF-8.") from error
