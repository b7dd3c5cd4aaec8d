"""Every rule, and that what it calls sure is what the offline server refuses in the same words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moongate.facts.models import Model
from moongate.facts.providers import Provider, built_in, custom
from moongate.testing import MoonshotServer, Readings
from moongate.wire.rules import check, check_batch, check_body_size, check_file, rules

OFF, ON = {"type": "disabled"}, {"type": "enabled"}
USER = {"role": "user", "content": "answer in JSON"}
K26, K27, K25, K3, V1 = "kimi-k2.6", "kimi-k2.7-code", "kimi-k2.5", "kimi-k3", "moonshot-v1-8k"
NAMED = {"type": "function", "function": {"name": "f"}}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"id": "f_0"}]}
RESULT = {"role": "tool", "tool_call_id": "f_0", "content": "1"}


def tool(**function: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "fun", **function}}]}


def part(**parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [parts]}]}


def media(url: Any, kind: str = "image_url") -> dict[str, Any]:
    return part(**{"type": kind, kind: url})


def schema(**asked: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": asked}}


SURE: list[tuple[str, str, dict[str, Any]]] = [
    ("temperature-thinking", K26, {"temperature": 0.3}),
    ("temperature-thinking", K26, {"temperature": 0.6, "thinking": ON}),
    ("temperature-thinking", K25, {"temperature": 0}),
    ("temperature-not-thinking", K26, {"temperature": 1, "thinking": OFF}),
    ("temperature-fixed", K3, {"temperature": 0.6}),
    ("temperature-fixed", K27, {"temperature": 0.6}),
    ("top-p-fixed", K26, {"top_p": 1}),
    ("n-fixed", K26, {"n": 2}),
    ("presence-penalty-fixed", K26, {"presence_penalty": 0.5}),
    ("frequency-penalty-fixed", K27, {"frequency_penalty": 0.5}),
    ("temperature-range", V1, {"temperature": 1.5}),
    ("top-p-range", V1, {"top_p": -1}),
    ("n-range", V1, {"n": 6, "temperature": 0.5}),
    ("n-cold", V1, {"n": 2}),
    ("presence-penalty-range", V1, {"presence_penalty": 3}),
    ("frequency-penalty-range", V1, {"frequency_penalty": -3}),
    ("type", K26, {"reasoning_effort": 3}),
    ("type", K26, {"temperature": "1"}),
    ("type", K26, {"max_tokens": 1.5}),
    ("type", K26, {"stream": 1}),
    ("type", K26, {"thinking": "disabled"}),
    ("type", K26, {"tools": {}}),
    ("thinking-type", K26, {"thinking": {"type": "adaptive"}}),
    ("thinking-type", K26, {"thinking": {"keep": "all"}}),
    ("thinking-always", K27, {"thinking": OFF}),
    ("thinking-keep", K26, {"thinking": {"type": "enabled", "keep": "some"}}),
    ("thinking-keep", K26, {"thinking": {"type": "enabled", "budget_tokens": 5}}),
    ("thinking-type-only", K25, {"thinking": {"type": "enabled", "keep": "all"}}),
    ("window", K26, {"max_tokens": 262_144}),
    ("window", V1, {"max_completion_tokens": 9000}),
    ("stop", K26, {"stop": 5}),
    ("stop", K26, {"stop": ["a", 5]}),
    ("stop-count", K26, {"stop": ["a"] * 6}),
    ("stop-bytes", K26, {"stop": "x" * 33}),
    ("stop-bytes", K26, {"stop": ["月" * 11]}),
    ("top-logprobs", K26, {"top_logprobs": 2}),
    ("response-format", K26, {"response_format": {"type": "xml"}}),
    ("json-schema-parts", K26, schema(name="a")),
    ("json-schema-parts", K26, schema(schema={"type": "object"})),
    ("tool-choice-thinking", K26, {"tool_choice": "required"}),
    ("tool-choice-thinking", K27, {"tool_choice": NAMED}),
    ("tool-type", K26, {"tools": [{"type": "custom"}]}),
    ("tool-name", K26, tool(name="1st")),
    ("tool-name", K26, tool(name="a.b")),
    ("tool-name", K26, tool(name="")),
    ("tool-name-twice", K26, {"tools": tool()["tools"] * 2}),
    ("builtin-thinking", K26, {"tools": [{"type": "builtin_function", "function": {"name": "$web_search"}}]}),
    ("tool-parameters", K26, tool(parameters={"properties": {}})),
    ("tool-parameters", K26, tool(parameters={})),
    ("tool-parameters", K26, tool(parameters=[])),
    ("messages-empty", K26, {"messages": []}),
    ("role-developer", K26, {"messages": [{"role": "developer", "content": "x"}]}),
    ("role", K26, {"messages": [{"role": "function", "content": "x"}]}),
    ("message-empty", K26, {"messages": [USER, {"role": "assistant", "content": ""}]}),
    ("message-empty", K26, {"messages": [{"role": "user", "content": None}]}),
    ("text-empty", K26, part(type="text", text="")),
    ("part-type", K26, part(type="input_audio", input_audio={})),
    ("part-type", K26, part(type="file", file={"file_id": "x"})),
    ("media-url", K26, media("https://x/y.png")),
    ("media-url", K26, media({"url": "http://x/y.png"})),
    ("media-url", K26, media({"url": "/tmp/x.png"})),
    ("media-format", K26, media("data:text/plain;base64,AA")),
    ("media-format", K26, media("data:image/png,AA")),
    ("media-input", V1, media("ms://file")),
    ("reasoning-missing", K26, {"messages": [USER, CALL, RESULT]}),
    ("tool-call-id", K26, {"messages": [USER, {**RESULT, "tool_call_id": ""}]}),
    ("tool-call-id", K26, {"messages": [USER, RESULT]}),
    ("dynamic-tools", K26, {"messages": [{"role": "system", "tools": tool()["tools"]}, USER]}),
    ("dynamic-content", K3, {"messages": [{"role": "system", "content": "x", "tools": tool()["tools"]}, USER]}),
    (
        "partial-json",
        K26,
        {
            "messages": [USER, {"role": "assistant", "content": "{", "partial": True}],
            "response_format": {"type": "json_object"},
        },
    ),
]
UNCERTAIN: list[tuple[str, str, dict[str, Any]]] = [
    ("thinking-off-listed", K3, {"thinking": OFF}),
    ("thinking-k3", K3, {"thinking": {"type": "enabled", "keep": "all"}}),
    ("thinking-unknown", V1, {"thinking": OFF}),
    ("effort-not-listed", K3, {"reasoning_effort": "medium"}),
    ("effort-ignored", K26, {"reasoning_effort": "high"}),
    ("two-lengths", K26, {"max_tokens": 500, "max_completion_tokens": 600}),
    ("short-answer", K26, {"max_tokens": 50}),
    ("logprobs", K3, {"logprobs": True}),
    ("top-logprobs-range", V1, {"logprobs": True, "top_logprobs": 30}),
    (
        "json-object-word",
        K26,
        {"response_format": {"type": "json_object"}, "messages": [{"role": "user", "content": "x"}]},
    ),
    ("tool-choice-documented", K26, {"tool_choice": "required", "thinking": OFF}),
    ("tool-choice-k3", K3, {"tool_choice": "required"}),
    ("tool-choice-v1", V1, {"tool_choice": "required"}),
    ("tool-name-length", K26, tool(name="x" * 65)),
    (
        "tool-count",
        K26,
        {"tools": [{"type": "function", "function": {"name": f"f{n}"}} for n in range(129)]},
    ),
    ("schema", K26, tool(parameters={"type": "object", "properties": {"a": {"const": 1}}})),
    ("schema", K26, schema(name="a", schema={"type": "object", "properties": {"a": {"enum": ["x"]}}})),
    ("partial-last", K26, {"messages": [{"role": "assistant", "content": "a", "partial": True}, USER]}),
    ("functions", K26, {"functions": []}),
    ("undocumented", K26, {"seed": 1}),
]
FINE: list[tuple[str, dict[str, Any]]] = [
    (K26, {}),
    (K26, {"temperature": 1, "top_p": 0.95, "n": 1, "presence_penalty": 0, "frequency_penalty": 0.0}),
    (K26, {"temperature": 0.6, "thinking": OFF}),
    (K26, {"temperature": None, "thinking": None, "stop": None, "max_tokens": None}),
    (K26, {"thinking": {"type": "enabled", "keep": "all"}}),
    (K26, {"thinking": {"type": "disabled", "keep": None}}),
    (K27, {"thinking": {"type": "enabled", "keep": "all"}}),
    (K26, {"stop": ["a"] * 5, "max_tokens": 4096, "prompt_cache_key": "k", "safety_identifier": "s"}),
    (K26, {"stop": "x" * 32, "stream": False, "logprobs": False}),
    (K26, {"tool_choice": "auto", **tool(parameters={"type": "object", "properties": {}})}),
    (K26, {"tool_choice": "none", **tool(name="_a-b1")}),
    (K26, {"thinking": OFF, "tools": [{"type": "builtin_function", "function": {"name": "$web_search"}}]}),
    (K26, {"response_format": {"type": "json_object"}}),
    (K26, schema(name="a", schema={"type": "object"})),
    (K26, media("data:image/png;base64,AA")),
    (K26, media({"url": "ms://file"}, "video_url")),
    (K26, {"messages": [USER, {**CALL, "reasoning_content": ""}, RESULT]}),
    (K26, {"messages": [USER, CALL, RESULT], "thinking": OFF}),
    (K26, {"messages": [USER, {"role": "assistant", "content": "{", "partial": True}]}),
    (K3, {"reasoning_effort": "low", "thinking": ON}),
    (K3, {"messages": [{"role": "system", "tools": tool()["tools"]}, USER]}),
    (V1, {"temperature": 0.3, "n": 5, "top_p": 0.1, "presence_penalty": -2, "logprobs": True, "top_logprobs": 2}),
]


def whole(model: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"model": model, "messages": [USER], **body}


def named(cases: list[tuple[str, str, dict[str, Any]]]) -> list[Any]:
    return [pytest.param(*case, id=f"{case[0]}-{case[1]}") for case in cases]


@pytest.mark.parametrize(("rule", "model", "body"), named(SURE))
def test_what_is_sure_is_refused_in_these_words(
    rule: str, model: str, body: dict[str, Any], models: dict[str, Model], row: Provider, refused: Any
) -> None:
    asked = whole(model, body)
    (found,) = [finding for finding in check(asked, models[model], row) if finding.sureness == "sure"]
    assert found.rule == rule
    message = refused(asked)
    assert message is not None
    row_of_rule = next(known for known in rules() if known.id == rule)
    if row_of_rule.verbatim:
        assert found.says == message


@pytest.mark.parametrize(("model", "body"), FINE)
def test_what_passes_is_answered(
    model: str, body: dict[str, Any], models: dict[str, Model], row: Provider, refused: Any
) -> None:
    asked = whole(model, body)
    assert check(asked, models[model], row) == ()
    assert check(asked, None, row) == ()
    assert refused(asked) is None


@pytest.mark.parametrize(("rule", "model", "body"), named(UNCERTAIN))
def test_contradictions_only_warn(
    rule: str, model: str, body: dict[str, Any], models: dict[str, Model], row: Provider
) -> None:
    found = check(whole(model, body), models[model], row)
    assert {finding.sureness for finding in found} == {"uncertain"}
    assert rule in [finding.rule for finding in found]


def test_the_schema_flaw_is_told_in_the_servers_words(models: dict[str, Model], row: Provider, refused: Any) -> None:
    asked = whole(K26, tool(parameters={"type": "object", "properties": {"a": {"type": "date"}}}))
    (found,) = check(asked, models[K26], row)
    assert found.says == refused(asked)
    with MoonshotServer([K26], readings=Readings(mfjs="warn_header")):
        assert found.sureness == "uncertain"  # the same server is known to have answered such requests


def test_every_rule_is_tried() -> None:
    tried = {case[0] for case in SURE + UNCERTAIN} | {"aimlapi-dropped"}
    tried |= {"batch-model", "batch-model-not-named", "batch-sampling", "batch-stream"}
    assert {rule.id for rule in rules() if rule.families} == tried


def test_a_model_without_rules_is_said_to_be_one(models: dict[str, Model], row: Provider, refused: Any) -> None:
    asked = {"model": "kimi-k9", "messages": [USER], "temperature": 7, "tool_choice": "required"}
    (found,) = check(asked, models["kimi-k9"], row)
    assert (found.rule, found.sureness) == ("unknown-model", "uncertain")
    assert "no rules for 'kimi-k9'" in found.message
    assert refused(asked) is None


def test_the_list_counts_before_the_rows(row: Provider) -> None:
    def model(**raw: Any) -> Model:
        return Model(
            id=K26, raw=raw, context_length=raw.get("context_length"), reasoning=raw.get("supports_reasoning")
        )

    def ids(body: dict[str, Any], **raw: Any) -> list[str]:
        return [finding.rule for finding in check(whole(K26, body), model(**raw), row)]

    assert ids(media("ms://x"), supports_image_in=False) == ["media-input"]
    assert ids({"max_tokens": 9000}, context_length=8192) == ["window"]
    assert ids({"max_tokens": 300_000}, context_length=1_048_576) == []
    assert ids({"tool_choice": "required"}, supports_reasoning=False) == ["tool-choice-documented"]
    assert ids({"messages": [{"role": "system", "tools": []}, USER]}, supports_dynamic_tools=True) == [
        "message-empty"
    ]
    odd = Model(id=K27, raw={"supports_thinking_type": "both"})
    assert check(whole(K27, {"thinking": OFF}), odd, row) == ()
    efforts = Model(id=K3, raw={"think_efforts": {"valid_efforts": ["medium"]}})
    assert check(whole(K3, {"reasoning_effort": "medium"}), efforts, row) == ()
    unknown = Model(id="new", raw={"supports_image_in": False, "supports_thinking_type": "only"})
    found = check({"model": "new", **media("ms://x"), "thinking": OFF}, unknown, row)
    assert {finding.rule for finding in found} == {"unknown-model", "media-input", "thinking-off-listed"}


def test_where_the_rules_hold() -> None:
    body = whole("moonshotai/kimi-k2.6", {"temperature": 0.3, "thinking": OFF})
    assert check(body, None, built_in()["openrouter"]) == ()
    assert check(body, None, built_in()["local"]) == ()
    found = check(body, None, built_in()["aimlapi"])
    assert [(finding.field, finding.sureness) for finding in found] == [
        ("temperature", "uncertain"),
        ("thinking", "uncertain"),
    ]
    assert check({**body, "model": "some/other"}, None, built_in()["aimlapi"]) == ()
    for row in (built_in()["moonshot-cn"], custom("mine", base_url="https://mine.test/v1", like="moonshot")):
        assert [finding.rule for finding in check(whole(K26, {"n": 2}), None, row)] == ["n-fixed"]


def test_a_finding_tells_everything(row: Provider) -> None:
    (found,) = check(whole(K26, {"temperature": 0.3}), None, row)
    assert found.field == "temperature"
    assert found.value == 0.3
    assert found.allowed == "only 1 while it thinks"
    assert "temperature = 0.3" in found.message
    assert K26 in found.message
    assert found.fix == "leaves it out; the server uses 1"
    assert found.source
    assert found.date == "2026-09-22"


def test_places(row: Provider) -> None:
    body = whole(K26, {"messages": [USER, {"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]})
    assert [finding.field for finding in check(body, None, row)] == ["messages[1].content[0].image_url"]


def test_files() -> None:
    moonshot = built_in()["moonshot"]
    assert check_file(size=1, purpose="image", row=moonshot) == ()
    assert [f.rule for f in check_file(size=100 * 2**20 + 1, purpose="image", row=moonshot)] == ["file-size"]
    assert [f.rule for f in check_file(size=0, purpose="batch_output", row=moonshot)] == ["file-zero", "file-purpose"]
    assert check_file(size=0, purpose="x", row=built_in()["openrouter"]) == ()
    assert [f.rule for f in check_body_size(200 * 2**20, moonshot)] == ["body-size"]
    assert check_body_size(5, moonshot) == ()


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "system", "function", "data:image/"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "function", "name", "parameters", "tool_calls", "id", "text"])
            | st.sampled_from(
                ["image_url", "url", "partial", "tools", "json_schema", "schema", "keep", "temperature"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
FIELDS = sorted({name.split("[")[0] for rule in rules() for name in rule.fields if " " not in name})


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.dictionaries(st.sampled_from([*FIELDS, "model", "x"]), anything, max_size=5),
    model=st.sampled_from([*FIELDS, K26, K3, V1]),
)
def test_any_body_is_judged(body: dict[str, Any], model: str) -> None:
    for row in (built_in()["moonshot"], built_in()["aimlapi"]):
        check({**body, "model": model}, None, row)
        check(body, Model(id=model), row)


def test_what_a_batch_does_not_take() -> None:
    moonshot = built_in()["moonshot"]

    def ids(name: str, body: dict[str, Any]) -> list[tuple[str, str]]:
        return [(found.rule, found.field) for found in check_batch(whole(name, body), None, moonshot)]

    assert ids(K26, {"max_tokens": 9, "temperature": None}) == []
    assert ids(K26, {"temperature": 1, "n": 1}) == [("batch-sampling", "temperature"), ("batch-sampling", "n")]
    assert ids(K26, {"stream": True}) == [("batch-stream", "stream")]
    assert ids(K3, {}) == [("batch-model", "model")]
    assert ids("kimi-k9", {"top_p": 1}) == [("batch-model-not-named", "model"), ("batch-sampling", "top_p")]
    assert check_batch(whole(K3, {"temperature": 1}), None, built_in()["openrouter"]) == ()
    (found,) = check_batch(whole(K26, {"temperature": 1}), None, moonshot)
    assert found.edits[0].op == "drop" and found.fix == "leaves it out"
    assert check(whole(K26, {"temperature": 1}), None, moonshot) == ()
