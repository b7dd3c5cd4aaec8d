"""One offline Moonshot with every family, its live list, and a plain way to ask it."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from moongate.facts.models import Model
from moongate.facts.providers import Provider, at, built_in
from moongate.testing import MoonshotServer
from moongate.wire.listing import listing_from

IDS = ("kimi-k3", "kimi-k2.7-code", "kimi-k2.6", "kimi-k2.5", "moonshot-v1-8k", "kimi-k9")


@pytest.fixture(scope="session")
def moonshot() -> Iterator[MoonshotServer]:
    with MoonshotServer(IDS) as server:
        yield server


@pytest.fixture(scope="session")
def row(moonshot: MoonshotServer) -> Provider:
    return at(built_in()["moonshot"], moonshot.base_url)


def send(server: MoonshotServer, method: str, path: str, body: object = None) -> tuple[int, Any]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        raw = None if body is None else json.dumps(body).encode()
        connection.request(method, f"/v1{path}", raw, {"authorization": f"Bearer {server.key}"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


@pytest.fixture(scope="session")
def models(moonshot: MoonshotServer, row: Provider) -> dict[str, Model]:
    """The live list, read as the catalog reads it."""
    body = json.dumps(send(moonshot, "GET", "/models")[1]).encode()
    return listing_from(body, row, fetched_at=0).by_id


@pytest.fixture(scope="session")
def refused(moonshot: MoonshotServer) -> Callable[[dict[str, Any]], str | None]:
    """What the server says to a chat request, None when it answers it."""

    def ask(body: dict[str, Any]) -> str | None:
        status, answer = send(moonshot, "POST", "/chat/completions", body)
        return None if status == 200 else str(answer["error"]["message"])

    return ask
