"""Whole files: every fault with its line, the same by the quick road and the long one; what a corrected file is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moongate.batch.records import Limits
from moongate.batch.validate import Checks
from moongate.batch.validate.judge import Judge
from moongate.errors import ListUnavailableError

Check = Callable[..., Any]


def test_every_fault_with_its_line(check: Check, line: Any, text: Any) -> None:
    found = check(
        text(
            line("a"),
            b"{",
            line("b", temperature=0.5),
            line("a"),
            b"",
            line("c", model="kimi-k2.5"),
            line("d", model="nope"),
            {**line("e"), "url": "/x"},
            line("c"),
        )
    )
    assert found.kinds() == [
        (2, "json"),
        (3, "batch-sampling"),
        (6, "models"),
        (7, "model"),
        (8, "field"),
        (4, "duplicate_id"),
        (9, "duplicate_id"),
        (5, "blank"),
    ]
    report = found.report
    assert not report.ok and (report.errors, report.warnings) == (7, 1)
    assert (report.lines, report.requests, report.parts) == (9, 8, 1)
    assert report.models == {"kimi-k2.6": 5, "kimi-k2.5": 1}
    assert report.kinds["duplicate_id"] == 2
    assert "is that of line 1 too" in found.faults[5].message


def test_a_good_file(check: Check, line: Any, text: Any) -> None:
    content = text(*(line(str(number), max_tokens=400) for number in range(1000)))
    found = check(content)
    assert found.faults == [] and found.report.ok
    assert (found.report.bytes, found.report.requests) == (len(content), 1000)
    assert check(content.rstrip(b"\n")).report.requests == 1000
    assert check(content + b"\n").faults == []  # one blank line at the end is nobody's fault
    assert check(content.replace(b"\n", b"\r\n")).faults == []


def test_no_lines(check: Check) -> None:
    for content in (b"", b"\n", b"\r\n \n"):
        assert check(content).faults[0].kind == "empty"


def test_a_file_has_one_model_everywhere(check: Check, line: Any, text: Any, elsewhere: Checks) -> None:
    content = text(line("a"), line("b", model="kimi-k2.5"), line("c"))
    found = check(content, elsewhere)
    assert found.kinds() == [(2, "models")] and found.report.models == {"kimi-k2.6": 2, "kimi-k2.5": 1}


def test_limits(check: Check, line: Any, text: Any) -> None:
    content = text(*(line(str(number)) for number in range(100)))
    assert check(content, limits=Limits(max_bytes=len(content) // 3)).report.parts == 4
    assert check(content, limits=Limits(max_lines=7)).report.parts == 15
    found = check(text(line("a"), line("b", "x" * 200_000), line("c")), limits=Limits(max_bytes=1000))
    assert found.kinds() == [(2, "size")] and found.report.requests == 3
    found = check(text(line("a"), line("b", "x" * 1000), line("c")), limits=Limits(max_bytes=1000))
    assert found.kinds() == [(2, "size")] and found.report.models == {"kimi-k2.6": 2}


def test_without_a_list_nothing_is_checked(check: Check, line: Any, text: Any, checks: Checks) -> None:
    def none(name: str) -> Any:
        raise ListUnavailableError

    with pytest.raises(ListUnavailableError):
        check(text(line()), replace(checks, permit=none))


def request(custom_id: str, content: Any) -> dict[str, Any]:
    body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": content}]}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}


# a file of lines with few or many oddities, so that both roads are walked
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "max_tokens": st.sampled_from([9, 500, 10**9, "x", None]),
        "temperature": st.sampled_from([1, 0.3]),
        "thinking": st.sampled_from([{"type": "enabled"}, {"type": "disabled"}, {"type": "x"}]),
        "response_format": st.sampled_from([{"type": "json_object"}, {"type": "text"}]),
        "seed": st.integers(0, 3),
        "model": st.sampled_from(["kimi-k2.6", "kimi-k2.5", "nope", "fast"]),
        "stop": st.sampled_from(["a:b", ["x"] * 6]),
    },
)
PARTS = (
    [{"type": "text", "text": "in JSON: "}, {"type": "text", "text": "more"}],
    [{"type": "text", "text": "hi"}],
    [{"type": "text", "text": ""}],
    [],
    [{"type": "image_url", "image_url": {"url": "ms://x"}}],
)
LINES = st.builds(
    request, st.sampled_from(["a", "b", "c:d", "é"]), st.sampled_from(["hi", "json: yes", "晚上好", "", 5, *PARTS])
)
ODD = st.sampled_from([b"", b"{", b"[]", b'{"custom_id": "a"}'])


@st.composite
def files(draw: st.DrawFn) -> bytes:
    kinds = [draw(PARAMETERS) for _ in range(draw(st.integers(1, 3)))]
    lines = [{**one, "body": {**one["body"], **draw(st.sampled_from(kinds))}} for one in draw(st.lists(LINES))]
    mixed: list[Any] = [*lines, *draw(st.lists(ODD, max_size=2))]
    return b"".join(
        (one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in draw(st.permutations(mixed))
    )


@settings(max_examples=150)
@given(files(), st.booleans())
def test_the_quick_road_says_what_the_long_one_says(
    check: Check, checks: Checks, content: bytes, native: bool
) -> None:
    checks = replace(checks, native=native)
    found = check(content, checks)
    judge = Judge(checks)
    expected = [
        fault
        for number, one in enumerate(content.split(b"\n")[:-1], 1)
        if one
        for fault in judge.line(one, number).faults
    ]
    others = ("duplicate_id", "models", "blank", "empty")
    assert [fault for fault in found.faults if fault.kind not in others] == expected
    ids = [json.loads(one).get("custom_id") for one in content.split(b"\n") if one.startswith(b'{"')]
    assert found.report.kinds.get("duplicate_id", 0) == len(ids) - len(set(ids))


@settings(max_examples=60)
@given(files(), st.booleans())
def test_a_corrected_file_has_the_faults_that_are_left(
    check: Check, checks: Checks, content: bytes, native: bool
) -> None:
    checks = replace(checks, native=native)
    fixed = check(content, checks, fix=True)
    again = check(fixed.corrected, checks)
    assert again.report.errors == fixed.report.errors and again.report.warnings <= fixed.report.warnings
    assert fixed.report.requests == again.report.requests
    assert all(fault.fix is None or fault.severity == "warning" for fault in again.faults if fault.kind == "field")
    once_more = check(fixed.corrected, checks, fix=True)
    assert once_more.changes == [] and once_more.corrected == fixed.corrected
