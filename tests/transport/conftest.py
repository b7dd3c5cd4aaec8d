"""Both drivers behind one face, and a server that answers with whatever bytes it is given."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from moongate.facts.keys import Key
from moongate.facts.providers import Provider, at, built_in
from moongate.testing import MoonshotServer
from moongate.transport.aio import AsyncDoor
from moongate.transport.network import Network
from moongate.transport.sync import Door
from moongate.wire.calls import Call
from moongate.wire.retry import Policy


def row_at(server: MoonshotServer, name: str = "moonshot") -> Provider:
    return at(built_in()[name], server.base_url)


@dataclass(frozen=True)
class Driver:
    """`call` and `stream` through the blocking or the asyncio door, each over a door of its own."""

    aio: bool

    def call(self, row: Provider, key: str | None, call: Call[Any], **more: Any) -> Any:
        return asyncio.run(self._acall(row, key, call, **more)) if self.aio else self._call(row, key, call, **more)

    def stream(self, row: Provider, key: str, call: Call[Any], **more: Any) -> bytes:
        return (
            asyncio.run(self._astream(row, key, call, **more)) if self.aio else self._stream(row, key, call, **more)
        )

    def _call(self, row: Provider, key: str | None, call: Call[Any], **more: Any) -> Any:
        with Door(row, _key(key), **_options(more)) as door:
            return door.call(call)

    async def _acall(self, row: Provider, key: str | None, call: Call[Any], **more: Any) -> Any:
        async with AsyncDoor(row, _key(key), **_options(more)) as door:
            return await door.call(call)

    def _stream(self, row: Provider, key: str, call: Call[Any], **more: Any) -> bytes:
        with Door(row, _key(key), **_options(more)) as door, door.stream_call(call) as pieces:
            return b"".join(pieces)

    async def _astream(self, row: Provider, key: str, call: Call[Any], **more: Any) -> bytes:
        async with AsyncDoor(row, _key(key), **_options(more)) as door, door.stream_call(call) as pieces:
            return b"".join([piece async for piece in pieces])


def _key(key: str | None) -> Key | None:
    return None if key is None else Key(key, source="test")


def _options(more: dict[str, Any]) -> dict[str, Any]:
    return {"policy": Policy(tries=3, first_wait_s=0.001, longest_wait_s=1.5), "network": Network(), **more}


@pytest.fixture(params=["sync", "aio"])
def driver(request: pytest.FixtureRequest) -> Driver:
    return Driver(aio=request.param == "aio")


@pytest.fixture(name="row_at")
def row_at_fixture() -> Callable[..., Provider]:
    return row_at


@dataclass
class Raw:
    """A listening socket. Each connection gets the pieces, one after another, `pause_s` apart."""

    pieces: Iterable[bytes]
    pause_s: float = 0.0
    requests: list[bytes] = field(default_factory=list)
    _socket: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, contextlib.suppress(OSError):
                    self.requests.append(connection.recv(65536))
                    for piece in self.pieces:
                        connection.sendall(piece)
                        time.sleep(self.pause_s)


@pytest.fixture
def raw() -> Iterator[Callable[..., Raw]]:
    """Start servers of bytes; all are closed afterwards."""
    running: list[tuple[Raw, threading.Thread]] = []

    def start(pieces: Iterable[bytes], pause_s: float = 0.0) -> Raw:
        server = Raw(pieces, pause_s)
        thread = threading.Thread(target=server.run)
        running.append((server, thread))
        thread.start()
        return server

    yield start
    for server, thread in running:
        server._socket.shutdown(socket.SHUT_RDWR)
        server._socket.close()
        thread.join(10)
