"""A daemon thread with an event loop that accepts connections on one loopback socket, and ends without a trace."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable

from moongate.testing.connection import Connection, Handle

Report = Callable[[Exception], None]
BACKLOG = 1024
ACCEPTS_AT_ONCE = 64


class Loop:
    """The thread behind a server. It listens from the moment it is made, and answers once started."""

    def __init__(
        self, *, port: int, handle: Handle, report: Report, clock: Callable[[], float], body_max_bytes: int
    ) -> None:
        self._handle, self._report, self._clock, self._max = handle, report, clock, body_max_bytes
        self._socket = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self._ready = threading.Event()
        self._accepted: set[socket.socket] = set()  # whose task has not begun
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name=f"moonshot-server-{self.port}", daemon=True)

    def start(self) -> None:
        """Begin to answer; returns when connections are accepted."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """End every connection, join the thread, close the socket."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._socket.close()

    def discard(self) -> None:
        """Close the socket of a server that never started."""
        self._socket.close()

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        # not asyncio's own server: when that is closed, it loses connections that it has accepted but not yet begun
        self._loop.add_reader(self._socket, self._accept)
        self._ready.set()
        await self._stopping.wait()
        self._loop.remove_reader(self._socket)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for accepted in self._accepted:
            accepted.close()
        await asyncio.sleep(0)  # transports close their sockets one turn later

    def _accept(self) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                accepted, _peer = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else small writes wait 40 ms
            self._accepted.add(accepted)
            task = self._loop.create_task(self._serve(accepted))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, accepted: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=accepted)
        self._accepted.discard(accepted)
        connection = Connection(reader, writer, handle=self._handle, clock=self._clock, body_max_bytes=self._max)
        try:
            await connection.run()
        except asyncio.CancelledError:
            writer.transport.abort()
        except Exception as error:  # noqa: BLE001 - the edge: an answer that cannot be sent is told to the test
            self._report(error)
            writer.transport.abort()
