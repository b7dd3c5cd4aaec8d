"""Kept connections to one endpoint, for the rooms where a call may cost microseconds only: gateway and batch engine.

`exchange` is a whole call; `take` or `open`, then `Connection.send`, is the same in pieces. Nothing is sent twice:
a request that was written when its connection broke may have been taken, and its error says `sent`.
"""

from __future__ import annotations

import asyncio
import re
import select
import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Self

from moongate.errors import MoongateError, TimedOutError, TooLargeError, UnreachableError
from moongate.facts.providers import Provider
from moongate.transport.connection import Connection, Headers, Limits, Sink, Timeouts
from moongate.transport.dial import Dialer
from moongate.transport.network import Network
from moongate.wire.replies import Reply

__all__ = ["Connection", "Headers", "Limits", "Pool", "Sink", "Timeouts", "timeouts_from"]

REPLY_MAX_BYTES = 64 * 1024 * 1024
_TARGET = re.compile(rb"/[!-~]*")
_METHOD = re.compile(rb"[A-Z]+")


def timeouts_from(network: Network) -> Timeouts:
    """Return a pool's times from the settings that the other doors use."""
    return Timeouts(
        connect_s=network.connect_timeout_s,
        tls_s=network.connect_timeout_s,
        first_byte_s=network.read_timeout_s,
        silence_s=network.read_timeout_s,
    )


class Pool:
    """The connections to the origin of `row.base_url`, made within one event loop.

    Raises ConfigError for a CA file or a proxy that cannot be used.
    """

    def __init__(
        self,
        row: Provider,
        network: Network | None = None,
        *,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        network = network or Network()
        self.limits = limits or Limits(max_connections=network.max_connections)
        self.timeouts = timeouts or timeouts_from(network)
        self.where = f"{row.title} ({row.host})"
        self.now = time.monotonic()  # as of the last sweep: exact enough for time-outs
        self._dialer = Dialer(row, network, self.timeouts)
        self._host = row.host.encode()
        self._idle: list[Connection] = []  # the one used last is used first, so that the rest can age
        self._all: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False
        times = (self.timeouts.write_s, self.timeouts.first_byte_s, self.timeouts.silence_s, self.timeouts.idle_s)
        self._tick_s = max(0.01, min(0.5, min(times) / 8))

    async def exchange(
        self,
        method: bytes,
        target: bytes,
        headers: bytes,
        body: bytes = b"",
        *,
        deadline_s: float | None = None,
        max_reply_bytes: int = REPLY_MAX_BYTES,
    ) -> Reply:
        """Send a request once and return the reply, whatever its status.

        `headers` are whole lines, each with its CRLF; `host` and `content-length` are added. The body of the reply is
        as it came: ask for `accept-encoding: identity`. Raises UnreachableError, TimedOutError or TooLargeError;
        their `sent` is False where no byte of the request left.
        """
        request = self.request(method, target, headers, body)
        ends = None if deadline_s is None else time.monotonic() + deadline_s
        connection = self.take() or await self.open(within_s=deadline_s)
        connection.ends = ends
        whole = _Whole(connection, max_reply_bytes)
        connection.send(request, whole)
        try:
            return await whole.reply
        except asyncio.CancelledError:
            connection.abort()
            raise

    def request(self, method: bytes, target: bytes, headers: bytes, body: bytes) -> bytes:
        """Return the bytes of a request. Raises ValueError for parts that would not stay in their place."""
        return b"%b%d\r\n\r\n%b" % (self.opening(method, target, headers), len(body), body)

    def opening(self, method: bytes, target: bytes, headers: bytes) -> bytes:
        """Return the beginning of requests, for whoever adds the length, an empty line and the body.

        Raises ValueError for parts that would not stay in their place.
        """
        if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target) or b"\r\n\r\n" in headers:
            raise ValueError(f"{method!r} {target!r} cannot be the first line of a request")
        return b"%b %b HTTP/1.1\r\nhost: %b\r\n%bcontent-length: " % (method, target, self._host, headers)

    def take(self) -> Connection | None:
        """Return a kept connection, if there is one and nobody waits for it. Use it at once."""
        while self._idle and not self._waiting:
            connection = self._idle.pop()
            if connection.is_usable and not (self.now - connection.since > 1 and _has_ended(connection)):
                return connection
            connection.abort()
        return None

    async def open(self, *, within_s: float | None = None) -> Connection:
        """Return a connection, kept or new, when there may be one; use it at once.

        Raises UnreachableError or TimedOutError, whose `sent` is False.
        """
        if self._closed:
            raise self._shut()
        while len(self._all) + self._opening >= self.limits.max_connections:
            handed = await self._turn(within_s)
            if handed is None:
                break
            if handed.is_usable:
                return handed
        else:
            self._opening += 1
        try:
            connection = await self._dialer.dial(lambda: Connection(self))
        except BaseException as error:
            self._opening -= 1
            self._hand_on_room()
            if isinstance(error, MoongateError):
                error.sent = False
            raise
        self._opening -= 1
        self._all.add(connection)
        if self._closed:
            connection.abort()
            raise self._shut()
        self._sweep_on()
        return connection

    async def close(self) -> None:
        """Close every connection; what is under way fails."""
        self._closed = True
        waiting, self._waiting = self._waiting, deque()
        for one in waiting:
            if not one.done():
                one.set_exception(self._shut())
        for connection in tuple(self._all):
            connection.fail(UnreachableError(f"The connections to {self.where} were closed."))
        self._idle.clear()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        await asyncio.sleep(0)  # transports close in the loop's next turn

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def size(self) -> int:
        """How many connections there are, in use or kept."""
        return len(self._all)

    # For connections

    def release(self, connection: Connection) -> None:
        """Take a connection back whose answer has ended."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(connection)
                return
        self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """Leave a closed connection out; somebody who waits may open another."""
        if connection in self._all:
            self._all.discard(connection)
            if connection in self._idle:
                self._idle.remove(connection)
            self._hand_on_room()

    async def _turn(self, within_s: float | None) -> Connection | None:
        """Wait for a connection that is free again, or (None) for the room, taken already, to open another."""
        if len(self._waiting) >= self.limits.max_waiting:
            raise _unsent(UnreachableError(f"{self.limits.max_waiting} requests to {self.where} wait already."))
        waiting: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(within_s):
                return await waiting
        except TimeoutError:
            self._pass_on(waiting)
            raise _unsent(TimedOutError(f"No connection to {self.where} became free in time.")) from None
        except asyncio.CancelledError:
            self._pass_on(waiting)
            raise

    def _pass_on(self, waiting: asyncio.Future[Connection | None]) -> None:
        """Give what somebody was handed who no longer waits for it to the next one."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)
        if waiting.cancelled() or not waiting.done() or waiting.exception() is not None:
            return
        handed = waiting.result()
        if handed is None:
            self._opening -= 1
            self._hand_on_room()
        elif handed.is_usable:
            self.release(handed)

    def _shut(self) -> MoongateError:
        return _unsent(UnreachableError(f"The connections to {self.where} are closed."))

    def _hand_on_room(self) -> None:
        while self._waiting and len(self._all) + self._opening < self.limits.max_connections:
            waiting = self._waiting.popleft()
            if not waiting.done():
                self._opening += 1
                waiting.set_result(None)

    def _sweep_on(self) -> None:
        if self._sweeping is None and not self._closed:
            self.now = time.monotonic()
            self._sweeping = asyncio.get_running_loop().call_later(self._tick_s, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        before, self.now = self.now, time.monotonic()
        now, stalled_s = self.now, self.now - before - self._tick_s
        if stalled_s > self._tick_s:  # the process stood still: what came meanwhile was not heard yet
            for connection in self._all:
                connection.since += stalled_s
        for connection in [one for one in self._all if one.is_late(now)]:
            connection.fail(connection.late())
        if self._all:
            self._sweep_on()


class _Whole:
    """A sink that collects an answer for whoever awaits `reply`."""

    __slots__ = ("_connection", "_headers", "_max", "_pieces", "_size", "_status", "reply")

    def __init__(self, connection: Connection, max_bytes: int) -> None:
        self._connection = connection
        self._max = max_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def on_head(self, status: int, headers: Headers) -> None:
        self._status, self._headers = status, headers

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > self._max:
            self._connection.abort()
            self.on_error(
                TooLargeError(f"The answer is larger than {self._max} bytes.", advice="Check the base url.")
            )

    def on_end(self) -> None:
        if not self.reply.done():
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers}
            self.reply.set_result(Reply(status=self._status, headers=headers, body=b"".join(self._pieces)))

    def on_whole(self, head: bytes, body: bytes) -> None:
        self.on_head(200, _headers_in(head))
        self.on_body(body)
        self.on_end()

    def on_error(self, error: MoongateError) -> None:
        if not self.reply.done():
            self.reply.set_exception(error)


def _headers_in(head: bytes) -> Headers:
    """Return the headers of a head that was found to be an ordinary one."""
    pairs = [line.partition(b":") for line in head.split(b"\r\n")[1:-2]]
    return [(name.lower(), value.strip(b" \t")) for name, _, value in pairs]


def _unsent(error: MoongateError) -> MoongateError:
    error.sent = False
    return error


def _has_ended(connection: Connection) -> bool:
    """Say whether an idle connection has something to read: its end, most likely, that the loop has not seen yet."""
    number = connection.fileno
    if number < 0:
        return True
    look = select.poll()
    look.register(number, select.POLLIN)
    return bool(look.poll(0))


if TYPE_CHECKING:

    def _conforms(whole: _Whole) -> Sink:
        return whole
