"""One chat on a client's connection: its head and body as they arrive, and the bytes of its answer.

To uvicorn's protocol a visit looks like one of its own cycles, so that order, draining and the other routes stay
uvicorn's. What is done upstream for it stands in `errand`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from moongate.errors import MoongateError
from moongate.gateway import heads, replies
from moongate.gateway.asked import asked_from
from moongate.gateway.errand import Errand
from moongate.gateway.porter import Fields, Headers
from moongate.gateway.recast import error_event
from moongate.gateway.replies import Refusal
from moongate.gateway.seams import Caller
from moongate.gateway.spool import IN_MEMORY_BYTES, FullError, Spooled
from moongate.gateway.tally import log_access

if TYPE_CHECKING:
    from moongate.gateway.known import Seen
    from moongate.gateway.protocol import Protocol
    from moongate.gateway.relay import Relay
    from moongate.wire.peek import Body


CHAT = "/v1/chat/completions"


class _Nobody:
    """Stands where uvicorn's cycle has an event that somebody waits for."""

    def set(self) -> None:
        """Wake nobody."""


_NOBODY = _Nobody()


class Visit(Errand):
    """One request and its answer. The protocol tells what arrives, and `start`: it is its turn."""

    __slots__ = (
        "_chunked",
        "_expects",
        "_pieces",
        "_protocol",
        "_running",
        "_spooled",
        "_started",
        "_taken",
        "_whole",
        "caller",
        "disconnected",
        "keep_alive",
        "own",
        "refusal",
        "response_complete",
    )

    message_event = _NOBODY  # uvicorn's

    def __init__(self, protocol: Protocol, relay: Relay, keep_alive: bool, chunked: bool) -> None:
        self._protocol = protocol
        self._relay = relay
        self.began = time.perf_counter()
        self.caller: Caller | None = None
        self.refusal: Refusal | None = None  # what is answered once it is its turn
        self.own = b""  # header lines that any answer to it carries
        self._expects = False  # 100-continue
        self._started = False
        self._whole = False  # the request has arrived
        self._pieces: list[bytes] = []
        self._spooled: Spooled | None = None
        self._taken = 0  # bytes of the body
        self._running = False  # upstream
        self._chunked = chunked
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_started = False
        self.response_complete = False
        self.traceparent = None

    # What the protocol tells

    def enter(self, fields: Fields, headers: Headers) -> None:
        """Look at the head."""
        porter = self._relay.porter
        if self._relay.tally.traces is not None and b"traceparent" in fields:
            self.traceparent = fields[b"traceparent"].decode("latin-1")
        if b"origin" in fields or b"x-request-id" in fields:
            self.own = porter.own_lines(fields)
        looked = porter.look(fields, headers)
        if isinstance(looked, Refusal):
            self.refusal = looked
        else:
            self.caller = looked
        if b"expect" in fields:
            self._expects = True
            if fields[b"expect"].lower() != b"100-continue":
                self.refusal = self.refusal or replies.EXPECTATION

    def enter_known(self, seen: Seen) -> None:
        """Take a whole request whose head is known and whose turn it is to be answered; `go` follows."""
        self.caller = seen.caller
        self.own = seen.own
        self._started = self._whole = True

    @property
    def is_plain(self) -> bool:
        """Whether nothing speaks against it, and its connection goes on as usual."""
        return self.refusal is None and self.keep_alive and self._chunked

    def start(self) -> None:
        """Begin to answer: everything before it on this connection is answered."""
        self._started = True
        if self._whole:
            self._go()
        elif self.refusal is not None:
            self.turn_away()
        elif self._expects and not self._taken:
            self._protocol.transport.write(heads.CONTINUE)
            self._expects = False

    def turn_away(self) -> None:
        """Refuse a request before all of it arrived. The rest is read and dropped, so that the answer is seen."""
        if self.refusal is not None and self._started and not self.response_complete:
            if self._expects:
                self.keep_alive = False  # nobody knows whether the body comes
            self.refuse(self.refusal)

    def take(self, piece: bytes) -> None:
        """Take a piece of the body."""
        self._taken += len(piece)
        most = self._relay.porter.options.max_body_bytes
        if self._taken > most:
            self.refusal = self.refusal or replies.TOO_LARGE
        if self.refusal is not None:
            self._drop()
            if self._taken > 2 * most:
                self._protocol.hang_up()
        elif self._spooled is None and self._taken <= IN_MEMORY_BYTES:
            self._pieces.append(piece)
        else:
            self._spool(piece)

    def complete(self) -> None:
        """Know that the request is whole."""
        self._whole = True
        if self._started and not self.response_complete:
            self._go()

    def left(self) -> None:
        """Know that the client is gone."""
        if not self.response_complete:
            self.disconnected = True
            self._end(b"")
            if self._running:
                self.cancel("client_gone")

    def cut_off(self) -> None:
        """End it because the gateway ends."""
        if self.response_complete:
            return
        self.keep_alive = False
        if self._running:
            self.cancel("lost")
        if self.response_started:
            self.end(error_event(replies.ENDING.document))
        else:
            self.refuse(replies.ENDING)

    def pause(self) -> None:
        """Know that the client does not take what is there."""
        if self._running:
            self.hold_back()

    def resume(self) -> None:
        """Know that it does again."""
        if self._running:
            self.go_on()

    # What the errand brings

    def refuse(self, refusal: Refusal) -> None:
        """Answer no."""
        self._count(refusal.status)
        self._end(heads.refusal(self._relay.date, refusal, self.lines()))

    def answer(self, whole: bytes) -> None:
        """Answer in one piece, head and body."""
        relay = self._relay
        relay.tally.counts.answered(CHAT, 200)
        if relay.porter.options.access_log:
            log_access("POST", CHAT, 200)
        self.response_complete = True
        if self._pieces or self._spooled is not None:
            self._drop()
        self._protocol.visited(self, whole)

    def begin(self, head: bytes) -> None:
        """Begin an answer whose length nobody knows."""
        self.response_started = True
        self._count(200)
        self._protocol.transport.write(
            head + b"transfer-encoding: chunked\r\n\r\n" if self._chunked else head + b"\r\n"
        )

    def write(self, piece: bytes) -> None:
        """Go on with it."""
        self._protocol.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked else piece)

    def end(self, piece: bytes) -> None:
        """End it with a last piece, which may be empty."""
        if self._chunked:
            piece = b"%x\r\n%b\r\n0\r\n\r\n" % (len(piece), piece) if piece else heads.LAST_CHUNK
        self._end(piece)

    def _count(self, status: int) -> None:
        self._relay.tally.counts.answered(CHAT, status)
        if self._relay.porter.options.access_log:
            log_access("POST", CHAT, status)

    def lines(self) -> bytes:
        """Return the header lines of its answer that no other answer has."""
        return self.own if self.keep_alive else self.own + heads.CLOSE

    def go(self, body: Body) -> None:
        """Answer a request that was let in, by its body."""
        if self.response_complete:
            return  # its client left, or the gateway ends
        try:
            asked = asked_from(body)
        except MoongateError as error:
            self.refuse(self._relay.refusal(error, None, None))
            return
        if self.caller is not None:
            self._running = True
            self.run(self.caller, asked)

    def broke(self) -> None:
        """Say that something went wrong that nobody foresaw."""
        if self._running:
            super().broke()
        else:
            self._relay.failed()
            self.refuse(replies.FAILED)

    def _go(self) -> None:
        if self.refusal is not None:
            self.refuse(self.refusal)
            return
        try:
            body = self._body()
        except FullError:
            self.refuse(replies.NO_ROOM)
        else:
            self.go(body)

    def _body(self) -> Body:
        if self._spooled is not None:
            return self._spooled.whole()
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _end(self, last: bytes) -> None:
        self.response_complete = True
        if self._pieces or self._spooled is not None:
            self._drop()
        self._protocol.visited(self, last)

    def _spool(self, piece: bytes) -> None:
        try:
            if self._spooled is None:
                self._spooled = self._relay.spool.open()
                for early in self._pieces:
                    self._spooled.write(early)
                self._pieces = []
            self._spooled.write(piece)
        except FullError as error:
            self._relay.warn("a large request was turned away: %s", error)
            self.refusal = replies.NO_ROOM
            self._drop()

    def _drop(self) -> None:
        self._pieces = []
        if self._spooled is not None:
            self._spooled.close()
            self._spooled = None
