"""What the tests of the offline server share: one plain HTTP client, and a reader of event streams."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from moongate.testing import MoonshotServer


@dataclass(frozen=True)
class Got:
    """One answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json()["error"]["message"])

    @property
    def events(self) -> list[Any]:
        """The JSON of every `data:` line but [DONE]."""
        lines = [line[6:] for line in self.body.decode().split("\n") if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]


def ask(
    server: MoonshotServer,
    method: str,
    path: str,
    body: object = None,
    *,
    key: str | None = "",
    headers: dict[str, str] | None = None,
    timeout: float = 5,
) -> Got:
    """Send one request below the base url ("//path": below the origin); key "" is the default one, None is none."""
    base = server.base_url[len(server.origin) :]
    target = path[1:] if path.startswith("//") else base + path
    sent = {"authorization": f"Bearer {key or server.key}"} if key is not None else {}
    raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)) as connection:
        connection.request(method, target, raw, {**sent, **(headers or {})})
        answer = connection.getresponse()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        return Got(answer.status, fields, answer.read())


def chat_body(text: str = "hello", **more: object) -> dict[str, object]:
    return {"model": "kimi-k2.6", "messages": [{"role": "user", "content": text}], **more}


@pytest.fixture(name="ask")
def ask_fixture() -> Callable[..., Got]:
    return ask


@pytest.fixture(name="body")
def body_fixture() -> Callable[..., dict[str, object]]:
    return chat_body


@pytest.fixture
def server() -> Iterator[MoonshotServer]:
    with MoonshotServer() as running:
        yield running
