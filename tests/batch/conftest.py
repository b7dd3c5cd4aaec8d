"""Batch files, a client at a faithful server, and folders of jobs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from moongate import Client
from moongate.batch import AsyncJob
from moongate.testing import MoonshotServer

Write = Callable[..., Path]
Carry = Callable[..., AsyncJob]
Run = Callable[..., AsyncJob]


@pytest.fixture
def server() -> Iterator[MoonshotServer]:
    """A server that lists only kimi-k2.6."""
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        yield server


@pytest.fixture
def client(server: MoonshotServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client at it, whose jobs lie in a folder of the test's own."""
    monkeypatch.setenv("MOONGATE_DATA_DIR", str(tmp_path / "data"))
    with Client("moonshot", base_url=server.base_url, api_key=server.key) as client:
        yield client


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a batch file of so many lines; `body` in a line's place changes its body."""

    def written(count: int, *, name: str = "in.jsonl", **bodies: Any) -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8") as file:
            for number in range(count):
                body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": f"question {number}"}]}
                body |= bodies.get(f"line{number}", {}) | bodies.get("every", {})
                line = {"custom_id": f"q{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
                file.write(json.dumps(line) + "\n")
        return path

    return written


class QuickLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds pass sixty times as fast, so that limits by the minute can be lived through."""

    SPEED = 60.0

    def __init__(self) -> None:
        super().__init__()
        select = self._selector.select  # type: ignore[attr-defined]
        self._selector.select = lambda timeout=None: select(  # type: ignore[attr-defined]
            None if timeout is None else timeout / self.SPEED
        )

    def time(self) -> float:
        return time.monotonic() * self.SPEED


@pytest.fixture
def carry() -> Carry:
    """Carry a job, made or in the making, on until it ends or rests; with `quick`, sixty times as fast."""

    def carried(job: AsyncJob | Awaitable[AsyncJob], *, quick: bool = False) -> AsyncJob:
        async def work() -> AsyncJob:
            made = job if isinstance(job, AsyncJob) else await job
            async for _ in made:
                pass
            return made

        with asyncio.Runner(loop_factory=QuickLoop if quick else None) as runner:
            return runner.run(work())

    return carried


@pytest.fixture
def run(client: Client, carry: Carry) -> Run:
    """Run a batch file through chats, to its end or rest; its answers go to out.jsonl beside it."""

    def work(path: Path, *, quick: bool = False, **options: Any) -> AsyncJob:
        return carry(AsyncJob.run(client, path, path.with_name("out.jsonl"), **options), quick=quick)

    return work
