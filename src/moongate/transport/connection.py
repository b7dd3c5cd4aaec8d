"""One raw HTTP/1.1 connection to an endpoint: bytes of a request in, the parsed answer out to a `Sink`.

An asyncio protocol over httptools, for asyncio and uvloop. Which connection a request takes, and how many there may
be, is `pool`'s matter; so are the clocks: the pool looks at `is_late` now and then, instead of a timer for each call.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from moongate.errors import MoongateError, TimedOutError, TooLargeError, UnreachableError
from moongate.wire.clean import excerpt

if TYPE_CHECKING:
    from moongate.transport.pool import Pool

_OK = b"HTTP/1.1 200 "
_framing = re.compile(
    rb"\n(?:content-length: (\d+)\r|[ \t]|content-length|transfer-encoding|connection|upgrade|keep-alive)"
).findall
_PLAIN_HEAD_MAX = 16 * 1024
Headers = list[tuple[bytes, bytes]]  # as they came, names in lower case


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one pool takes at most."""

    max_connections: int = 100
    max_waiting: int = 10_000  # requests that wait for a connection
    max_head_bytes: int = 64 * 1024  # also of what comes between two pieces of a body, such as trailers
    max_headers: int = 128


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long things may take, in seconds. Checked in steps of an eighth of the shortest, half a second at most.

    Moonshot ends a silent chat after 900 s with a 504 (platform docs, 2026-08-13): the defaults wait a little longer.
    """

    connect_s: float = 10.0
    tls_s: float = 10.0
    write_s: float = 60.0  # no byte of a request could be written for so long
    first_byte_s: float = 930.0  # from the last byte of the request on
    silence_s: float = 930.0  # between two pieces of an answer
    idle_s: float = 20.0  # a connection without a request is closed then


class Sink(Protocol):
    """Who takes an answer. `on_end`, `on_whole` or `on_error` comes last, once; nothing after `Connection.abort`."""

    def on_head(self, status: int, headers: Headers) -> None:
        """Take status and headers."""
        ...

    def on_body(self, piece: bytes) -> None:
        """Take a piece of the body, as it arrived."""
        ...

    def on_end(self) -> None:
        """Know that the answer is complete; the connection already serves somebody else."""
        ...

    def on_whole(self, head: bytes, body: bytes) -> None:
        """Take an answer of status 200 that arrived in one piece, instead of the calls above."""
        ...

    def on_error(self, error: MoongateError) -> None:
        """Know why the answer does not come, or not to its end. `error.sent`: the request may have been taken."""
        ...


class Connection(asyncio.Protocol):
    """One connection. `send` a request, then feed the sink until the answer ends; one request at a time."""

    __slots__ = (
        "_between",
        "_blocked",
        "_body",
        "_count",
        "_drained",
        "_ended",
        "_framed",
        "_fresh",
        "_head",
        "_headers",
        "_heard",
        "_keep",
        "_more",
        "_overhead",
        "_parser",
        "_paused",
        "_pool",
        "_sink",
        "_transport",
        "ends",
        "idle_s",
        "since",
    )

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._sink: Sink | None = None
        self._headers: Headers = []
        self._body: list[bytes] = []
        self._fresh = False  # nothing of the answer has come
        self._head = False  # a head was read and not told yet
        self._heard = False  # the head of the answer has come
        self._ended = False
        self._framed = False  # the body's end can be told from its bytes
        self._between = False  # the last chunk of the body has come to its end, and nothing behind it
        self._overhead = 0  # bytes since the last piece of a body
        self._count = 0
        self._keep = False  # the connection can serve again
        self._more = False  # the request is not written to its end
        self._paused = False  # the sink takes no more for now
        self._blocked = False  # the network takes no more for now
        self._drained: asyncio.Future[None] | None = None
        self.since = pool.now  # when something last went on
        self.ends: float | None = None  # when the exchange must be over
        self.idle_s = pool.timeouts.idle_s

    # For whoever uses the connection

    def send(self, data: bytes, sink: Sink, *, more: bool = False) -> None:
        """Write a request, or its beginning if there is `more`, and have the answer told to `sink`."""
        self._sink = sink
        self._more = more
        self._fresh = True
        self.since = self._pool.now
        cast("asyncio.Transport", self._transport).write(data)

    def write(self, data: bytes, *, more: bool) -> None:
        """Write the next piece of the request's body. Does nothing once the answer has ended."""
        if self._sink is not None:
            self._more = more
            cast("asyncio.Transport", self._transport).write(data)

    async def drained(self) -> None:
        """Wait until the network takes more; returns at once after an error, which the sink was told."""
        if self._blocked and self._sink is not None:
            if self._drained is None:
                self._drained = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._drained)

    def pause(self) -> None:
        """Read no more until `resume`: the endpoint is held back once the system's buffers are full."""
        if not self._paused and self._transport is not None and self._sink is not None:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            self.since = self._pool.now
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()

    def abort(self) -> None:
        """Close the connection at once; the sink hears nothing more."""
        self._sink = None
        if self._transport is not None:
            self._transport.abort()
        self._pool.forget(self)

    # For the pool

    @property
    def is_usable(self) -> bool:
        """Whether a request can be sent now."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def fileno(self) -> int:
        """The descriptor of the socket, or -1."""
        socket = self._transport.get_extra_info("socket") if self._transport is not None else None
        return -1 if socket is None else socket.fileno()

    def is_late(self, now: float) -> bool:
        """Say whether nothing went on for longer than it may; a sink that paused is not the endpoint's fault."""
        times, waited = self._pool.timeouts, now - self.since
        if self._sink is None:
            return waited > self.idle_s
        if self.ends is not None and now > self.ends:
            return True
        if self._blocked:
            return waited > times.write_s
        return not self._paused and waited > (times.silence_s if self._heard else times.first_byte_s)

    def fail(self, error: MoongateError) -> None:
        """Close the connection at once and tell the sink, if there is one, why."""
        sink = self._sink
        self.abort()
        self._wake()
        if sink is not None:
            sink.on_error(error)

    def late(self) -> MoongateError:
        """Return what to say of a connection that `is_late`."""
        what = "took no more bytes of the request" if self._blocked else "did not answer in time"
        if self._heard and not self._blocked:
            what = "fell silent in the middle of an answer"
        return TimedOutError(f"{self._pool.where} {what}.", advice="Try again, or raise --timeout.")

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse, then tell the sink in order: head, body, end."""
        sink, parser = self._sink, self._parser
        if sink is None or parser is None:
            self.abort()  # bytes that nobody asked for: what came next could be taken for an answer
            return
        self.since = self._pool.now
        if self._between:
            # Most events of a stream come as one chunk, alone and whole. Left out, the parser stands where it stood.
            at = data.find(b"\r\n")
            size = len(data) - at - 4
            if size > 0 and data[:at] == b"%x" % size and data.endswith(b"\r\n"):
                sink.on_body(data[at + 2 : -2])
                return
            self._between = False
        if self._fresh and data.startswith(_OK):
            end = _whole_end(data)
            if end and not self._more and not self._blocked:
                self._sink = self.ends = None
                if self._paused:
                    self.resume()
                self._pool.release(self)
                sink.on_whole(data[:end], data[end:])
                return
        if self._fresh:
            self._fresh = False
            self._headers = []
            self._heard = self._ended = self._framed = False
            self._overhead = self._count = 0
        wrong: Exception | None = None
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            wrong = error
        if self._head:
            self._head = False
            sink.on_head(parser.get_status_code(), self._headers)
        if self._body and self._sink is sink:
            self._overhead = 0
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._body = []
            sink.on_body(body)
        else:
            self._overhead += len(data)
        if self._sink is not sink:
            return  # it aborted
        if self._between and not data.endswith(b"\r\n"):
            self._between = False  # the beginning of the next one's size
        if wrong is not None:
            self.fail(self._broken(wrong))
        elif self._ended:
            self._end(sink)
        elif self._overhead > self._pool.limits.max_head_bytes:
            self.fail(TooLargeError(f"{self._pool.where} answered with headers without end."))

    def eof_received(self) -> None:
        """Let the transport close; `connection_lost` follows."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the sink, unless the end of the connection is the end of the answer."""
        sink, self._sink = self._sink, None
        self._parser = None  # it refers back to this object
        self._transport = None
        self._wake()
        self._pool.forget(self)
        if sink is None:
            return
        if exc is None and self._heard and not self._framed:
            sink.on_end()
        else:
            said = excerpt(str(exc), 120) if exc else "closed by the other side"
            sink.on_error(
                UnreachableError(f"{self._pool.where} broke the connection off ({said}).", advice="Try again.")
            )

    def pause_writing(self) -> None:
        """Note that the network takes no more."""
        self._blocked = True
        self.since = self._pool.now

    def resume_writing(self) -> None:
        """Note that it does again."""
        self._blocked = False
        self.since = self._pool.now
        self._wake()

    # httptools

    def on_message_begin(self) -> None:
        """Refuse a second answer to one request."""
        if self._ended:
            raise HttpParserError("more than one answer came")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header; trailers are counted and dropped."""
        self._count += 1
        if self._count > self._pool.limits.max_headers:
            raise HttpParserError(f"more than {self._pool.limits.max_headers} headers came")
        if not self._heard:
            name = name.lower()
            if name == b"content-length" or name == b"transfer-encoding":
                self._framed = True
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Note the head of the answer, unless it is only an announcement such as 100 or 103."""
        status = cast("HttpResponseParser", self._parser).get_status_code()
        if status < 200:
            self._headers = []
            self._framed = False
        else:
            self._head = self._heard = True

    def on_body(self, piece: bytes) -> None:
        """Collect a piece."""
        self._body.append(piece)

    def on_chunk_header(self) -> None:
        """Note that a chunk begins."""
        self._between = False

    def on_chunk_complete(self) -> None:
        """Note that it has ended."""
        self._between = True

    def on_message_complete(self) -> None:
        """Note the end."""
        self._between = False
        self._ended = self._heard
        self._keep = cast("HttpResponseParser", self._parser).should_keep_alive()  # it forgets right after

    def _end(self, sink: Sink) -> None:
        self._sink = None
        self.ends = None
        if self._paused:
            self.resume()
        if self._more or self._blocked or not self._keep:
            self.abort()  # also where the answer came before the request was taken whole
        else:
            self._learn()
            self._pool.release(self)
        self._wake()
        sink.on_end()

    def _learn(self) -> None:
        """Take an end of idle connections that the endpoint announces: `Keep-Alive: timeout=5`."""
        for name, value in self._headers:
            if name == b"keep-alive":
                said = value.lower().partition(b"timeout=")[2].partition(b",")[0].strip()
                if said.isdigit() and len(said) < 6:
                    self.idle_s = min(self._pool.timeouts.idle_s, max(int(said) - 1.0, 0.5))

    def _broken(self, error: Exception) -> MoongateError:
        said = excerpt(str(error.__context__ or error), 120) or type(error).__name__
        return UnreachableError(f"{self._pool.where} answered with what is not HTTP/1.1 ({said}).")

    def _wake(self) -> None:
        waiting, self._drained = self._drained, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


def _whole_end(data: bytes) -> int:
    """Return where the body begins of an answer that is here to its last byte; 0 where that is not certain.

    Most plain answers arrive so, and need no parser. A head that speaks of its framing twice, or of connections, is
    left to one.
    """
    end = data.find(b"\r\n\r\n") + 4
    if not 4 <= end <= _PLAIN_HEAD_MAX:
        return 0
    return end if _framing(data[:end].lower()) == [b"%d" % (len(data) - end)] else 0
