"""`moongate facts`: every fact with its source, its date and how sure it is."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def facts(moongate: Callable[..., Any]) -> list[dict[str, str]]:
    ran = moongate("facts", "--json")
    assert ran.code == 0
    return ran.json["facts"]  # type: ignore[no-any-return]


def test_every_fact_has_source_date_and_sureness(facts: list[dict[str, str]]) -> None:
    for fact in facts:
        assert all(fact[name] for name in ("kind", "name", "says", "source", "sureness")), fact
        datetime.date.fromisoformat(fact["date"])
    assert {fact["kind"] for fact in facts} == {"provider", "price", "family", "rule", "behaviour", "hint"}


def test_a_price_is_told_with_currency_and_day(facts: list[dict[str, str]]) -> None:
    price = next(fact for fact in facts if fact["name"] == "moonshot/kimi-k2.6")
    assert price["says"] == "USD per million tokens: 0.95 input, 0.16 cached input, 4.00 output; batches 0.60 of it"
    assert (price["date"], price["sureness"]) == ("2026-08-13", "dated")


def test_a_provider_row_says_what_is_relied_on(facts: list[dict[str, str]]) -> None:
    row = next(fact for fact in facts if fact["kind"] == "provider" and fact["name"] == "moonshot")
    for part in ("https://api.moonshot.ai/v1", "balance /users/me/balance", "floating ids kimi-latest", "USD"):
        assert part in row["says"]


def test_an_uncertain_rule_is_told_apart(facts: list[dict[str, str]]) -> None:
    surenesses = {fact["sureness"] for fact in facts if fact["kind"] == "rule"}
    assert surenesses == {"sure", "uncertain"}


def test_every_hint_stands_by_itself(facts: list[dict[str, str]]) -> None:
    told = {fact["name"]: fact for fact in facts if fact["kind"] == "hint"}
    assert "kimi-k2.5 ended 2026-08-31" in told["moonshot"]["says"]
    assert "apidog.com" in told["kimi-k2.6-thinking"]["source"]
    assert len(told) > 100


def test_a_pipe_gets_tabs(moongate: Callable[..., Any], facts: list[dict[str, str]]) -> None:
    ran = moongate("facts")
    lines = ran.out.splitlines()
    assert lines[0] == "kind\tname\tsays\tsource\tdate\tsureness"
    assert len(lines) == len(facts) + 1
    assert all(line.count("\t") == 5 for line in lines)
