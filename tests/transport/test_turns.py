"""Limits that a provider named in a 429 hold later calls of the same account back, in both drivers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from moongate.errors import RateLimitedError
from moongate.facts.keys import Key
from moongate.facts.providers import Provider
from moongate.testing import Account, Answer, FixedClock, MoonshotServer, Readings
from moongate.transport.aio import AsyncDoor
from moongate.transport.sync import Door
from moongate.transport.turns import turns_of
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
            turns_of(row, key).learn("max concurrency: 1", b"", "")
            first = asyncio.ensure_future(door.call(_chat(row, stream=False)))
            await asyncio.sleep(0.01)
            second = asyncio.ensure_future(door.call(_chat(row, stream=False)))
            await asyncio.sleep(0.01)
            second.cancel()
            assert (await first).content == "ok"
            assert (await door.call(_chat(row, stream=False))).content == "ok"
            assert turns_of(row, key).pace.under_way == 0

    asyncio.run(main())
    assert server.count("POST") == 2


def test_all_who_call_with_one_key_share_what_one_was_told(server: MoonshotServer, row_at: RowAt) -> None:
    row, key = row_at(server), Key(server.key, source="test")
    with Door(row, key) as one, Door(row, Key(server.key, source="another place")) as two:
        one.call(_chat(row, stream=False))
        turns_of(row, key).learn("max RPM: 2", b"", "")
        two.call(_chat(row, stream=False))
    wait = turns_of(row, key).pace.enter(time.monotonic())
    assert wait is not None and wait.why == "2 calls a minute"
    other = turns_of(row, Key("sk-another", source="test"))
    assert other.pace.enter(time.monotonic()) is None
    elsewhere = turns_of(replace(row, base_url="http://127.0.0.1:1/v1"), key)
    assert elsewhere.pace.enter(time.monotonic()) is None


@pytest.mark.parametrize("aio", [False, True])
def test_a_call_that_today_has_no_tokens_for_is_not_sent_again_at_once(row_at: RowAt, aio: bool) -> None:
    clock = FixedClock()
    with MoonshotServer(accounts=[Account(tier=0)], readings=Readings(tier0="20/3"), clock=clock) as server:
        row, key = row_at(server), Key(server.key, source="test")
        for _ in range(6):
            _once(row, key, 240_000, aio=aio)
            clock.advance(61)
        for count in (7, 7):
            with pytest.raises(RateLimitedError) as raised:
                _once(row, key, 240_000, aio=aio)
            assert raised.value.scope == "tpd"
            assert server.count("POST") == count
        assert not raised.value.sent
        assert "A lower max_tokens" in str(raised.value)
        _once(row, key, 400, aio=aio)  # there is room for a small one
        assert server.count("POST") == 8


def _once(row: Provider, key: Key, max_tokens: int, *, aio: bool) -> None:
    body = calls.chat_body(
        model="kimi-k2.6", messages=[{"role": "user", "content": "hi"}], extra={"max_tokens": max_tokens}
    )
    call = calls.chat(row, body, model="kimi-k2.6")
    if not aio:
        with Door(row, key, policy=PATIENT) as door:
            door.call(call)
        return

    async def main() -> None:
        async with AsyncDoor(row, key, policy=PATIENT) as door:
            await door.call(call)

    asyncio.run(main())
