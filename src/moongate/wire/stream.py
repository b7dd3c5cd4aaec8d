"""A streamed chat as a `feed()` object: bytes in, chunks out, and in the end the whole answer.

The stream is complete only when `[DONE]` came (platform docs, 2026-08-13); an error object may come in its middle
although the status was 200.
"""

from __future__ import annotations

from moongate.errors import BrokenStreamError, MoongateError
from moongate.facts.chat import Answer, Chunk
from moongate.facts.providers import Provider
from moongate.wire.fold import Fold, chunk_from
from moongate.wire.replies import decode, error_in_event
from moongate.wire.sse import Decoder

DONE = "[DONE]"


class ChatStream:
    """The state of one stream."""

    def __init__(self, row: Provider, *, asked_model: str) -> None:
        self._row = row
        self._asked = asked_model
        self._decoder = Decoder()
        self._fold = Fold(asked_model=asked_model)
        self.done = False

    def feed(self, piece: bytes) -> list[Chunk]:
        """Return the chunks that `piece` completes. Raises what the stream itself reports, or BrokenStreamError."""
        try:
            events = self._decoder.feed(piece)
            return [chunk for event in events if (chunk := self._chunk(event)) is not None]
        except MoongateError as error:
            raise self.broken(error) from error

    def finish(self) -> Answer:
        """Return the answer after the last piece. Raises BrokenStreamError when the stream was not done."""
        if not self.done:
            raise self.broken(None)
        return self._fold.answer()

    def so_far(self) -> Answer:
        """Return the answer as far as it came."""
        return self._fold.answer()

    def broken(self, cause: MoongateError | None) -> MoongateError:
        """Return the error for a stream that ended early; what the provider itself reported keeps its kind."""
        if cause is not None and cause.provider_message is not None:
            cause.partial = cause.partial or self._fold.content
            return cause
        if isinstance(cause, BrokenStreamError) and cause.partial:
            return cause
        why = cause.message if cause else "it ended without [DONE]."
        error = BrokenStreamError(
            f"The stream from {self._row.title} ({self._row.host}) broke off: {why}",
            advice="The text so far is incomplete, and the call may have been charged.",
        )
        error.partial = self._fold.content
        return error

    def _chunk(self, event: str) -> Chunk | None:
        if self.done:
            return None  # nothing after [DONE] belongs to the answer
        if event == DONE:
            self.done = True
            return None
        payload = decode(event.encode(), what="An event of the stream")
        if isinstance(payload, dict) and payload.get("error"):
            raise error_in_event(payload, self._row, model=self._asked)
        chunk = chunk_from(payload)
        self._fold.add(chunk)
        return chunk
