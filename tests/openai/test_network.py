"""The http client that the SDK is given."""

from __future__ import annotations

import openai
import pytest

from moongate import errors
from moongate.openai import OpenAI
from moongate.testing import MoonshotServer


def test_loopback_goes_to_no_proxy_and_the_environment_is_not_read(
    server: MoonshotServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MoonshotServer() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.origin)
        with OpenAI("moonshot", api_key=server.key, base_url=server.base_url) as client:
            client.chat.completions.create(model="kimi-k2.6", messages=[{"role": "user", "content": "a"}])
        assert proxy.requests == ()


def test_another_machine_is_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with MoonshotServer() as proxy:
        monkeypatch.setenv("https_proxy", proxy.origin.removeprefix("http://"))
        with (
            OpenAI(api_key="sk-x", base_url="https://moongate.invalid/v1", guard="off", max_retries=0) as client,
            pytest.raises(openai.APIConnectionError),
        ):
            client.models.list()
        assert [request.method for request in proxy.requests] in ([], ["CONNECT"])
        assert "sk-x" not in str(proxy.requests)


def test_a_proxy_that_is_no_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "ftp://nowhere")
    with pytest.raises(openai.OpenAIError) as refused:
        OpenAI("moonshot", api_key="sk-x")
    assert isinstance(refused.value, errors.ConfigError)


def test_the_time_out_is_the_settings_or_the_sdks_own(
    server: MoonshotServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAI("moonshot", api_key=server.key, base_url=server.base_url) as client:
        assert client.timeout == openai.DEFAULT_TIMEOUT
    monkeypatch.setenv("MOONGATE_TIMEOUT", "7")
    with OpenAI("moonshot", api_key=server.key, base_url=server.base_url) as client:
        assert client.timeout == 7
    with OpenAI("moonshot", api_key=server.key, base_url=server.base_url, timeout=3) as client:
        assert client.timeout == 3
