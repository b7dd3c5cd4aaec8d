"""Tokens and money, with what they rest on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from moongate.batch.validate import Checks
from moongate.facts.providers import at

Check = Callable[..., Any]


def test_by_length(check: Check, line: Any, text: Any, elsewhere: Checks) -> None:
    quick = [line(str(number), "x" * 4000, max_tokens=1000) for number in range(50)]
    found = check(text(*quick)).report.estimate
    assert (found.prompt_tokens, found.most_completion_tokens, found.unlimited) == (50_000, 50_000, 0)
    assert str(found.prompt_cost) == "0.0285 USD" and str(found.most_cost) == "0.1485 USD"
    assert found.basis is not None and "60%" in found.basis
    chats = check(text(*quick), elsewhere).report.estimate
    assert str(chats.prompt_cost) == "0.0475 USD" and "60%" not in str(chats.basis)


def test_other_scripts_count_more(check: Check, line: Any, text: Any) -> None:
    assert check(text(line("a", "晚" * 3000))).report.estimate.prompt_tokens == 2000
    parts = [{"type": "text", "text": "x" * 400}, {"type": "image_url", "image_url": {"url": "ms://f"}}]
    found = check(text(line("a", parts))).report.estimate
    assert (found.prompt_tokens, found.media) == (100, 1)


def test_lines_without_a_limit(check: Check, line: Any, text: Any) -> None:
    found = check(text(line("a", max_tokens=500), line("b"))).report.estimate
    assert (found.unlimited, found.most_completion_tokens, found.most_cost) == (1, None, None)
    assert found.prompt_cost is not None


def test_tools_count(check: Check, line: Any, text: Any) -> None:
    tools = [{"type": "function", "function": {"name": "f", "description": "x" * 400}}]
    for count in (1, 300):
        found = check(text(*(line(str(n), tools=tools) for n in range(count)))).report.estimate
        assert 100 * count < found.prompt_tokens < 130 * count


def test_no_price_is_no_cost(check: Check, line: Any, text: Any, checks: Checks) -> None:
    somewhere = replace(checks, row=at(checks.row, "http://127.0.0.1:9/v1"))
    found = check(text(line("a", max_tokens=500)), somewhere).report.estimate
    assert found.prompt_cost is None and found.basis is None and found.prompt_tokens > 0
