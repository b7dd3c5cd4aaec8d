"""Answers that fit a schema, from a real server that refuses schemas Moonshot would refuse."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec
import pydantic
import pytest

import moongate
from moongate.testing import Answer, MoonshotServer

ASK = [{"role": "user", "content": "Describe the sky as JSON."}]
SCHEMA = {
    "type": "object",
    "properties": {"colour": {"type": "string", "pattern": "^b"}, "height": {"type": "integer", "multipleOf": 10}},
    "required": ["colour"],
}


class Sky(msgspec.Struct):
    colour: Literal["blue", "grey"]
    height: int | None = None


class SkyModel(pydantic.BaseModel):
    colour: str = pydantic.Field(pattern="^b")
    height: int | None = None


@pytest.fixture
def server():
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        yield server


@pytest.fixture
def client(server):
    with moongate.Client("moonshot", base_url=server.base_url, api_key=server.key) as client:
        yield client


@pytest.mark.parametrize("wanted", [Sky, SkyModel, SCHEMA])
def test_the_value_in_the_answer(client, server, wanted) -> None:
    server.replies = [Answer('{"colour": "blue", "height": 10}')]
    parsed = client.parse(wanted, messages=ASK)
    colour = parsed.value["colour"] if isinstance(parsed.value, dict) else parsed.value.colour
    assert colour == "blue"
    sent = server.requests[-1].json()["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["strict"] is True


@pytest.mark.parametrize("wanted", [Sky, SkyModel, SCHEMA])
@pytest.mark.parametrize("text", ['{"colour": "red"}', '{"height": 10}', "blue", ""])
def test_an_answer_that_does_not_fit(client, server, wanted, text) -> None:
    server.replies = [Answer(text)]
    with pytest.raises(moongate.AnswerError, match="does not fit") as caught:
        client.parse(wanted, messages=ASK)
    assert caught.value.content == text


def test_reasoning_that_ate_the_budget_is_explained(client, server) -> None:
    server.replies = [Answer("", reasoning="hm …", finish_reason="length")]
    with pytest.raises(moongate.AnswerError, match="reasoning used up max_tokens"):
        client.parse(Sky, messages=ASK)
    assert server.count("POST", "/v1/chat/completions") == 1


def test_it_is_asked_again_only_when_told_to(client, server) -> None:
    server.replies = [Answer("no"), Answer('{"colour": "grey"}')]
    assert client.parse(Sky, messages=ASK, again=1).value == Sky(colour="grey")
    assert server.count("POST", "/v1/chat/completions") == 2


def test_the_same_for_asyncio(server) -> None:
    server.replies = [Answer('{"colour": "blue"}')]

    async def main() -> object:
        async with moongate.AsyncClient("moonshot", base_url=server.base_url, api_key=server.key) as client:
            return (await client.parse(Sky, messages=ASK)).value

    assert asyncio.run(main()) == Sky(colour="blue")


def test_a_type_without_a_schema(client) -> None:
    with pytest.raises(moongate.UsageError, match="no JSON schema"):
        client.parse(lambda: None, messages=ASK)
