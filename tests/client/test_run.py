"""Functions as tools: a real server that asks for them, real calls, the conversation that goes back."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import msgspec
import pydantic
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


KEPT = {"type": "enabled", "keep": "all"}
OFF = {"type": "disabled"}


@pytest.mark.parametrize(
    ("model", "given", "sent"),
    [
        ("kimi-k2.6", {}, KEPT),
        ("kimi-k2.6", {"thinking": {"type": "enabled"}}, KEPT),
        ("kimi-k2.6", {"thinking": {"type": "enabled", "keep": None}}, {"type": "enabled", "keep": None}),
        ("kimi-k2.6", {"thinking": OFF}, OFF),
        ("kimi-k2.6", {"extra_body": {"thinking": OFF}}, OFF),
        ("kimi-k2.7-code", {}, KEPT),
        ("kimi-k3", {}, None),  # keep is not documented for it
        ("moonshot-v1-8k", {}, None),
        ("of-nobody", {}, None),  # a model without rules
    ],
)
def test_earlier_reasoning_is_kept_where_the_model_takes_it(model: str, given: Any, sent: Any) -> None:
    with MoonshotServer(models=[model], replies=[TWO_CALLS, "Done."]) as server:
        with moongate.Client("moonshot", base_url=server.base_url, api_key=server.key) as client:
            client.run(model=model, messages=ASK, tools=[temperature], **given)
        bodies = [request.json() for request in server.requests if request.method == "POST"]
    assert [body.get("thinking") for body in bodies] == [sent, sent]


def test_the_conversation_can_go_on_with_its_reasoning(client) -> None:
    client, _ = client
    run = client.run(messages=ASK, tools=[temperature])
    assert run.messages[-1]["reasoning_content"] == run.answer.reasoning
    more = [*run.messages, {"role": "user", "content": "And in Oslo?"}]
    assert client.run(messages=more, tools=[temperature]).content == "And in Oslo?"


def test_openrouter_gets_its_own_reasoning_back_and_no_other() -> None:
    model = "moonshotai/kimi-k2.6"
    with MoonshotServer(models=[model], dialect="openrouter", replies=[TWO_CALLS, "Done."]) as server:
        with moongate.Client("openrouter", base_url=server.base_url, api_key=server.key) as client:
            run = client.run(messages=ASK, tools=[temperature])
        body = server.requests[-1].json()
    turn = body["messages"][1]
    assert turn["reasoning"] == "I need both."
    assert turn["reasoning_details"] == [{"type": "reasoning.text", "text": "I need both.", "index": 0}]
    assert "reasoning_content" not in turn and "thinking" not in body
    assert "reasoning_details" in run.messages[-1]


class Place(pydantic.BaseModel):
    city: str
    country: Literal["FR", "IT"] = "FR"


def warmth(place: Place, days: Annotated[int, pydantic.Field(ge=1, le=7)] = 1, copy: bool = False) -> Place:
    """How warm it is there."""
    assert isinstance(place, Place) and 1 <= days <= 7
    return place


def test_pydantic_models_are_parameters_and_results(client) -> None:
    client, server = client
    given = [
        {"place": {"city": "Rome", "country": "IT"}, "days": 2},
        {"place": {"city": "x"}, "days": 9},
        {"place": 7},
    ]
    server.replies = [
        Answer("", tool_calls=tuple(ToolCall(name="warmth", arguments=each) for each in given)),
        Answer("Fine."),
    ]
    assert client.run(messages=ASK, tools=[warmth]).content == "Fine."
    told = [message["content"] for message in server.requests[-1].json()["messages"][2:]]
    assert told[0] == '{"city":"Rome","country":"IT"}'
    assert all(text.startswith("error: the arguments of warmth are not right") for text in told[1:])
    (tool,) = server.requests[-1].json()["tools"]
    assert tool["function"]["parameters"]["required"] == ["place"]


class Wrapped(msgspec.Struct):
    place: Place


@pytest.mark.parametrize("hint", [list[Place], Place | None, dict[str, Place]])
def test_pydantic_models_inside_other_types(client, hint: Any) -> None:
    client, server = client

    def tool(places):
        return places

    tool.__annotations__["places"] = hint
    client.run(messages=ASK, tools=[tool])
    assert "city" in str(server.requests[-1].json()["tools"])


@pytest.mark.parametrize("hint", [Wrapped, type(client), "Nowhere"])
def test_hints_without_a_schema_are_named(client, hint: Any) -> None:
    client, _ = client

    def tool(place):
        return place

    tool.__annotations__["place"] = hint
    with pytest.raises(moongate.UsageError, match="tool"):
        client.run(messages=ASK, tools=[tool])


def test_a_result_that_is_no_json_is_named(client) -> None:
    client, _ = client

    def temperature(city: str, unit: str = "") -> object:
        return object()

    with pytest.raises(moongate.UsageError, match="'temperature' returned something"):
        client.run(messages=ASK, tools=[temperature])
