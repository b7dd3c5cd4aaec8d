"""What a client does with every request that Moonshot is known to refuse: parameters, messages, tools, forced calls.

One row per refusal. In mode "raise" what is surely wrong never leaves, with an error that names the field; what
sources contradict each other about leaves with a warning. In mode "pass" everything leaves, once, and the server's
own words come back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from moongate import BadRequestError, Client, MoongateError, UsageError
from moongate.errors import ContextOverflowError
from moongate.testing import MoonshotServer, Readings
from moongate.wire.rules import RuleError

ON, OFF = {"type": "enabled"}, {"type": "disabled"}
USER = {"role": "user", "content": "Is it warm?"}
NAMED = {"type": "function", "function": {"name": "f"}}
K26, K27, K3, V1 = "kimi-k2.6", "kimi-k2.7-code", "kimi-k3", "moonshot-v1-8k"
CALL = {"role": "assistant", "content": "", "tool_calls": [{"id": "f_0", "type": "function"}]}
BAD_NAME = "Invalid request: function name is invalid, must start with a letter"
SCHEMA = "tools.function.parameters is not a valid moonshot flavored json schema, details: <"
STRING = {"type": "string"}


def tool(**function: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "fun", **function}}]}


def takes(schema: dict[str, Any]) -> dict[str, Any]:
    return tool(parameters=schema)


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def says(*messages: Any) -> dict[str, Any]:
    return {"messages": [USER, *messages]}


def part(**fields: Any) -> dict[str, Any]:
    return says({"role": "user", "content": [fields]})


# model, parameters, the field that is named, what the server says
Row = tuple[str, dict[str, Any], str, str]
PARAMETERS: list[Row] = [
    (K26, {"temperature": 0.3}, "temperature", "invalid temperature: only 1 is allowed for this model"),
    (
        K26,
        {"temperature": 1, "thinking": OFF},
        "temperature",
        "invalid temperature: only 0.6 is allowed for this model",
    ),
    (K27, {"temperature": 0.6}, "temperature", "invalid temperature: only 1 is allowed for this model"),
    (K26, {"top_p": 1}, "top_p", "invalid top_p: only 0.95 is allowed for this model"),
    (K26, {"n": 2}, "n", "invalid n: only 1 is allowed for this model"),
    (K26, {"presence_penalty": 1}, "presence_penalty", "invalid presence_penalty: only 0 is allowed"),
    (K26, {"frequency_penalty": 1}, "frequency_penalty", "invalid frequency_penalty: only 0 is allowed"),
    (
        K26,
        {"top_logprobs": 2},
        "top_logprobs",
        "Invalid request: logprobs must be set to true if top_logprobs is used",
    ),
    (K27, {"thinking": OFF}, "thinking", "invalid thinking: only type=enabled is allowed for this model"),
    (
        K26,
        {"tool_choice": "required", **tool()},
        "tool_choice",
        "tool_choice 'required' is incompatible with thinking enabled",
    ),
    (
        K26,
        {"tool_choice": NAMED, **tool()},
        "tool_choice",
        "tool_choice 'specified' is incompatible with thinking enabled",
    ),
    (
        K26,
        {"stop": list("abcdef")},
        "stop",
        "stop array too long. Expected an array with maximum length 5, but got 6",
    ),
    (
        K3,
        {"reasoning_effort": 3},
        "reasoning_effort",
        "Invalid request: the `reasoning_effort` field in the request (expected type string) is illegal, and number "
        "is not acceptable",
    ),
]
MESSAGES: list[Row] = [
    (K26, says(CALL), "messages[1].reasoning_content", "thinking is enabled but reasoning_content is missing in "
     "assistant tool call message at index 1"),
    (K26, says({"role": "tool", "tool_call_id": "", "content": "1"}), "messages[1].tool_call_id",
     "tool_call_id  is not found"),
    (K26, says({"role": "assistant", "content": ""}), "messages[1].content",
     "the message at position 1 with role 'assistant' must not be empty"),
    (K26, part(type="text", text=""), "messages[1].content[0].text", "text content is empty"),
    (K26, part(type="image_url", image_url={"url": "https://a.example/b.png"}), "messages[1].content[0].image_url",
     "Invalid request: unsupported image url: https://a.example/b.png"),
    (K26, part(type="image_url", image_url="data:text/plain;base64,AA"), "messages[1].content[0].image_url",
     "unsupported image format"),
    (K26, says({"role": "system", "tools": tool()["tools"]}), "messages[1].tools", "tokenization failed"),
    (K3, says({"role": "system", "content": "x", "tools": tool()["tools"]}), "messages[1].tools",
     "cannot be used with content"),
    (K26, says({"role": "developer", "content": "x"}), "messages[1].role", "unsupported role developer"),
    (V1, part(type="video_url", video_url="ms://f"), "messages[1].content[0].video_url",
     "does not support video input"),
    (K26, {"messages": [USER, {"role": "assistant", "content": "{", "partial": True}],
           "response_format": {"type": "json_object"}}, "messages[1].partial", "incompatible with response_format"),
    (K26, {"max_tokens": 262_144}, "max_tokens", "Your request exceeded model token limit: 262144"),
]  # fmt: skip
TOOLS: list[Row] = [
    (K26, tool(name="1st"), "tools[0].function.name", BAD_NAME),
    (K26, tool(name="a.b"), "tools[0].function.name", BAD_NAME),
    (K26, tool(name=""), "tools[0].function.name", BAD_NAME),
    (K26, {"tools": tool()["tools"] * 2}, "tools[1].function.name", "function name fun is duplicated"),
    (
        K26,
        {"tools": [{"type": "custom", "custom": {}}]},
        "tools[0].type",
        "unknown tool type: custom, currently only function and plugin are supported",
    ),
    (
        K26,
        tool(parameters={"properties": {}}),
        "tools[0].function.parameters",
        'tools.function.parameters.type is required and must be "object"',
    ),
    (
        K26,
        {"tools": [{"type": "builtin_function", "function": {"name": "$web_search"}}]},
        "tools[0]",
        "builtin_function $web_search is incompatible with thinking enabled",
    ),
]
# schema, what the server says of it; sources contradict each other on whether it refuses, so it is sent
FLAWED: list[tuple[dict[str, Any], str]] = [
    ({"type": "object", "anyOf": [of()]}, "At path 'root': when using anyOf, type should be defined in anyOf items "
     "instead of the parent schema"),
    (of(source={}), "At path 'properties.source': type is not defined"),
    (of(X={"$ref": "other"}), "At path 'properties.X.$ref': references must start with #/$defs/"),
    (of(X={"$ref": "#/$defs/y", "type": "string"}) | {"$defs": {"y": STRING}}, "At path 'properties.X': when using "
     "$ref, type should be defined in the referenced schema instead of the parent schema"),
    (of(X={"$ref": "#/$defs/y", "properties": {}}) | {"$defs": {"y": of()}}, "keyword 'properties' is not allowed at "
     "the same level as $ref"),
    (of() | {"required": ["codecType"]}, "required property 'codecType' is not defined in properties"),
    (of() | {"required": "a"}, "At path 'required': required must be an array"),
    ({"type": "object", "properties": []}, "At path 'properties': properties must be an object"),
    (of(a={"type": "array", "items": []}), "At path 'properties.a.items': items must be an object"),
    (of(a={**STRING, "format": "date"}), "unsupported keywords: format"),
    (of(a={"const": 1}), "At path 'properties.a'"),
]  # fmt: skip
CHOICES: list[tuple[str, dict[str, Any], object, bool]] = [
    # model, thinking, choice, whether it leaves
    *((K26, ON, choice, True) for choice in ("auto", "none")),
    *((K26, OFF, choice, True) for choice in ("auto", "none", "required", NAMED)),
    *((K26, ON, choice, False) for choice in ("required", NAMED)),
    *((K27, ON, choice, True) for choice in ("auto", "none")),
    *((K27, ON, choice, False) for choice in ("required", NAMED)),
    *((K3, ON, choice, True) for choice in ("auto", "none", "required", NAMED)),
    *((V1, OFF, choice, True) for choice in ("auto", "none", "required")),
]


@pytest.fixture(scope="module")
def server() -> Iterator[MoonshotServer]:
    with MoonshotServer(models=[K26, K27, K3, V1]) as server:
        yield server


def _asked(server: MoonshotServer, mode: str, model: str, parameters: dict[str, Any]) -> MoongateError | None:
    """Ask, and return the error; what was sent stands in `server.requests`."""
    server.forget()
    with Client("moonshot", base_url=server.base_url, api_key=server.key, rules=mode) as client:
        try:
            client.chat(**{"model": model, "messages": [USER], **parameters})
        except MoongateError as error:
            return error
    return None


@pytest.mark.parametrize(("model", "parameters", "field", "words"), PARAMETERS + MESSAGES + TOOLS)
def test_what_is_surely_refused_never_leaves_and_passed_on_comes_back_once(
    server: MoonshotServer, model: str, parameters: dict[str, Any], field: str, words: str
) -> None:
    error = _asked(server, "raise", model, parameters)
    assert type(error) is RuleError and (error.exit_code, error.kind, error.sent) == (2, "parameter", False)
    assert error.findings[0].field == field and f"{field} = " in error.message and "source:" in error.message
    assert server.count("POST") == 0
    answered = _asked(server, "pass", model, parameters)
    assert isinstance(answered, BadRequestError) and answered.exit_code == 3
    told = answered.provider_message or ""
    assert " ".join(words.split()) in told and server.count("POST") == 1
    assert isinstance(answered, ContextOverflowError) == ("token limit" in words)


def test_no_messages_never_leave(server: MoonshotServer) -> None:
    for mode in ("raise", "fix", "pass"):
        assert type(_asked(server, mode, K26, {"messages": []})) is UsageError
        assert server.count("POST") == 0


def test_log_probabilities_leave_with_a_warning(server: MoonshotServer) -> None:
    error = _asked(server, "raise", K3, {"logprobs": True})
    assert isinstance(error, BadRequestError) and server.count("POST") == 1
    assert error.provider_message == "invalid logprobs: only false is allowed for this model"
    with MoonshotServer(models=[K3], readings=Readings(logprobs="accept")) as other:
        assert _asked(other, "raise", K3, {"logprobs": True}) is None


@pytest.mark.parametrize(("schema", "words"), FLAWED)
def test_a_flawed_schema_leaves_with_a_warning_and_mended_it_passes(
    server: MoonshotServer, schema: dict[str, Any], words: str
) -> None:
    error = _asked(server, "raise", K26, takes(schema))
    assert isinstance(error, BadRequestError) and server.count("POST") == 1
    told = error.provider_message or ""
    assert SCHEMA in told and words in told
    assert _asked(server, "fix", K26, takes(schema)) is None and server.count("POST") == 1


def test_a_flaw_that_the_server_tolerates_is_answered(server: MoonshotServer) -> None:
    assert _asked(server, "raise", K26, takes({"$schema": "x", **of()})) is None


@pytest.mark.parametrize(("model", "thinking", "choice", "leaves"), CHOICES)
def test_forced_calls(
    server: MoonshotServer, model: str, thinking: dict[str, Any], choice: object, leaves: bool
) -> None:
    asked = {"thinking": thinking, "tool_choice": choice, "tools": [NAMED]}
    if model == V1:
        del asked["thinking"]
    error = _asked(server, "raise", model, asked)
    assert (type(error) is not RuleError) == leaves == (server.count("POST") == 1)
    with MoonshotServer(models=[model], readings=Readings(tool_choice_required="never")) as documented:
        assert (type(_asked(documented, "raise", model, asked)) is not RuleError) == leaves


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (K26, part(type="image_url", image_url="data:image/png;base64,AA")),
        (K26, part(type="video_url", video_url={"url": "ms://f1"})),
        (K26, says({"role": "user", "name": "ada", "content": "hi"})),
        (K26, says({"role": "assistant", "content": "{", "partial": True})),
        (K26, says({**CALL, "reasoning_content": ""}, {"role": "tool", "tool_call_id": "f_0", "content": "1"})),
        (K26, {**says(CALL, {"role": "tool", "tool_call_id": "f_0", "content": "1"}), "thinking": OFF}),
        (K3, says({"role": "system", "tools": tool()["tools"]})),
        (K26, {"thinking": {**ON, "keep": "all"}}),
        (K26, tool(name="_a-b1")),
        (K26, {"max_completion_tokens": 400, "prompt_cache_key": "k", "safety_identifier": "s"}),
    ],
)
def test_what_is_documented_passes(server: MoonshotServer, model: str, parameters: dict[str, Any]) -> None:
    assert _asked(server, "raise", model, parameters) is None


def test_a_body_beyond_100_mb_never_leaves(server: MoonshotServer) -> None:
    large = part(type="image_url", image_url="data:image/png;base64," + "A" * (100 * 2**20))
    error = _asked(server, "raise", K26, large)
    assert type(error) is RuleError and "at most 100 MB" in error.message and server.count("POST") == 0
