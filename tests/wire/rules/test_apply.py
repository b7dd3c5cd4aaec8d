"""The three modes: what is refused, what is changed and told, and that nothing else is touched."""

from __future__ import annotations

import copy
from typing import Any

import pydantic
import pytest

from moongate.errors import UsageError
from moongate.facts.models import Model
from moongate.facts.providers import Provider, built_in
from moongate.wire.rules import RuleError, apply, check
from moongate.wire.schema import accepts

USER = {"role": "user", "content": "x"}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"id": "f_0"}]}
RESULT = {"role": "tool", "tool_call_id": "f_0", "content": "1"}
MOONSHOT = built_in()["moonshot"]


def body(**more: Any) -> dict[str, Any]:
    return {"model": "kimi-k2.6", "messages": [USER], **more}


def test_an_ordinary_body_is_handed_back_itself() -> None:
    asked = body(temperature=1)
    for mode in ("raise", "fix", "pass"):
        applied = apply(asked, None, MOONSHOT, mode)  # type: ignore[arg-type]
        assert applied.body is asked
        assert applied.changes == applied.warnings == ()


def test_raise_names_every_field_the_value_what_is_allowed_and_the_source() -> None:
    with pytest.raises(RuleError) as caught:
        apply(body(temperature=0.3, top_p=1.0), None, MOONSHOT)
    error = caught.value
    assert isinstance(error, UsageError)
    assert (error.exit_code, error.kind, error.sent) == (2, "parameter", False)
    for part in ("temperature = 0.3", "1 while it thinks", "2026-09-22", "top_p = 1.0", "0.95", "--rules fix"):
        assert part in str(error)
    assert [finding.field for finding in error.findings] == ["temperature", "top_p"]


def test_raise_only_warns_of_what_is_uncertain() -> None:
    applied = apply(body(seed=1), None, MOONSHOT)
    assert [warning.field for warning in applied.warnings] == ["seed"]


def test_pass_does_not_look() -> None:
    asked = body(temperature=0.3)
    assert apply(asked, None, MOONSHOT, "pass").body is asked


FIXED: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    (body(temperature=0.3, top_p=1), body(), ["temperature", "top_p"]),
    (body(presence_penalty=1, frequency_penalty=1), body(), ["presence_penalty", "frequency_penalty"]),
    (body(tool_choice="required"), body(tool_choice="auto"), ["tool_choice"]),
    (
        body(messages=[{"role": "developer", "content": "x"}, USER]),
        body(messages=[{"role": "system", "content": "x"}, USER]),
        ["messages[0].role"],
    ),
    (
        body(messages=[USER, CALL, RESULT]),
        body(messages=[USER, {**CALL, "reasoning_content": ""}, RESULT]),
        ["messages[1].reasoning_content"],
    ),
]


@pytest.mark.parametrize(("asked", "expected", "fields"), FIXED)
def test_fix_changes_the_least_and_says_so(
    asked: dict[str, Any], expected: dict[str, Any], fields: list[str], row: Provider, refused: Any
) -> None:
    before = copy.deepcopy(asked)
    applied = apply(asked, None, row, "fix")
    assert applied.body == expected
    assert [change.field for change in applied.changes] == fields
    assert all(change.message and change.rule for change in applied.changes)
    assert asked == before
    assert refused(asked) is not None
    assert refused(dict(applied.body)) is None
    assert apply(applied.body, None, row, "fix").changes == ()


def test_fix_lowers_the_answer_to_what_is_certain_to_fit(
    models: dict[str, Model], row: Provider, refused: Any
) -> None:
    asked = body(max_tokens=1_000_000, messages=[{"role": "user", "content": "月" * 5000}])
    applied = apply(asked, models["kimi-k2.6"], row, "fix")
    assert 240_000 < applied.body["max_tokens"] < 262_144
    assert refused(dict(applied.body)) is None
    with_image = [{"role": "user", "content": [{"type": "image_url", "image_url": "ms://x"}]}]
    with pytest.raises(RuleError):
        apply(body(max_tokens=1_000_000, messages=with_image), models["kimi-k2.6"], row, "fix")
    with pytest.raises(RuleError):
        apply(
            body(max_tokens=8192, messages=[{"role": "user", "content": "x" * 9000}]) | {"model": "moonshot-v1-8k"},
            models["moonshot-v1-8k"],
            row,
            "fix",
        )


class Weather(pydantic.BaseModel):
    city: str = pydantic.Field(pattern="^[A-Z]")
    unit: str | None = pydantic.Field(default=None, max_length=1)


def test_fix_mends_schemas_and_tells_what_passes_now(row: Provider, refused: Any) -> None:
    schema = Weather.model_json_schema() | {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema["properties"]["kind"] = {"const": "rain"}
    asked = body(
        tools=[{"type": "function", "function": {"name": "fun", "parameters": schema}}],
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": schema}},
    )
    assert refused(asked) is not None
    applied = apply(asked, None, row, "fix")
    assert refused(dict(applied.body)) is None
    assert {change.field for change in applied.changes} == {
        "tools[0].function.parameters",
        "response_format.json_schema.schema",
    }
    assert "properties.city.pattern" in applied.changes[0].message
    assert accepts(schema, {"city": "x"})  # the original still tells


def test_fix_completes_the_parameters_of_a_tool(row: Provider, refused: Any) -> None:
    tools = [
        {"type": "function", "function": {"name": "fun", "parameters": {"properties": {"a": {"type": "string"}}}}}
    ]
    applied = apply(body(tools=tools), None, row, "fix")
    assert applied.body["tools"][0]["function"]["parameters"] == {
        "type": "object",
        "properties": {"a": {"type": "string"}},
    }
    assert refused(dict(applied.body)) is None


@pytest.mark.parametrize(
    "asked",
    [
        body(n=3),
        body(stop=["a"] * 6),
        body(thinking={"type": "enabled", "budget_tokens": 5}),
        body(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": "https://x/y.png"}]}]),
        body(messages=[]),
        body(temperature="hot"),
        body(temperature=0.3, n=2),
        body(model="kimi-k2.7-code", thinking={"type": "disabled"}),
    ],
)
def test_what_cannot_be_fixed_without_changing_the_meaning_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(RuleError) as caught:
        apply(asked, None, MOONSHOT, "fix")
    assert "--rules pass" in caught.value.advice
    assert check(asked, None, MOONSHOT)


def test_warnings_remain_after_fixing() -> None:
    applied = apply(body(temperature=0, seed=5), None, MOONSHOT, "fix")
    assert [warning.field for warning in applied.warnings] == ["seed"]
    assert applied.body == body(seed=5)
