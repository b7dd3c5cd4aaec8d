"""Copies, and the client of the embedded model."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import openai
import pytest

from moongate import errors
from moongate.openai import OpenAI
from moongate.testing import MoonshotServer


def test_a_copy_has_the_sdks_options(client: OpenAI) -> None:
    copied = client.with_options(timeout=3, max_retries=7, default_headers={"X-A": "1"}, default_query={"q": "1"})
    assert (copied.timeout, copied.max_retries) == (3, 7)
    assert type(copied) is type(client)
    assert copied.copy(set_default_headers={"X-B": "2"})._custom_headers == {"X-B": "2"}
    assert copied.copy(default_headers={"X-B": "2"})._custom_headers == {"X-A": "1", "X-B": "2"}
    assert copied.copy()._custom_query == {"q": "1"}
    with pytest.raises(ValueError, match="mutually exclusive"):
        client.copy(default_headers={}, set_default_headers={})


def test_a_copy_keeps_organization_and_project(server: MoonshotServer) -> None:
    with OpenAI(
        "moonshot", api_key=server.key, base_url=server.base_url, organization="org-mine", project="mine"
    ) as client:
        client.copy(project="other").models.list()
    assert server.requests[-1].headers["openai-organization"] == "org-mine"
    assert server.requests[-1].headers["openai-project"] == "other"


def test_a_copy_shares_the_list(client: OpenAI, server: MoonshotServer) -> None:
    for n in range(3):
        client.with_options(max_retries=n).chat.completions.create(
            model="kimi-k2.6", messages=[{"role": "user", "content": "a"}]
        )
    assert server.count("GET", "/models") == 1


@pytest.mark.parametrize("name", ["admin_api_key", "websocket_base_url", "provider"])
def test_a_copy_takes_no_other_road(client: OpenAI, name: str) -> None:
    options: Any = {name: "x"}
    with pytest.raises(openai.OpenAIError) as refused:
        client.with_options(**options)
    assert isinstance(refused.value, errors.UsageError)


def test_the_embedded_model_is_guarded_and_ends_with_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    from moongate.engine.weights import pull

    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed (pip install 'moongate[local]'): no embedded model to test")
    cache = os.environ["MOONGATE_TEST_CACHE"]
    for _ in pull(Path(cache)):
        pass
    monkeypatch.setenv("MOONGATE_CACHE_DIR", cache)
    client = OpenAI("local")
    try:
        (model,) = [model.id for model in client.models.list()]
        messages: Any = [{"role": "user", "content": "Say hi."}]
        assert client.chat.completions.create(model=model, messages=messages, max_tokens=2).usage is not None
        with pytest.raises(errors.ModelRefusedError):
            client.chat.completions.create(model="kimi-k2.6", messages=messages)
    finally:
        client.close()
    with pytest.raises(errors.MoongateError):
        client.estimate(model=model, messages=messages)
