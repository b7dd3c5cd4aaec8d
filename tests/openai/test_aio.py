"""The guarded asynchronous client, twin of `test_sync`."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from moongate import errors
from moongate.openai import AsyncOpenAI
from moongate.testing import Fault, MoonshotServer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(server: MoonshotServer) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI("moonshot", api_key=server.key, base_url=server.base_url, max_retries=1) as client:
        yield client


async def chat(client: Any, model: str = "kimi-k2.6", **more: Any) -> Any:
    return await client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}], **more)


async def test_a_wrong_id_is_refused_by_every_road_before_anything_is_posted(
    client: AsyncOpenAI, server: MoonshotServer, road: Any
) -> None:
    with pytest.raises(errors.ModelRefusedError) as refused:
        sent = road(client, "moonshotai/kimi-k2-6")
        if inspect.isawaitable(sent):
            await sent
    assert isinstance(refused.value, openai.OpenAIError)
    assert server.count("POST") == 0


async def test_the_right_id_passes(client: AsyncOpenAI, server: MoonshotServer) -> None:
    assert (await chat(client)).choices[0].message.content == "hello"
    assert (await chat(client.with_options(timeout=5))).model == "kimi-k2.6"
    assert server.count("POST") == 2


async def test_streaming_contexts_pass_and_are_refused(client: AsyncOpenAI, server: MoonshotServer) -> None:
    messages: Any = [{"role": "user", "content": "hello"}]
    create = client.chat.completions.with_streaming_response.create
    with pytest.raises(errors.ModelRefusedError):
        async with create(model="gpt-4o", messages=messages):
            pass
    assert server.count("POST") == 0
    async with create(model="kimi-k2.6", messages=messages) as streamed:
        assert b"hello" in await streamed.read()


async def test_a_stream_keeps_the_usage_as_the_provider_sends_it(client: AsyncOpenAI) -> None:
    stream = await chat(client, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    said = [chunk.usage for chunk in chunks if chunk.usage is not None]
    assert len(said) == 1
    assert said[0].completion_tokens > 0


async def test_a_prefix_that_routes_is_taken_off(
    client: AsyncOpenAI, server: MoonshotServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="moongate"):
        await chat(client, "moonshot/kimi-k2.6")
    assert server.requests[-1].json()["model"] == "kimi-k2.6"
    assert "is sent as 'kimi-k2.6'" in caplog.text


async def test_the_loop_goes_on_while_the_list_is_fetched(client: AsyncOpenAI, server: MoonshotServer) -> None:
    server.inject(Fault("slow", path="/models", seconds=0.3))
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    beating = asyncio.create_task(beat())
    await asyncio.gather(*(chat(client) for _ in range(5)))
    beating.cancel()
    assert beats > 5
    assert server.count("GET", "/models") == 1


async def test_a_cancelled_call_does_not_wait_for_the_list(client: AsyncOpenAI, server: MoonshotServer) -> None:
    server.inject(Fault("slow", path="/models", seconds=0.5))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await chat(client)
    await chat(client)
    assert server.count("GET", "/models") == 1


async def test_bytes_files_and_forms_are_guarded(client: AsyncOpenAI, server: MoonshotServer) -> None:
    for content in (b'{"model": "kimi-k2.6", "model": "gpt-4o"}', b"{}"):
        with pytest.raises(errors.RequestRefusedError):
            await client.post("/chat/completions", content=content, cast_to=dict[str, Any])
    assert server.count("POST") == 0
    line = b'{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "kimi-k2.6"}}'
    assert (await client.files.create(file=("b.jsonl", line), purpose="batch")).purpose == "batch"


async def test_balance_and_estimate(client: AsyncOpenAI) -> None:
    assert (await client.balance()).currency == "USD"
    assert await client.estimate(model="kimi-k2.6", messages=[{"role": "user", "content": "hello"}]) > 0


async def test_what_the_provider_refuses_of_the_extras_is_an_openai_error(
    client: AsyncOpenAI, server: MoonshotServer
) -> None:
    server.inject(Fault("refusal", name="wrong_key", path="/users/me/balance"))
    with pytest.raises(openai.OpenAIError) as refused:
        await client.balance()
    assert isinstance(refused.value, errors.AuthenticationError)


async def test_a_redirect_carries_neither_prompt_nor_key(client: AsyncOpenAI, server: MoonshotServer) -> None:
    with MoonshotServer(open_door=True) as other:
        server.inject(Fault("redirect", path="/chat/completions", url=f"{other.base_url}/chat/completions"))
        with pytest.raises(errors.BaseUrlError):
            await chat(client)
        with pytest.raises(errors.BaseUrlError):
            await client.get(f"{other.base_url}/models", cast_to=dict[str, Any])
        assert other.requests == ()


async def test_another_key_gets_its_own_list_and_another_address_no_key(
    client: AsyncOpenAI, server: MoonshotServer
) -> None:
    with MoonshotServer(models=["kimi-k3"]) as other:
        with pytest.raises(errors.KeyMissingError):
            client.with_options(base_url=other.base_url)
        async with client.with_options(base_url=other.base_url, api_key=other.key) as moved:
            assert (await chat(moved, "kimi-k3")).model == "kimi-k3"
            with pytest.raises(errors.ModelRefusedError):
                await chat(moved)
    assert (await chat(client)).model == "kimi-k2.6"


async def test_nothing_of_the_sdks_variables_leaves(server: MoonshotServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-house")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-another-house")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-of-another-house")
    with pytest.raises(errors.KeyMissingError):
        AsyncOpenAI("moonshot", base_url=server.base_url)
    async with AsyncOpenAI("moonshot", base_url=server.base_url, api_key=server.key) as client:
        await chat(client)
        await chat(client.copy())
    assert server.count("POST") == 2
    assert "another-house" not in str([request.headers for request in server.requests])


async def test_websockets_are_refused(client: AsyncOpenAI, server: MoonshotServer) -> None:
    with pytest.raises(openai.OpenAIError):
        async with client.realtime.connect(model="gpt-realtime"):
            pass
    assert server.requests == ()


async def test_off_looks_at_nothing(server: MoonshotServer) -> None:
    async with AsyncOpenAI("moonshot", api_key=server.key, base_url=server.base_url, guard="off") as client:
        with pytest.raises(openai.NotFoundError):
            await chat(client, "gpt-4o")
    assert server.count("GET") == 0


async def test_closing_closes(server: MoonshotServer) -> None:
    client = AsyncOpenAI("moonshot", api_key=server.key, base_url=server.base_url)
    await chat(client)
    await client.close()
    assert client.is_closed()


async def test_a_client_serves_one_loop_after_another(server: MoonshotServer) -> None:
    client = AsyncOpenAI("moonshot", api_key=server.key, base_url=server.base_url)
    started = time.monotonic()

    async def once() -> str:
        async with client.copy(http_client=openai.DefaultAsyncHttpxClient()) as copied:
            return (await chat(copied)).model  # type: ignore[no-any-return]

    assert await asyncio.to_thread(asyncio.run, once()) == "kimi-k2.6"
    assert await asyncio.to_thread(asyncio.run, once()) == "kimi-k2.6"
    assert time.monotonic() - started < 60
    await client.close()
