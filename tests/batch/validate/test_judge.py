"""One line in full: every fault that it has, in words that help."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from moongate.batch.records import Limits
from moongate.batch.validate import Checks
from moongate.batch.validate.judge import Judge

Judged = Callable[..., list[tuple[str, str | None, bool]]]


@pytest.fixture
def judged(checks: Checks) -> Judged:
    """Return the faults of one line: rule or kind, field, whether it can be put right."""

    def call(value: Any, against: Checks = checks) -> list[tuple[str, str | None, bool]]:
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        faults = Judge(against).line(raw, 7).faults
        return [(fault.rule or fault.kind, fault.field, fault.fix is not None) for fault in faults]

    return call


@pytest.mark.parametrize(
    ("raw", "kind", "says"),
    [
        (b"\xef\xbb\xbf{}", "encoding", "byte order mark"),
        (b'{"a": "\xff"}', "encoding", "byte 8"),
        (b'{"a": "\0"}', "encoding", "NUL"),
        (b'{"a": 1', "json", "character 8"),
        (b'{"a": 1}}', "json", "Extra data"),
        (b'{"a": NaN}', "json", "NaN"),
        (b'{"a": "\\ud800"}', "json", "surrogate"),
        (b'{"a": 1e999}', "json", "out of range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "json", "not JSON"),
        (b"[" * 100_000, "json", "nested"),
        (b"[]", "json", "no JSON object"),
        (b'{"a": 1, "a": 2}', "repeated_key", "'a' twice"),
        (b'{"body": {"x": {"b": 1, "b": 1}}}', "repeated_key", "'b' twice"),
    ],
)
def test_lines_that_cannot_be_read(raw: bytes, kind: str, says: str, checks: Checks) -> None:
    (fault,) = Judge(checks).line(raw, 7).faults
    assert (fault.kind, fault.line) == (kind, 7) and says in fault.message, fault


def test_a_good_line(line: Any, checks: Checks) -> None:
    got = Judge(checks).line(json.dumps(line()).encode(), 1)
    assert got.faults == () and got.custom_id == "a" and got.permitted.id == "kimi-k2.6"
    assert got.body is not None and got.body["model"] == "kimi-k2.6"


def test_what_stands_around_the_body(line: Any, judged: Judged) -> None:
    assert judged({"body": line()["body"]}) == [
        ("field", "custom_id", True),
        ("field", "method", True),
        ("field", "url", True),
    ]
    assert judged({**line(), "custom_id": 5}) == [("field", "custom_id", True)]
    assert judged({**line(), "custom_id": ["x"]}) == [("field", "custom_id", False)]
    assert judged({**line(), "custom_id": ""}) == [("field", "custom_id", True)]
    assert judged({**line(), "method": "post"}) == [("field", "method", True)]
    assert judged({**line(), "url": "/v1/embeddings"}) == [("field", "url", True)]
    assert judged({**line(), "body": []}) == [("field", "body", False)]
    assert judged({"custom_id": "a", "method": "POST", "url": "/v1/chat/completions"}) == [("field", "body", False)]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"model": "kimi-k2-6"}, "does not list 'kimi-k2-6'. Nearest: kimi-k2.6"),
        ({"model": None}, "names no model"),
        ({"model": 5}, "is no text"),
        ({"models": ["kimi-k2.6", "other"]}, "does not list 'other'"),
        ({"models": "kimi-k2.6"}, "is no text"),
        ({"Model": "x"}, "'Model', which some parsers read as 'model'"),
    ],
)
def test_models(body: dict[str, Any], says: str, line: Any, checks: Checks) -> None:
    faults = [f for f in Judge(checks).line(json.dumps(line(**body)).encode(), 3).faults if f.kind == "model"]
    assert len(faults) == 1 and says in faults[0].message and faults[0].line == 3


def test_an_alias_is_not_written_into_a_batch_file(line: Any, judged: Judged, elsewhere: Checks) -> None:
    assert judged(line(model="fast")) == [("model", "model", True)]
    assert judged(line(model="fast"), elsewhere) == [("model", "model", True)]


def test_parameters(line: Any, judged: Judged, checks: Checks, elsewhere: Checks) -> None:
    assert judged(line(temperature=0.3, max_tokens=5000)) == [("batch-sampling", "temperature", True)]
    assert judged(line(temperature=0.3), elsewhere) == [("temperature-thinking", "temperature", True)]
    assert judged(line(temperature=1), elsewhere) == []
    assert judged(line(model="kimi-k3")) == [("batch-model", "model", False)]
    assert judged(line(n=2, tools=[{"type": "x"}])) == [
        ("batch-sampling", "n", True),
        ("tool-type", "tools[0].type", False),
    ]
    assert judged(line(content="")) == [("message-empty", "messages[0].content", False)]
    loose = replace(checks, parameters=False)
    assert judged(line(temperature=0.3), loose) == []
    (warning,) = Judge(checks).line(json.dumps(line(max_tokens=9)).encode(), 1).faults
    assert (warning.rule, warning.severity) == ("short-answer", "warning")
    assert "source:" in warning.message


def test_a_line_larger_than_a_file(line: Any, judged: Judged, checks: Checks) -> None:
    small = replace(checks, limits=Limits(max_bytes=100))
    assert judged(line(content="x" * 100), small) == [("size", None, False)]


def test_models_are_asked_about_once(line: Any, checks: Checks) -> None:
    asked: list[str] = []

    def counting(name: str) -> Any:
        asked.append(name)
        return checks.permit(name)

    judge = Judge(replace(checks, permit=counting))
    for name in ("kimi-k2.6", "x", "kimi-k2.6", "x"):
        judge.line(json.dumps(line(model=name)).encode(), 1)
    assert asked == ["kimi-k2.6", "x"]
