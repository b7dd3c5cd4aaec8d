"""Clients of both kinds behind one face, at the offline server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from moongate import Answer, AsyncClient, Chunk, Client
from moongate.testing import MoonshotServer

HELLO = [{"role": "user", "content": "晚上好"}]


class Both:
    """Calls made through the blocking or the asyncio client, each with a client of its own."""

    def __init__(self, *, aio: bool) -> None:
        self.aio = aio

    def __call__(self, server: MoonshotServer, method: str, *arguments: Any, **more: Any) -> Any:
        """Call a method of a client at this server; `client` in `more` holds the client's own arguments."""
        options = {
            "provider": "moonshot",
            "base_url": server.base_url,
            "api_key": server.key,
            **more.pop("client", {}),
        }
        if self.aio:
            return asyncio.run(self._later(options, method, arguments, more))
        with Client(**options) as client:
            return getattr(client, method)(*arguments, **more)

    async def _later(self, options: dict[str, Any], method: str, arguments: Any, more: Any) -> Any:
        async with AsyncClient(**options) as client:
            return await getattr(client, method)(*arguments, **more)

    def chat(self, server: MoonshotServer, model: str = "kimi-k2.6", **more: Any) -> Answer:
        answer: Answer = self(server, "chat", **{"model": model, "messages": HELLO, **more})
        return answer

    def stream(self, server: MoonshotServer, model: str = "kimi-k2.6", **more: Any) -> tuple[list[Chunk], Answer]:
        """Return every chunk and the answer; `seen` in `more` collects chunks also when the stream breaks."""
        options = {
            "provider": "moonshot",
            "base_url": server.base_url,
            "api_key": server.key,
            **more.pop("client", {}),
        }
        seen: list[Chunk] = more.pop("seen", [])
        asked = {"model": model, "messages": HELLO, **more}
        if self.aio:
            return seen, asyncio.run(self._streamed(options, asked, seen))
        with Client(**options) as client, client.stream(**asked) as stream:
            for chunk in stream:
                seen.append(chunk)  # noqa: PERF402 - what came before an error is wanted too
            return seen, stream.answer

    async def _streamed(self, options: dict[str, Any], asked: dict[str, Any], seen: list[Chunk]) -> Answer:
        async with AsyncClient(**options) as client, client.stream(**asked) as stream:
            async for chunk in stream:
                seen.append(chunk)  # noqa: PERF401
            return stream.answer


@pytest.fixture(params=["sync", "aio"])
def client(request: pytest.FixtureRequest) -> Both:
    return Both(aio=request.param == "aio")


@pytest.fixture
def serve() -> Iterator[Callable[..., MoonshotServer]]:
    """Start servers; they end with the test."""
    with ExitStack() as running:
        yield lambda **more: running.enter_context(MoonshotServer(**more))
