"""Limits that a provider named in a 429 hold later calls of the same door back, in both drivers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from moongate.facts.keys import Key
from moongate.facts.providers import Provider
from moongate.testing import Account, Answer, MoonshotServer, Readings
from moongate.transport.aio import AsyncDoor
from moongate.transport.sync import Door
from moongate.wire import calls
from moongate.wire.calls import Call
from moongate.wire.retry import Policy

PATIENT = Policy(tries=3, first_wait_s=0.05, longest_wait_s=1.5)
RowAt = Callable[..., Provider]


@pytest.fixture
def server() -> Iterator[MoonshotServer]:
    """Three calls at once and twenty a minute, as one published note has the lowest tier."""
    account, slow = Account(tier=0), lambda _: Answer("ok", reasoning="", delay_s=0.05)
    with MoonshotServer(accounts=[account], readings=Readings(tier0="20/3"), replies=slow) as server:
        yield server


def _chat(row: Provider, *, stream: bool) -> Call[Any]:
    messages = [{"role": "user", "content": "hi"}]
    body = calls.chat_body(model="kimi-k2.6", messages=messages, stream=stream, extra={"max_tokens": 400})
    return calls.chat(row, body, model="kimi-k2.6")


def _blocking(row: Provider, key: Key, rounds: int, *, stream: bool) -> None:
    def one(_: int) -> None:
        if not stream:
            door.call(_chat(row, stream=False))
            return
        with door.stream_call(_chat(row, stream=True)) as pieces:
            assert b"".join(pieces).endswith(b"data: [DONE]\n\n")

    with Door(row, key, policy=PATIENT) as door, ThreadPoolExecutor(6) as threads:
        for _ in range(rounds):
            list(threads.map(one, range(6)))


async def _asyncio(row: Provider, key: Key, rounds: int, *, stream: bool) -> None:
    async def one() -> None:
        if not stream:
            await door.call(_chat(row, stream=False))
            return
        async with door.stream_call(_chat(row, stream=True)) as pieces:
            assert b"".join([piece async for piece in pieces]).endswith(b"data: [DONE]\n\n")

    async with AsyncDoor(row, key, policy=PATIENT) as door:
        for _ in range(rounds):
            await asyncio.gather(*(one() for _ in range(6)))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("aio", [False, True])
def test_calls_at_once_are_learned_and_kept(
    server: MoonshotServer, row_at: RowAt, caplog: pytest.LogCaptureFixture, aio: bool, stream: bool
) -> None:
    row, key = row_at(server), Key(server.key, source="test")
    with caplog.at_level(logging.WARNING, logger="moongate"):
        if aio:
            asyncio.run(_asyncio(row, key, 3, stream=stream))
        else:
            _blocking(row, key, 3, stream=stream)
    refused = server.count("POST") - 18
    assert 1 <= refused <= 3  # in the first round only: nobody had told
    assert "waiting for the limit of 3 calls at once" in caplog.text
    assert server.key not in caplog.text


def test_a_wait_that_is_cancelled_counts_nothing(server: MoonshotServer, row_at: RowAt) -> None:
    row, key = row_at(server), Key(server.key, source="test")

    async def main() -> None:
        async with AsyncDoor(row, key, policy=PATIENT) as door:
            door._pace.learn("max concurrency: 1", 0.0)
            first = asyncio.ensure_future(door.call(_chat(row, stream=False)))
            await asyncio.sleep(0.01)
            second = asyncio.ensure_future(door.call(_chat(row, stream=False)))
            await asyncio.sleep(0.01)
            second.cancel()
            assert (await first).content == "ok"
            assert (await door.call(_chat(row, stream=False))).content == "ok"
            assert door._pace.under_way == 0

    asyncio.run(main())
    assert server.count("POST") == 2
