"""The mistakes that people really make with this API, one by one: what a client says, and what it never sends."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from moongate import AuthenticationError, Client, ModelRefusedError, MoongateError
from moongate import errors as e
from moongate.facts.money import Money, Price
from moongate.testing import Account, Answer, Fault, MoonshotServer, Readings
from moongate.wire.rules import RuleError

OFF = {"type": "disabled"}
USER = {"role": "user", "content": "Is it warm?"}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"id": "f_0", "type": "function"}]}
RESULT = {"role": "tool", "tool_call_id": "f_0", "content": "1"}
SCHEMA = {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}], "type": "string", "format": "date"}}}


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": name, **more}}]}


# the mistake, what is asked, the error or None, a word of its message, how many chats are posted
ASKED: list[tuple[str, dict[str, Any], type[MoongateError] | None, str, int]] = [
    ("an id that was invented", {"model": "kimi-k2.6-thinking"}, ModelRefusedError, "no such id", 0),
    ("an id of a gateway", {"model": "moonshotai/kimi-k2.6"}, ModelRefusedError, "OpenRouter", 0),
    ("an id of AIMLAPI", {"model": "moonshot/kimi-k2-6"}, ModelRefusedError, "AIMLAPI", 0),
    ("an id that is gone", {"model": "kimi-k2-0711-preview"}, ModelRefusedError, "retired on 2026-05-25", 0),
    ("an id of old code", {"model": "moonshot-v1-8k"}, ModelRefusedError, "retired on 2026-08-31", 0),
    ("any temperature", {"temperature": 0.7}, RuleError, "1 while it thinks", 0),
    ("1 with thinking off", {"temperature": 1, "thinking": OFF}, RuleError, "0.6 with thinking disabled", 0),
    ("reasoning dropped", {"messages": [USER, CALL, RESULT]}, RuleError, "reasoning_content", 0),
    ("a schema as pydantic writes it", tool("f", parameters=SCHEMA), e.BadRequestError, "moonshot flavored", 1),
    ("a name that begins with a digit", tool("1st"), RuleError, "a letter or underscore", 0),
    ("an empty turn", {"messages": [USER, {"role": "assistant", "content": ""}]}, RuleError, "something", 0),
    ("a prompt beyond the window", {"messages": [{"role": "user", "content": "x" * 1_100_000}]},
     e.ContextOverflowError, "exceeded model token limit", 1),
    ("an answer beyond the window", {"max_tokens": 300_000}, RuleError, "262144 tokens", 0),
    ("a public address of an image", {"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]}]}, RuleError, "ms://", 0),
    ("a forced call while it thinks", {"tool_choice": "required", **tool("f")}, RuleError, "auto or none", 0),
    ("a web search while it thinks", {"tools": [
        {"type": "builtin_function", "function": {"name": "$web_search"}}]}, RuleError, "thinking disabled", 0),
    ("no mistake", {}, None, "", 1),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "asked", "error", "word", "posted"), ASKED, ids=[row[0] for row in ASKED])
def test_asked_wrongly(
    mistake: str, asked: dict[str, Any], error: type[MoongateError] | None, word: str, posted: int
) -> None:
    found: MoongateError | None = None
    with (
        MoonshotServer(models=["kimi-k2.6", "kimi-k3"]) as server,
        Client("moonshot", base_url=server.base_url, api_key=server.key) as client,
    ):
        try:
            client.chat(**{"model": "kimi-k2.6", "messages": [USER], **asked})
        except MoongateError as raised:
            found = raised
        assert server.count("POST") == posted, mistake
    assert (type(found) if found else None) is error
    assert found is None or word in str(found)
    assert not isinstance(found, ModelRefusedError) or "kimi-k2.6" in str(found)


def test_a_key_of_the_other_region_is_sent_nowhere_else() -> None:
    with MoonshotServer() as home, MoonshotServer(region="cn") as foreign:
        with (
            Client("moonshot-cn", base_url=foreign.base_url, api_key=home.key) as client,
            pytest.raises(AuthenticationError) as caught,
        ):
            client.chat(model="kimi-k2.6", messages=[USER])
        assert home.requests == () and foreign.count("POST") == 0
    assert "-p moonshot if it is one" in caught.value.advice and caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("made", "provider", "key", "error", "word"),
    [
        ({}, "moonshot", "sk-kimi-0123456789", e.WrongRegionError, "one of Kimi Code"),
        ({}, "moonshot", "sk-or-v1-0123456789", e.WrongRegionError, "one of OpenRouter"),
        ({"product": "code"}, "kimi-code", "sk-0123456789abcdef", AuthenticationError, "The API Key appears"),
        ({"dialect": "openrouter"}, "openrouter", "sk-kimi-0123456789", AuthenticationError, ""),
    ],
)
def test_a_key_of_another_product(
    made: dict[str, Any], provider: str, key: str, error: type[MoongateError], word: str
) -> None:
    with MoonshotServer(**made) as server:
        with (
            Client(provider, base_url=server.base_url, api_key=key) as client,
            pytest.raises(AuthenticationError) as caught,
        ):
            client.models()
        assert {request.method for request in server.requests} == {"GET"}
    assert isinstance(caught.value, error) and word in str(caught.value) and key not in str(caught.value)


def test_too_few_tokens_leave_an_empty_answer_that_is_explained() -> None:
    class Sky(msgspec.Struct):
        colour: str

    said = [Answer('{"colour":"blue"}', reasoning="word " * 400)] * 2
    with (
        MoonshotServer(models=["kimi-k2.6"], replies=said) as server,
        Client("moonshot", base_url=server.base_url, api_key=server.key) as client,
    ):
        answer = client.chat(messages=[USER], max_tokens=20)
        assert (answer.content, answer.finish_reason) == ("", "length")
        assert any("300 or more" in note for note in answer.notes)
        with pytest.raises(e.AnswerError, match="its reasoning used up max_tokens"):
            client.parse(Sky, messages=[USER], max_tokens=20)
        assert server.count("POST") == 2  # asked again only when told to


OWN = Price(currency="USD", input=Decimal(1), output=Decimal(1), cached_input=Decimal(0))


@pytest.mark.parametrize("place", ["both", "choice", "top"])
def test_usage_is_counted_once_wherever_a_stream_says_it(place: Any) -> None:
    with (
        MoonshotServer(models=["kimi-k2.6"], readings=Readings(usage_in_stream=place)) as server,
        Client("moonshot", base_url=server.base_url, api_key=server.key) as client,
    ):
        plain = client.chat(messages=[USER]).usage
        with client.stream(messages=[USER]) as stream:
            list(stream)
        assert plain is not None and stream.answer.usage == plain and plain.completion_tokens > 0


@pytest.mark.parametrize("place", ["both", "top"])
def test_cached_tokens_are_part_of_the_prompt(place: Any) -> None:
    long = [{"role": "user", "content": "word " * 400}]
    with (
        MoonshotServer(models=["kimi-k2.6"], readings=Readings(cached_tokens=place)) as server,
        Client("moonshot", base_url=server.base_url, api_key=server.key) as client,
    ):
        client.chat(messages=long)
        used = client.chat(messages=long).usage
    assert used is not None and 0 < used.cached_tokens <= used.prompt_tokens
    tokens = used.prompt_tokens - used.cached_tokens + used.completion_tokens
    cost = OWN.cost(
        prompt_tokens=used.prompt_tokens,
        completion_tokens=used.completion_tokens,
        cached_tokens=used.cached_tokens,
    )
    assert cost == Money(nano=tokens * 1000, currency="USD")


def test_a_base_url_without_its_version_and_one_with_a_route() -> None:
    with MoonshotServer() as server:
        with (
            Client("moonshot", base_url=server.origin, api_key=server.key) as client,
            pytest.raises(e.UnknownRouteError, match="usually ends in /v1") as caught,
        ):
            client.chat(model="kimi-k2.6", messages=[USER])
        assert caught.value.exit_code == 2 and server.count("POST") == 0
        with pytest.raises(e.BaseUrlError, match="ends in a route"):
            Client("moonshot", base_url=server.base_url + "/chat/completions", api_key=server.key)


def test_retries_do_not_eat_the_lowest_tiers_minute(caplog: pytest.LogCaptureFixture) -> None:
    lowest = [Account(tier=0)]
    with (
        MoonshotServer(models=["kimi-k2.6"], accounts=lowest) as server,
        Client("moonshot", base_url=server.base_url, api_key=server.key) as client,
    ):
        server.inject(Fault("refusal", name="rpm", path="/chat/completions", headers={"retry-after": "3599"}))
        with caplog.at_level(logging.WARNING), pytest.raises(e.RateLimitedError) as caught:
            client.chat(messages=[USER])
        assert (caught.value.scope, server.count("POST")) == ("rpm", 1)


def test_an_empty_account_is_never_asked_again() -> None:
    with (
        MoonshotServer(models=["kimi-k2.6"], accounts=[Account(cash="0", voucher="0")]) as server,  # type: ignore[arg-type]
        Client("moonshot", base_url=server.base_url, api_key=server.key) as client,
    ):
        for number in (1, 2):
            with pytest.raises(e.InsufficientBalanceError, match="Top up at"):
                client.chat(messages=[USER])
            assert server.count("POST") == number
