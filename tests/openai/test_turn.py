"""Limits that a 429 named hold the guarded SDK back too, and every turn is given back."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import openai
import pytest

from moongate.facts.keys import Key
from moongate.openai import AsyncOpenAI, OpenAI
from moongate.testing import Account, Answer, MoonshotServer, Readings
from moongate.transport.turns import Turns, turns_of

CHAT: dict[str, Any] = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 400}
pytestmark = pytest.mark.anyio


@pytest.fixture
def busy() -> Iterator[MoonshotServer]:
    """Three calls at once and twenty a minute."""
    slow = lambda _: Answer("ok", reasoning="", delay_s=0.05)  # noqa: E731 - an answer's shape
    with MoonshotServer(accounts=[Account(tier=0)], readings=Readings(tier0="20/3"), replies=slow) as server:
        yield server


def options(server: MoonshotServer, **more: Any) -> dict[str, Any]:
    return {"api_key": server.key, "base_url": server.base_url, "max_retries": 8, **more}


def turns(client: OpenAI | AsyncOpenAI, server: MoonshotServer) -> Turns:
    return turns_of(client._watch.parts.row, Key(server.key, source="test"))


def test_calls_at_once_are_learned_and_kept(busy: MoonshotServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "moongate"), OpenAI("moonshot", **options(busy)) as client:

        def one(number: int) -> None:
            if number % 2:
                assert client.chat.completions.create(**CHAT).choices[0].message.content == "ok"
            else:
                assert [chunk.id for chunk in client.chat.completions.create(**CHAT, stream=True)]

        with ThreadPoolExecutor(6) as threads:
            list(threads.map(one, range(6)))
            told = busy.count("POST")
            list(threads.map(one, range(12)))
        assert busy.count("POST") == told + 12  # none was refused once the limit was told
        assert turns(client, busy).pace.under_way == 0
    assert "waiting for the limit of 3 calls at once" in caplog.text


async def test_tasks_wait_too(busy: MoonshotServer) -> None:
    async with AsyncOpenAI("moonshot", **options(busy)) as client:

        async def one(*, stream: bool) -> None:
            answer = await client.chat.completions.create(**CHAT, stream=stream)
            assert [chunk async for chunk in answer] if stream else answer

        for round_ in range(3):
            before = busy.count("POST")
            async with anyio.create_task_group() as group:
                for number in range(6):
                    group.start_soon(lambda number=number: one(stream=number % 2 == 0))
            assert round_ == 0 or busy.count("POST") == before + 6
        assert turns(client, busy).pace.under_way == 0


def test_every_turn_is_given_back(server: MoonshotServer) -> None:
    with OpenAI("moonshot", **options(server, max_retries=0)) as client:
        pace = turns(client, server).pace
        first = client.chat.completions.create(**CHAT, stream=True)
        assert pace.under_way == 1
        first.close()
        assert pace.under_way == 0
        left = client.chat.completions.create(**CHAT, stream=True)
        del left
        gc.collect()
        assert pace.under_way == 0
        with client.chat.completions.with_streaming_response.create(**CHAT) as raw:
            assert pace.under_way == 1
            raw.read()
        assert pace.under_way == 0
        client.models.list()
        client.files.list()
        assert pace.under_way == 0
        server.replies = lambda _: Answer("x", delay_s=2)
        with pytest.raises(openai.APITimeoutError):
            client.with_options(timeout=0.2).chat.completions.create(**CHAT)
        assert pace.under_way == 0
