"""HTTP/1.1 on one connection: h11 for the protocol, asyncio for the bytes, and the faults only a socket can have.

A door. What to answer is decided by the `Handle` it is given; nothing here knows Moonshot.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import struct
from collections.abc import Callable, Iterable, Iterator

import h11

from moongate.testing.exchange import Received, Reply, received
from moongate.testing.faults import Fault

Handle = Callable[[Received], tuple[Reply, Fault | None]]
HEADERS_MAX_BYTES = 65_536
READ_BYTES = 262_144


class Connection:
    """One client's connection, request after request until either side closes it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        handle: Handle,
        clock: Callable[[], float],
        body_max_bytes: int,
    ) -> None:
        self._reader, self._writer, self._handle = reader, writer, handle
        self._clock, self._max = clock, body_max_bytes
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADERS_MAX_BYTES)

    async def run(self) -> None:
        """Serve the connection to its end; a client that goes away ends it too."""
        try:
            with contextlib.suppress(ConnectionError):
                while await self._one():
                    self._h11.start_next_cycle()
        finally:
            self._writer.close()

    async def _one(self) -> bool:
        """Serve one request; say whether another may follow."""
        try:
            request = await self._request()
        except h11.RemoteProtocolError as error:
            await self._send(Reply(status=error.error_status_hint, headers=(("connection", "close"),)), "GET")
            return False
        if request is None:
            return False
        reply, fault = self._handle(request)
        try:
            await self._deliver(reply, fault, request.method)
        finally:
            reply.release()
        return self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE

    async def _request(self) -> Received | None:
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        body, size = bytearray(), 0
        while isinstance(event := await self._event(), h11.Data):
            size += len(event.data)
            if size <= self._max:  # what is too much is read and dropped, so that the client gets its answer
                body += event.data
        if not isinstance(event, h11.EndOfMessage):
            return None
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers]
        target = head.target.decode("latin-1")
        request = received(head.method.decode("latin-1"), target, headers, bytes(body), self._clock())
        return dataclasses.replace(request, oversize=size > self._max)

    async def _event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while True:
            event = self._h11.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._h11.they_are_waiting_for_100_continue:
                await self._write(h11.InformationalResponse(status_code=100, headers=[]))
            self._h11.receive_data(await self._reader.read(READ_BYTES))

    async def _deliver(self, reply: Reply, fault: Fault | None, method: str) -> None:
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        kind = fault.kind if fault is not None else None
        if fault is None or kind not in ("reset", "stall", "truncate"):
            await self._send(reply, method)
            return
        if fault.at == "middle" or kind == "truncate":
            await self._send_half(reply)
        if kind == "reset":
            self._reset()
        elif kind == "stall":
            await self._hold()

    async def _send(self, reply: Reply, method: str) -> None:
        await self._write(_head(reply))
        if method != "HEAD":
            for piece in _pieces(reply):
                await self._piece(piece, reply.pause_s)
        await self._write(h11.EndOfMessage())

    async def _send_half(self, reply: Reply) -> None:
        """Send the headers and half of what should follow, the last piece cut through."""
        await self._write(_head(reply))
        pieces = list(_pieces(reply))
        if len(pieces) == 1:
            pieces = [b"", pieces[0]]
        whole, cut = pieces[: len(pieces) // 2], pieces[len(pieces) // 2 : len(pieces) // 2 + 1]
        for piece in [*whole, *(last[: len(last) // 2] for last in cut)]:
            await self._piece(piece, reply.pause_s)
        await asyncio.sleep(0.02)  # let the half arrive before the connection ends

    async def _piece(self, data: bytes, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        if data:
            await self._write(h11.Data(data=data))

    async def _write(self, event: h11.Event) -> None:
        self._writer.write(self._h11.send(event) or b"")
        await self._writer.drain()

    def _reset(self) -> None:
        """Close with RST: a linger time of zero makes the kernel throw away what is left."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _hold(self) -> None:
        """Keep the connection open and silent until the client gives up."""
        while await self._reader.read(READ_BYTES):
            continue


def _head(reply: Reply) -> h11.Response:
    headers = [(name.encode("latin-1"), value.encode("utf-8")) for name, value in reply.headers]
    if reply.stream is None:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    else:
        headers.append((b"transfer-encoding", b"chunked"))
    return h11.Response(status_code=reply.status, headers=headers)


def _pieces(reply: Reply) -> Iterator[bytes]:
    stream: Iterable[bytes] = (reply.body,) if reply.stream is None else reply.stream
    return iter(stream)
