"""Functions as tools: a real server that asks for them, real calls, the conversation that goes back."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

import moongate
from moongate.testing import Answer, MoonshotServer, ToolCall

ASK = [{"role": "user", "content": "How warm is it in Paris and in Rome?"}]


def temperature(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> dict[str, object]:
    """How warm it is in a city."""
    return {"city": city, "degrees": 21, "unit": unit}


TWO_CALLS = Answer(
    "",
    reasoning="I need both.",
    tool_calls=[
        ToolCall(name="temperature", arguments='{"city": "Paris"}'),
        ToolCall(name="temperature", arguments='{"city": "Rome", "unit": "fahrenheit"}'),
    ],
)


@pytest.fixture
def client():
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        server.replies = [TWO_CALLS, Answer("21 in both.")]
        with moongate.Client("moonshot", base_url=server.base_url, api_key=server.key) as client:
            yield client, server


def test_calls_of_one_answer_are_answered_together(client) -> None:
    client, server = client
    run = client.run(messages=ASK, tools=[temperature])
    assert run.content == "21 in both."
    assert len(run.answers) == 2
    sent = server.requests[-1].json()["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool"]
    assert sent[1]["reasoning_content"] == "I need both."
    assert [m["tool_call_id"] for m in sent[2:]] == [c["id"] for c in sent[1]["tool_calls"]]
    assert sent[3]["content"] == '{"city":"Rome","degrees":21,"unit":"fahrenheit"}'


def test_the_same_for_asyncio_with_coroutine_functions(client) -> None:
    client, server = client

    async def temperature(city: str, unit: str = "celsius") -> str:
        await asyncio.sleep(0)
        return f"{city}: 21 {unit}"

    async def main() -> str:
        async with moongate.AsyncClient("moonshot", base_url=server.base_url, api_key=server.key) as client:
            return (await client.run(messages=ASK, tools=[temperature])).content

    assert asyncio.run(main()) == "21 in both."
    assert server.requests[-1].json()["messages"][2]["content"] == "Paris: 21 celsius"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (ToolCall(name="temperature", arguments='{"town": "Paris"}'), "not right"),
        (ToolCall(name="temperature", arguments='{"city": '), "not right"),
        (ToolCall(name="weather", arguments="{}"), "there is no function 'weather'"),
    ],
)
def test_a_wrong_call_is_told_to_the_model(client, call, told) -> None:
    client, server = client
    server.replies = [Answer("", tool_calls=[call]), Answer("Sorry.")]
    assert client.run(messages=ASK, tools=[temperature]).content == "Sorry."
    assert told in server.requests[-1].json()["messages"][-1]["content"]


def test_what_a_function_raises_is_the_callers(client) -> None:
    client, _ = client

    def temperature(city: str, unit: str = "") -> str:
        raise LookupError(city)

    with pytest.raises(LookupError, match="Paris"):
        client.run(messages=ASK, tools=[temperature])


def test_a_model_that_never_stops_calling_is_stopped(client) -> None:
    client, server = client
    server.replies = [TWO_CALLS] * 3
    with pytest.raises(moongate.UsageError, match="after 3 answers"):
        client.run(messages=ASK, tools=[temperature], max_turns=3)


def test_other_endpoints_are_not_handed_reasoning_content() -> None:
    with MoonshotServer(dialect="openai", models=["kimi-k2.6"]) as server:
        server.replies = [TWO_CALLS, Answer("Done.")]
        with moongate.Client(base_url=server.base_url, api_key=server.key) as client:
            client.run(messages=ASK, tools=[temperature])
        assert "reasoning_content" not in server.requests[-1].json()["messages"][1]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda city: city, "no type hint"),
        (lambda *cities: cities, "no model can fill in"),
    ],
)
def test_functions_that_cannot_be_tools(client, function, said) -> None:
    client, _ = client
    with pytest.raises(moongate.UsageError, match=said):
        client.run(messages=ASK, tools=[function])
