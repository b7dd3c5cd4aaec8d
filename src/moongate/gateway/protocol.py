"""The clients' connections: uvicorn's protocol over httptools, which answers the hot route by itself.

`POST /v1/chat/completions` becomes a `Visit`, everything else goes uvicorn's way through ASGI. Added for all routes:
limits on heads, read time-outs, a Host header that must be there, one order of answers, answers in JSON to what is no
HTTP. Why the bypass: docs/decisions, "One route past ASGI".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from moongate.gateway import heads, replies
from moongate.gateway.porter import Fields
from moongate.gateway.replies import Refusal
from moongate.gateway.visit import Visit

if TYPE_CHECKING:
    from moongate.gateway.relay import Relay

CHAT = b"/v1/chat/completions"
HEAD_MAX_BYTES = 64 * 1024  # of a head; also of what comes between two pieces of a body
HEADERS_MAX = 128
PIPELINED_MAX = 32
LAST_S = 0.25  # how long a connection without a request stays open when the gateway ends
GOODBYE_S = 0.5  # how long TLS's goodbye may take then


class Protocol(HttpToolsProtocol):
    """One connection."""

    cycle: Any  # uvicorn's, or a visit
    pipeline: Any

    def __init__(self, relay: Relay, **more: Any) -> None:
        super().__init__(**more)
        self.relay = relay
        self._current: Any = None  # the visit or cycle that is being answered
        self._fresh = True  # no request is arriving
        self._in_head = False
        self._fields: Fields | None = None  # of the chat whose head arrived last
        self._count = 0  # headers
        self._head_bytes = 0
        self._quiet_bytes = 0  # since the last piece of a body, or the last request
        self._body_bytes = 0
        self._is_offered = False  # another protocol, by the request whose head just ended
        self._deaf = False  # what still comes is not looked at
        self._refused: Refusal | None = None  # why the head is not read to its end
        self._since = relay.now  # when something last went on
        self._began = relay.now  # when the request that is arriving began

    # asyncio

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._deaf:
            return
        relay = self.relay
        self._since = relay.now
        alone = self._fresh and self._current is None
        if alone:
            porter = relay.porter
            recalled = porter.known.recall(data, porter.options.max_body_bytes)
            if recalled is not None:
                self.cycle = self._current = visit = Visit(self, relay, not relay.ending, True)
                visit.enter_known(recalled[0])
                relay.turn.begins(visit, recalled[1])
                return
        self._quiet_bytes += len(data)
        try:
            self._feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._garbled(error)
            return
        if self._quiet_bytes > HEAD_MAX_BYTES:
            self._turn_away(replies.HEAD_TOO_LARGE)
            return
        fields, self._fields = self._fields, None
        cycle = self.cycle
        if cycle.__class__ is Visit:
            if cycle.refusal is not None:
                cycle.turn_away()
            elif alone and self._fresh and fields is not None and cycle.caller is not None and cycle.is_plain:
                self.relay.porter.known.remember(data, fields, cycle.caller, cycle.own)

    def connection_made(self, transport: Any) -> None:
        """Begin; what was accepted as the gateway began to end is in time for one request."""
        super().connection_made(transport)
        if self.relay.ending:
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever is at work for this connection."""
        current, latest = self._current, self.cycle
        super().connection_lost(exc)
        self.pipeline.clear()
        for visit in (current, latest):
            if visit.__class__ is Visit:
                visit.left()
            elif visit is not None:
                visit.disconnected = not visit.response_complete
                visit.message_event.set()
        self._current = None

    def shutdown(self) -> None:
        """Answer what was asked and close. A request that is on its way is answered, too, as the last one."""
        if self._current is not None:
            super().shutdown()
        self.loop.call_later(LAST_S, self._leave)

    def _leave(self) -> None:
        if self._current is None and self._fresh:
            if not self.transport.get_write_buffer_size():
                self.loop.call_later(GOODBYE_S, self.transport.abort)
            self.transport.close()

    def pause_writing(self) -> None:
        """Hold back what the client does not take, its next requests too."""
        super().pause_writing()
        self.flow.pause_reading()
        self._since = self.relay.now
        if self._current.__class__ is Visit:
            self._current.pause()

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if not self.pipeline:
            self.flow.resume_reading()
        self._since = self.relay.now
        if self._current.__class__ is Visit:
            self._current.resume()

    # httptools

    def on_message_begin(self) -> None:
        """Begin a request; its scope is made only if it goes uvicorn's way."""
        if len(self.pipeline) >= PIPELINED_MAX or (self.cycle is not None and not self.cycle.keep_alive):
            raise httptools.HttpParserError("no more requests are taken on this connection")
        self._fresh = False
        self._in_head = True
        self.url = b""
        self.headers = []
        self._count = self._head_bytes = self._body_bytes = 0
        self._began = self.relay.now

    def on_url(self, url: bytes) -> None:
        """Collect the target."""
        self.url += url
        if len(self.url) > HEAD_MAX_BYTES:
            self._refused = replies.HEAD_TOO_LARGE
            raise httptools.HttpParserError("the target is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header; what comes behind a body is counted and dropped."""
        self._count += 1
        self._head_bytes += len(name) + len(value)
        if self._count > HEADERS_MAX or self._head_bytes > HEAD_MAX_BYTES:
            self._refused = replies.HEAD_TOO_LARGE
            raise httptools.HttpParserError("too many headers")
        if self._in_head:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Take the hot route, or uvicorn's."""
        self._in_head = False
        parser = self.parser
        if parser.should_upgrade() and parser.get_method() != b"CONNECT":
            self._is_offered = True  # the parser stops here: `_feed` goes on
            return
        is_1_0 = parser.get_http_version() == "1.0"
        if parser.get_method() == b"POST" and (self.url == CHAT or self.url.partition(b"?")[0] == CHAT):
            keep_alive = not is_1_0 and not self.relay.ending and parser.should_keep_alive()
            visit = Visit(self, self.relay, keep_alive, not is_1_0)
            fields = self._fields = dict(self.headers)
            visit.enter(fields, self.headers)
            before, self.cycle = self.cycle, visit
            if before is None or before.response_complete:
                self._start_asgi_task(visit, None)
            else:
                self.flow.pause_reading()
                self.pipeline.appendleft((visit, None))
        else:
            self._on_cold_headers(is_1_0=is_1_0)

    def on_body(self, body: bytes) -> None:
        """Collect a piece of a body."""
        self._quiet_bytes = 0
        self._body_bytes += len(body)
        if self.cycle.__class__ is Visit:
            self.cycle.take(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of a request."""
        if self._is_offered:
            return
        self._quiet_bytes = 0
        self._fresh = True
        if self.cycle.__class__ is Visit:
            self.cycle.complete()
        else:
            super().on_message_complete()

    # For visits, and for uvicorn's cycles

    def visited(self, visit: Visit, last: bytes) -> None:
        """Write the end of an answer, and go on with the next request."""
        transport = self.transport
        if transport.is_closing():
            return
        if visit.keep_alive and not self.pipeline and not self.flow.read_paused:
            relay = self.relay
            relay.turn.write(transport, last)
            self._current = None
            self._since = relay.now
            return
        transport.write(last)
        if not visit.keep_alive:
            self._deaf = True
            self.transport.close()
        self.on_response_complete()

    def hang_up(self) -> None:
        """Close soon, and read until then: a client that still sends would not see its answer otherwise."""
        if not self._deaf:
            self._deaf = True
            self.loop.call_later(self.relay.patience.linger_s, self.transport.close)

    def on_response_complete(self) -> None:
        """Begin the next request that waits, if there is one. Time-outs are `look`'s."""
        self.server_state.total_requests += 1
        self._current = None
        self._since = self.relay.now
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        if self.flow.read_paused and not self.flow.write_paused and not self.pipeline:
            self.flow.resume_reading()  # the end of a request whose turn has come may not be here yet

    def look(self, now: float) -> None:
        """End what takes too long; called twice a second."""
        waited = now - self._since
        if self._deaf or self.transport is None:
            return
        if self.flow.write_paused:
            if waited > self.relay.patience.write_s:
                self.transport.abort()
        elif self._in_head:
            if now - self._began > self.relay.patience.head_s:
                self._turn_away(replies.HEAD_TOO_SLOW)
        elif not self._fresh:
            if not self.flow.read_paused and (waited > self.relay.patience.silence_s or self._is_trickling(now)):
                self._turn_away(replies.TOO_SLOW)
        elif self._current is None and waited > self.relay.patience.idle_s:
            self.transport.close()

    def _is_trickling(self, now: float) -> bool:
        took, patience = now - self._began, self.relay.patience
        return took > patience.body_grace_s and self._body_bytes < took * patience.body_slowest

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._current = cycle
        if cycle.__class__ is Visit:
            cycle.start()
        else:
            super()._start_asgi_task(cycle, app)

    def _on_cold_headers(self, *, is_1_0: bool) -> None:
        url, headers = self.url, self.headers
        hosts = sum(name == b"host" for name, _ in headers)
        if hosts > 1 or (hosts == 0 and not is_1_0):
            self._refused = replies.DOUBLED if hosts else replies.NO_HOST
            raise httptools.HttpParserError("no host")
        super().on_message_begin()
        self.url = url
        self.headers.extend(headers)  # the list is the scope's
        self.expect_100_continue = (b"expect", b"100-continue") in headers
        super().on_headers_complete()
        self.cycle.keep_alive = self.cycle.keep_alive and not self.relay.ending

    def _feed(self, data: bytes) -> None:
        """Parse, and decline offers to speak another protocol, as clients on Java and `curl --http2` make them."""
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                if not self._is_offered:
                    raise
                data = self._without_offer() + data[offer.args[0] :]
                self._fields = None
            else:
                return

    def _without_offer(self) -> bytes:
        """Return the head that the parser stopped at, without the offer, for a new parser."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self._is_offered = False
        self.parser = _parser(self)
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, b"".join(lines))

    def _garbled(self, error: Exception) -> None:
        refused, self._refused = self._refused, None
        if isinstance(error, httptools.HttpParserUpgrade):
            refused = replies.NO_UPGRADE
        self._turn_away(refused or replies.GARBLED)

    def _turn_away(self, refusal: Refusal) -> None:
        """Take no more from this connection. What was asked for before is answered first."""
        self._deaf = True
        cycle, in_body = self.cycle, not self._fresh and not self._in_head
        if cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False
            if not in_body:
                return  # it stands behind a request that is being answered
            if cycle.__class__ is Visit:
                cycle.refusal = refusal
                cycle.turn_away()
                return
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.close()
                return
        self.transport.write(heads.refusal(self.relay.date, refusal, heads.CLOSE))
        self.loop.call_later(self.relay.patience.linger_s, self.transport.close)


def _parser(protocol: Protocol) -> httptools.HttpRequestParser:
    """Return a parser that is set as uvicorn sets its own."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser
