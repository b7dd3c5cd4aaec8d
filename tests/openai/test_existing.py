"""Clients of the official SDK that exist already, guarded in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from moongate import errors
from moongate.openai import AsyncGuarded, Guarded, guard
from moongate.testing import Fault, MoonshotServer


def chat(client: Any, model: str = "kimi-k2.6") -> Any:
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])


@pytest.fixture
def plain(server: MoonshotServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=server.key, base_url=server.base_url, max_retries=1) as client:
        yield client


def test_whoever_holds_the_client_is_guarded(plain: openai.OpenAI, server: MoonshotServer) -> None:
    completions = plain.chat.completions
    guarded = guard(plain, provider="moonshot")
    assert guarded is plain
    assert isinstance(guarded, Guarded)
    assert type(plain).__name__ == "OpenAI"
    messages: Any = [{"role": "user", "content": "hello"}]
    with pytest.raises(errors.ModelRefusedError):
        completions.create(model="gpt-4o", messages=messages)
    assert server.count("POST") == 0
    assert completions.create(model="kimi-k2.6", messages=messages).model == "kimi-k2.6"
    assert guarded.balance().currency == "USD"


def test_a_wrong_id_is_refused_by_every_road(plain: openai.OpenAI, server: MoonshotServer, road: Any) -> None:
    with pytest.raises(errors.ModelRefusedError) as refused:
        road(guard(plain, provider="moonshot"), "moonshotai/kimi-k2-6")
    assert isinstance(refused.value, openai.OpenAIError)
    assert server.count("POST") == 0


@pytest.mark.anyio
async def test_an_asynchronous_client_is_guarded(server: MoonshotServer) -> None:
    async with openai.AsyncOpenAI(api_key=server.key, base_url=server.base_url) as client:
        assert isinstance(guard(client), AsyncGuarded)
        for one in (client, client.with_options(timeout=5)):
            with pytest.raises(errors.ModelRefusedError):
                await chat(one, "gpt-4o")
        assert server.count("POST") == 0
        assert (await chat(client)).model == "kimi-k2.6"


def test_without_a_provider_the_base_url_decides(plain: openai.OpenAI) -> None:
    guard(plain)
    assert chat(plain).model == "kimi-k2.6"
    with pytest.raises(errors.ModelRefusedError):
        chat(plain, "gpt-4o")


def test_a_redirect_is_not_followed(plain: openai.OpenAI, server: MoonshotServer) -> None:
    guard(plain)
    with MoonshotServer(open_door=True) as other:
        server.inject(Fault("redirect", path="/chat/completions", url=f"{other.base_url}/chat/completions"))
        with pytest.raises(errors.BaseUrlError):
            chat(plain)
        assert other.requests == ()


def test_an_http_client_of_the_users_own_follows_none_either(server: MoonshotServer) -> None:
    with (
        MoonshotServer(open_door=True) as other,
        openai.DefaultHttpxClient(follow_redirects=True) as http_client,
        openai.OpenAI(api_key=server.key, base_url=server.base_url, http_client=http_client) as client,
    ):
        server.inject(Fault("redirect", path="/chat/completions", url=f"{other.base_url}/chat/completions"))
        with pytest.raises(errors.BaseUrlError):
            chat(guard(client))
        assert other.requests == ()


def test_the_key_of_another_house_is_not_sent(server: MoonshotServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-house")
    with openai.OpenAI(base_url=server.base_url) as client:
        with pytest.raises(errors.ConfigError) as refused:
            guard(client, provider="moonshot")
        assert isinstance(refused.value, openai.OpenAIError)
        assert "sk-of-another-house" not in str(refused.value)
    assert server.requests == ()


def test_a_subclass_stays_one(server: MoonshotServer) -> None:
    class Mine(openai.OpenAI):
        def word(self) -> str:
            return str(chat(self).choices[0].message.content)

    with Mine(api_key=server.key, base_url=server.base_url) as client:
        guarded = guard(client)
        assert isinstance(guarded, Mine)
        copied = guarded.with_options(max_retries=0)
        assert isinstance(copied, Mine)
        assert copied.word() == "hello"
        with pytest.raises(errors.ModelRefusedError):
            chat(copied, "gpt-4o")


def test_twice_is_once(plain: openai.OpenAI) -> None:
    assert type(guard(guard(plain))) is type(plain)


def test_what_cannot_be_guarded_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    azure = openai.AzureOpenAI(api_key="sk-x", azure_endpoint="https://example.com", api_version="1")
    called = openai.OpenAI(api_key=lambda: "sk-x", base_url="http://127.0.0.1:9/v1")
    clear = openai.OpenAI(api_key="sk-x", base_url="http://example.com/v1")
    for client in (azure, called, clear, object()):
        with pytest.raises(openai.OpenAIError) as refused:
            guard(client)  # type: ignore[call-overload]
        assert isinstance(refused.value, errors.UsageError)
