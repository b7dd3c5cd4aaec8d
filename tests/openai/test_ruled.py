"""What the model does not take, through the SDK's classes."""

from __future__ import annotations

import asyncio

import openai
import pytest

import moongate
from moongate.openai import AsyncOpenAI, OpenAI
from moongate.testing import MoonshotServer

HI = [{"role": "user", "content": "hi"}]


@pytest.fixture
def server():
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        yield server


def test_a_parameter_that_the_model_refuses_is_not_sent(server) -> None:
    with (
        OpenAI("moonshot", base_url=server.base_url, api_key=server.key) as client,
        pytest.raises(openai.OpenAIError, match="temperature") as caught,
    ):
        client.chat.completions.create(model="kimi-k2.6", messages=HI, temperature=0.3)
    assert isinstance(caught.value, moongate.RuleError)
    assert server.count("POST", "/v1/chat/completions") == 0


def test_nor_one_in_the_extra_body(server) -> None:
    with (
        OpenAI("moonshot", base_url=server.base_url, api_key=server.key) as client,
        pytest.raises(openai.OpenAIError, match="top_p"),
    ):
        client.chat.completions.create(model="kimi-k2.6", messages=HI, extra_body={"top_p": 0.5})
    assert server.count("POST", "/v1/chat/completions") == 0


def test_it_is_changed_when_told_to(server, caplog) -> None:
    with OpenAI("moonshot", base_url=server.base_url, api_key=server.key, rules="fix") as client:
        answer = client.chat.completions.create(model="kimi-k2.6", messages=HI, extra_body={"temperature": 0.3})
    assert answer.choices[0].message.content == "hi"
    assert "temperature" in caplog.text
    assert server.requests[-1].json().get("temperature") in (None, 1, 1.0)


def test_the_same_for_asyncio(server) -> None:
    async def main() -> None:
        async with AsyncOpenAI("moonshot", base_url=server.base_url, api_key=server.key) as client:
            await client.chat.completions.create(model="kimi-k2.6", messages=HI, n=2)

    with pytest.raises(moongate.RuleError):
        asyncio.run(main())
    assert server.count("POST", "/v1/chat/completions") == 0


def test_or_sent_as_it_is(server) -> None:
    with (
        OpenAI("moonshot", base_url=server.base_url, api_key=server.key, rules="pass") as client,
        pytest.raises(openai.BadRequestError, match="invalid temperature"),
    ):
        client.chat.completions.create(model="kimi-k2.6", messages=HI, temperature=0.3)


def test_thinking_as_an_argument_is_a_type_error_and_goes_into_the_extra_body(server) -> None:
    with OpenAI("moonshot", base_url=server.base_url, api_key=server.key) as client:
        asked = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hi"}]}
        with pytest.raises(TypeError, match="thinking"):
            client.chat.completions.create(**asked, thinking={"type": "disabled"})
        assert server.count("POST") == 0
        client.chat.completions.create(**asked, extra_body={"thinking": {"type": "disabled"}})
    assert server.requests[-1].json()["thinking"] == {"type": "disabled"}


def test_without_a_base_url_it_goes_to_moonshot_not_to_openai() -> None:
    with OpenAI("moonshot", api_key="sk-0123456789") as client:
        assert str(client.base_url) == "https://api.moonshot.ai/v1/"
