"""What is refused, in the provider's words; and that no JSON whatever makes the server stumble."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moongate.testing import MoonshotServer, Readings
from moongate.testing.models import known
from moongate.testing.rules import judged

Ask = Callable[..., Any]
Body = Callable[..., dict[str, object]]
OFF = {"type": "disabled"}
MODELS = known()["platform"]
USER = {"role": "user", "content": "x"}


def verdict(model: str = "kimi-k2.6", readings: Readings | None = None, **request: Any) -> str | None:
    """Return the message that a request gets, None when it is accepted."""
    refusal = judged({"messages": [USER], **request}, MODELS[model], readings or Readings())
    if refusal is None:
        return None
    from moongate.testing.refusals import row_of

    return str(row_of(refusal.name, "moonshot", "platform")["message"].format_map(refusal.fields))


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("kimi-k2.6", {"temperature": 1, "top_p": 0.95, "n": 1, "presence_penalty": 0, "frequency_penalty": 0.0}),
    ("kimi-k2.6", {"temperature": 0.6, "thinking": OFF}),
    ("kimi-k2.6", {"thinking": {"type": "enabled", "keep": "all"}}),
    ("kimi-k2.6", {"tool_choice": "required", "thinking": OFF}),
    ("kimi-k2.6", {"stop": ["a"] * 5, "max_tokens": 7, "seed": 1, "user": "u", "reasoning_effort": "high"}),
    ("kimi-k3", {"thinking": OFF, "tool_choice": "required", "reasoning_effort": "medium"}),
    ("kimi-k2.7-code", {"thinking": {"type": "enabled", "keep": "all"}}),
    ("moonshot-v1-8k", {"temperature": 0.3, "n": 5, "top_p": 0.1, "presence_penalty": -2}),
    (
        "kimi-k2.6",
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}},
    ),
]
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("kimi-k2.6", {"temperature": 0.3}, "invalid temperature: only 1 is allowed for this model"),
    ("kimi-k2.6", {"temperature": 1, "thinking": OFF}, "invalid temperature: only 0.6 is allowed for this model"),
    ("kimi-k2.5", {"temperature": 0.6}, "invalid temperature: only 1 is allowed for this model"),
    ("kimi-k3", {"top_p": 1}, "invalid top_p: only 0.95 is allowed for this model"),
    ("kimi-k2.7-code", {"n": 2}, "invalid n: only 1 is allowed for this model"),
    ("kimi-k2.6", {"presence_penalty": 1}, "invalid presence_penalty: only 0 is allowed for this model"),
    ("kimi-k2.6", {"frequency_penalty": 1}, "invalid frequency_penalty: only 0 is allowed for this model"),
    ("kimi-k3", {"logprobs": True}, "invalid logprobs: only false is allowed for this model"),
    ("kimi-k3", {"top_logprobs": 2}, "Invalid request: logprobs must be set to true if top_logprobs is used"),
    ("kimi-k2.7-code", {"thinking": OFF}, "invalid thinking: only type=enabled is allowed for this model"),
    ("kimi-k2.6", {"tool_choice": "required"}, "tool_choice 'required' is incompatible with thinking enabled"),
    (
        "kimi-k2.6",
        {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        "tool_choice 'specified' is incompatible with thinking enabled",
    ),
    ("kimi-k2.6", {"stop": ["a"] * 6}, "stop array too long. Expected an array with maximum length 5, but got 6"),
    (
        "kimi-k2.6",
        {"reasoning_effort": 3},
        "Invalid request: the `reasoning_effort` field in the request (expected type string) is illegal, "
        "and number is not acceptable",
    ),
    ("kimi-k2.6", {"messages": []}, "Invalid request: messages must not be empty"),
    (
        "kimi-k2.6",
        {"messages": [USER, {"role": "assistant", "content": ""}]},
        "the message at position 1 with role 'assistant' must not be empty",
    ),
    (
        "kimi-k2.6",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
        "text content is empty",
    ),
    (
        "kimi-k2.6",
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "https://x/y.png"}]}]},
        "Invalid request: unsupported image url: https://x/y.png",
    ),
    (
        "kimi-k2.6",
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:text/plain,x"}}]}
            ]
        },
        "unsupported image format",
    ),
    (
        "kimi-k2.6",
        {
            "messages": [
                USER,
                {"role": "assistant", "content": "", "tool_calls": [{"id": "f_0"}]},
                {"role": "tool", "tool_call_id": "f_0", "content": "1"},
            ]
        },
        "thinking is enabled but reasoning_content is missing in assistant tool call message at index 1",
    ),
    (
        "kimi-k2.6",
        {"messages": [USER, {"role": "tool", "tool_call_id": "", "content": "1"}]},
        "tool_call_id  is not found",
    ),
    (
        "kimi-k2.6",
        {"messages": [{"role": "system", "tools": [{"type": "function"}]}, USER]},
        "tokenization failed",
    ),
    (
        "kimi-k2.6",
        {"tools": [{"type": "function", "function": {"name": "1st"}}]},
        "Invalid request: function name is invalid, must start with a letter and can contain letters, numbers, "
        "underscores, and dashes",
    ),
    (
        "kimi-k2.6",
        {"tools": [{"type": "function", "function": {"name": "xxx"}}] * 2},
        "function name xxx is duplicated",
    ),
    (
        "kimi-k2.6",
        {"tools": [{"type": "custom"}]},
        "unknown tool type: custom, currently only function and plugin are supported",
    ),
    (
        "kimi-k2.6",
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {}}}}]},
        'tools.function.parameters.type is required and must be "object"',
    ),
    (
        "kimi-k2.6",
        {
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "f", "parameters": {"type": "object", "anyOf": [{"type": "object"}]}},
                }
            ]
        },
        "Invalid request: tools.function.parameters is not a valid moonshot flavored json schema, details: <At path "
        "'root': when using anyOf, type should be defined in anyOf items instead of the parent schema>",
    ),
]


@pytest.mark.parametrize(("model", "request_"), ACCEPTED)
def test_accepted(model: str, request_: dict[str, Any]) -> None:
    assert verdict(model, **request_) is None


@pytest.mark.parametrize(("model", "request_", "message"), REFUSED)
def test_refused_verbatim(model: str, request_: dict[str, Any], message: str) -> None:
    assert verdict(model, **request_) == message


@pytest.mark.parametrize(
    ("model", "request_"),
    [
        ("kimi-k2.5", {"thinking": {"type": "enabled", "keep": "all"}}),
        ("kimi-k2.6", {"thinking": {"type": "maybe"}}),
        ("kimi-k2.6", {"thinking": {}}),
        ("moonshot-v1-8k", {"temperature": 1.5}),
        ("moonshot-v1-8k", {"n": 2}),
        ("moonshot-v1-8k", {"tool_choice": "required"}),
        ("kimi-k2.6", {"stop": ["x" * 33]}),
        ("kimi-k2.6", {"stop": 5}),
        ("kimi-k2.6", {"temperature": "1"}),
        ("kimi-k2.6", {"stream": 1}),
        ("kimi-k2.6", {"max_tokens": 1.5}),
        ("kimi-k2.6", {"response_format": {"type": "xml"}}),
        ("kimi-k2.6", {"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}}),
        ("kimi-k2.6", {"messages": [{"role": "developer", "content": "x"}]}),
        ("kimi-k2.6", {"messages": [{"role": "user", "content": [{"type": "file"}]}]}),
        (
            "moonshot-v1-8k",
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "ms://f"}]}]},
        ),
        ("kimi-k2.6", {"messages": [{"role": "assistant", "content": "a", "partial": True}, USER]}),
        (
            "kimi-k2.6",
            {
                "messages": [USER, {"role": "assistant", "content": "{", "partial": True}],
                "response_format": {"type": "json_object"},
            },
        ),
        ("kimi-k3", {"messages": [{"role": "system", "content": "x", "tools": [{"type": "function"}]}, USER]}),
        ("kimi-k2.6", {"tools": [{"type": "builtin_function", "function": {"name": "$web_search"}}]}),
    ],
)
def test_refused_in_words_of_our_own(model: str, request_: dict[str, Any]) -> None:
    assert verdict(model, **request_)


def test_readings_turn_rules_around() -> None:
    assert verdict(thinking=OFF, tool_choice="required", readings=Readings(tool_choice_required="never"))
    assert verdict("kimi-k3", thinking=OFF, readings=Readings(k3_thinking_off="reject"))
    assert verdict("kimi-k3", tool_choice="required", readings=Readings(k3_tool_choice="reject"))
    assert verdict("kimi-k3", logprobs=True, readings=Readings(logprobs="accept")) is None
    flawed = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "not": {}}}}]
    assert verdict(tools=flawed)
    assert verdict(tools=flawed, readings=Readings(mfjs="warn_header")) is None


def test_reasoning_of_a_tool_turn_may_be_empty_or_thinking_off() -> None:
    turn = {"role": "assistant", "content": "", "tool_calls": [{"id": "f_0"}]}
    answer = {"role": "tool", "tool_call_id": "f_0", "content": ""}
    assert verdict(messages=[USER, {**turn, "reasoning_content": ""}, answer]) is None
    assert verdict(messages=[USER, turn, answer], thinking=OFF) is None


def test_context_overflow(server: MoonshotServer, ask: Ask, body: Body) -> None:
    answer = ask(server, "POST", "/chat/completions", body("x" * 400, max_tokens=262100))
    assert answer.message == ("Invalid request: Your request exceeded model token limit: 262144 (requested: 262202)")


def test_a_tolerated_schema_earns_a_header(server: MoonshotServer, ask: Ask, body: Body) -> None:
    schema = {"$schema": "x", "type": "object", "properties": {}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    answer = ask(server, "POST", "/chat/completions", body(tools=tools))
    assert answer.status == 200
    assert answer.headers["msh-schema-warning"] == "unsupported keywords: $schema"


words = st.sampled_from(
    [
        *("function", "object", "array", "assistant", "user", "tool", "system", "text", "image_url", "json_schema"),
        *("data:image/png;base64,AA", "enabled", "disabled", "all", "required", "#/$defs/a", "f", ""),
    ]
)
scalars = st.none() | st.booleans() | st.integers(-5, 300) | st.floats(allow_nan=False, allow_infinity=False) | words
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=2),
    max_leaves=6,
)


def objects(*names: str, **fixed: Any) -> st.SearchStrategy[Any]:
    """Objects with some of these fields, each of them anything; `fixed` fields mostly as they should be."""
    shape = st.fixed_dictionaries(fixed, optional=dict.fromkeys(names, anything))
    return shape | shape | anything


schemas = st.deferred(
    lambda: (
        objects(
            *["type", "enum", "$ref", "items", "anyOf", "required", "properties", "$defs", "not"],
        )
        | st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(words, schemas, max_size=2)},
            optional={
                "required": st.lists(anything, max_size=2),
                "items": schemas,
                "anyOf": st.lists(schemas, max_size=2),
            },
        )
    )
)
functions = objects("description", name=st.just("f") | anything, parameters=schemas)
tools = objects("x", type=st.sampled_from(["function", "builtin_function"]), function=functions)
calls = objects("id", "type", "function")
media = objects("url")
part = objects("text", "video_url", type=st.sampled_from(["text", "image_url", "video_url"]), image_url=media)
messages = objects(
    *["content", "partial", "tool_call_id", "reasoning_content", "name"],
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    tool_calls=st.lists(calls, max_size=2) | anything,
    tools=st.lists(tools, max_size=1) | st.none(),
) | st.fixed_dictionaries({"role": st.just("user"), "content": st.lists(part, max_size=2)})
requests = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["kimi-k2.6", "kimi-k3", "moonshot-v1-8k", "unruly"]),
        "messages": st.lists(messages, min_size=1, max_size=3) | st.just([USER]),
    },
    optional={
        "tools": st.lists(tools, max_size=2) | anything,
        "response_format": objects("json_schema", type=st.sampled_from(["json_object", "json_schema"])),
        "tool_choice": objects("type", function=objects("name")),
        "thinking": objects("keep", type=st.sampled_from(["enabled", "disabled"])),
        "stream_options": objects("include_usage"),
        **dict.fromkeys(
            ["stream", "stop", "n", "max_tokens", "temperature", "logprobs", "reasoning_effort"], anything
        ),
    },
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked=requests)
def test_no_json_makes_the_server_stumble(shared: tuple[Any, ...], asked: dict[str, Any]) -> None:
    for server, client in shared:
        for path in ("/chat/completions", "/tokenizers/estimate-token-count"):
            answer = client.post(path, content=json.dumps(asked).encode())
            assert answer.status_code != 500, server.failures[-1]


@pytest.fixture(scope="module")
def shared() -> Any:
    ids = ["kimi-k2.6", "kimi-k3", "moonshot-v1-8k", "unruly"]
    with MoonshotServer(ids) as moonshot, MoonshotServer(ids, dialect="openrouter") as other:
        headers = [{"authorization": f"Bearer {server.key}"} for server in (moonshot, other)]
        with (
            httpx2.Client(base_url=moonshot.base_url, headers=headers[0]) as first,
            httpx2.Client(base_url=other.base_url, headers=headers[1]) as second,
        ):
            yield (moonshot, first), (other, second)


def test_a_warning_never_breaks_its_header(ask: Ask, body: Body) -> None:
    schema = {"type": "object", "properties": {"a\r\nb月": {}}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    with MoonshotServer(readings=Readings(mfjs="warn_header")) as server:
        answer = ask(server, "POST", "/chat/completions", body(tools=tools))
    assert answer.headers["msh-schema-warning"] == "At path 'properties.a\\r\\nb\\u6708': type is not defined"


def test_broken_bodies_get_400(server: MoonshotServer, ask: Ask) -> None:
    for raw in (b"", b"{", b"[]", b"1", b"\xff", b'{"model":"\\ud800"}', b"[" * 100_000, b'{"a":' * 100_000):
        assert ask(server, "POST", "/chat/completions", raw).status == 400
