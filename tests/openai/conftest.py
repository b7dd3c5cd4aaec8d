"""A faithful server, guarded clients of it, and every road by which the SDK sends a chat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from moongate.openai import OpenAI
from moongate.testing import MoonshotServer

MESSAGES = [{"role": "user", "content": "hello"}]
Road = Callable[[Any, str], Any]


class Reply(BaseModel):
    """What `parse` reads an answer into."""

    word: str


ROADS: Mapping[str, Road] = {
    "keyword": lambda c, m: c.chat.completions.create(model=m, messages=MESSAGES),
    "extra_body": lambda c, m: c.chat.completions.create(
        model="kimi-k2.6", messages=MESSAGES, extra_body={"model": m}
    ),
    "models array": lambda c, m: c.chat.completions.create(
        model="kimi-k2.6", messages=MESSAGES, extra_body={"models": ["kimi-k2.6", m]}
    ),
    "stream": lambda c, m: c.chat.completions.create(model=m, messages=MESSAGES, stream=True),
    "with_options": lambda c, m: c.with_options(max_retries=1, timeout=5).chat.completions.create(
        model=m, messages=MESSAGES
    ),
    "copy of a copy": lambda c, m: (
        c.copy().with_options(max_retries=1).chat.completions.create(model=m, messages=MESSAGES)
    ),
    "with_raw_response": lambda c, m: c.chat.completions.with_raw_response.create(model=m, messages=MESSAGES),
    "client.with_raw_response": lambda c, m: c.with_raw_response.chat.completions.create(model=m, messages=MESSAGES),
    "beta parse": lambda c, m: c.beta.chat.completions.parse(model=m, messages=MESSAGES, response_format=Reply),
    "parse": lambda c, m: c.chat.completions.parse(model=m, messages=MESSAGES, response_format=Reply),
    "post": lambda c, m: c.post("/chat/completions", body={"model": m, "messages": MESSAGES}, cast_to=dict[str, Any]),
    "post of bytes": lambda c, m: c.post(
        "/chat/completions", content=f'{{"model": "{m}", "messages": []}}'.encode(), cast_to=dict[str, Any]
    ),
    "responses": lambda c, m: c.responses.create(model=m, input="hello"),
    "estimate": lambda c, m: c.estimate(model=m, messages=MESSAGES),
    "batch file": lambda c, m: c.files.create(file=("b.jsonl", batch_file("kimi-k2.6", m)), purpose="batch"),
}


def batch_file(*models: str) -> bytes:
    """Return a batch file with one line for each model."""
    line = '{{"custom_id": "{}", "method": "POST", "url": "/v1/chat/completions", "body": {{"model": "{}"}}}}\n'
    return "".join(line.format(n, model) for n, model in enumerate(models)).encode()


@pytest.fixture(params=list(ROADS))
def road(request: pytest.FixtureRequest) -> Road:
    return ROADS[request.param]


@pytest.fixture
def server() -> Iterator[MoonshotServer]:
    """A server that lists only kimi-k2.6."""
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        yield server


@pytest.fixture
def client(server: MoonshotServer) -> Iterator[OpenAI]:
    with OpenAI("moonshot", api_key=server.key, base_url=server.base_url, max_retries=1) as client:
        yield client


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
