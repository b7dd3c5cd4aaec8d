"""A daemon thread with an event loop that accepts connections on one loopback socket, and ends without a trace."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable

from moongate.testing.connection import Connection, Handle

BACKLOG = 1024


class Loop:
    """The thread behind a server. It listens from the moment it is made, and answers once started."""

    def __init__(self, *, port: int, handle: Handle, clock: Callable[[], float], body_max_bytes: int) -> None:
        self._handle, self._clock, self._max = handle, clock, body_max_bytes
        self._socket = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        self.port: int = self._socket.getsockname()[1]
        self._ready = threading.Event()
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
        server = await asyncio.start_server(self._connected, sock=self._socket, backlog=BACKLOG)
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports close their sockets one turn later

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has one
        self._tasks.add(task)
        # asyncio does so only for sockets made with an explicit protocol; without it small writes wait 40 ms
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(reader, writer, handle=self._handle, clock=self._clock, body_max_bytes=self._max)
        try:
            await connection.run()
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
