"""The gateway over the embedded model: real weights, Moonshot's shapes, a price that says it is fictional."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moongate.engine.weights import SMOLLM2, pull
from moongate.facts.money import Money
from moongate.settings.load import Flags, load

QUESTION = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 12, "temperature": 0}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a cache folder with the weights in it."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed (pip install 'moongate[local]'): no embedded model to test")
    cache = Path(os.environ["MOONGATE_TEST_CACHE"])
    for _ in pull(cache):
        pass
    yield cache


@pytest.fixture
def client(served: Path, kit: Any, tmp_path: Path) -> Iterator[Any]:
    settings = load(Flags(provider="local", cache_dir=str(served), data_dir=str(tmp_path / "data")))
    with kit.gateway(settings) as opened:
        yield opened


def test_the_embedded_model_end_to_end(client: Any, kit: Any) -> None:
    (row,) = client.ask("GET", "/v1/models").json()["data"]
    assert row["id"] == SMOLLM2.model_id == client.running.model_ids[0]
    assert "kimi" not in row["id"].lower()
    assert (row["owned_by"], row["supports_reasoning"], row["supports_image_in"]) == ("moongate", False, False)
    assert row["context_length"] > 0
    assert row["pricing"] == {
        "prompt": "0.000001",
        "completion": "0.000002",
        "input_cache_read": "0.0000001",
        "currency": "USD",
        "note": "fictional price of the embedded model",
    }
    kit.eventually(lambda: client.ask("GET", "/health/ready").status == 200)
    assert "fictional price of the embedded model" in client.ask("GET", "/").body.decode()

    body = {"model": row["id"], **QUESTION}
    plain = client.chat(body).json()
    assert set(plain) <= {"id", "object", "created", "model", "choices", "usage", "system_fingerprint"}
    assert plain["choices"][0]["message"]["content"]
    streamed = client.chat({**body, "stream": True})
    assert streamed.text == plain["choices"][0]["message"]["content"]
    assert b"timings" not in streamed.body
    assert all(event["choices"] for event in streamed.events)
    usage = streamed.events[-1]["choices"][0]["usage"]
    asked_for = client.chat({**body, "stream": True, "stream_options": {"include_usage": True}})
    assert asked_for.events[-1]["choices"] == []
    assert usage["prompt_tokens"] == plain["usage"]["prompt_tokens"]
    assert ("cached_tokens" in usage) == (usage.get("prompt_tokens_details") is not None)

    spent = Money.of(10, "USD").nano
    for line, used in zip(client.ledger, (plain["usage"], usage, asked_for.events[-1]["usage"]), strict=True):
        cached = used.get("cached_tokens", 0)
        cost = (used["prompt_tokens"] - cached) * 1000 + cached * 100 + used["completion_tokens"] * 2000
        assert (line.cost_nano, line.price_basis) == (cost, "fictional price of the embedded model")
        spent -= cost
    assert client.balance.nano == spent

    refused = client.chat({**body, "model": "kimi-k2.6"})
    assert (refused.status, refused.error["type"]) == (404, "resource_not_found_error")
    tokens = client.ask("POST", "/v1/tokenizers/estimate-token-count", body)
    assert tokens.json()["data"]["total_tokens"] > 0

    long = {"model": row["id"], "messages": [{"role": "user", "content": "word " * 5000}]}
    overflow = client.chat(long)
    assert (overflow.status, overflow.error["type"]) == (400, "invalid_request_error")
    limit = row["context_length"]
    assert overflow.error["message"].startswith(
        f"Invalid request: Your request exceeded model token limit: {limit} (requested: "
    )
