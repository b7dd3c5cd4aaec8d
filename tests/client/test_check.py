"""The safe flow as facts: each verified, refuted or left open, with the request that says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moongate import Client
from moongate.client.check import Fact, Findings, check, reconciled
from moongate.facts.money import Money
from moongate.testing import Answer, Fault, MoonshotServer

NAMES = ["key", "base_url", "models", "model", "balance", "estimate", "chat", "reconcile"]


def _facts(server: MoonshotServer, *, chat: bool = False, **more: Any) -> dict[str, str]:
    options = {
        "provider": "moonshot",
        "base_url": server.base_url,
        "api_key": server.key,
        "model": "kimi-k2.6",
        **more,
    }
    with Client(**options) as client:
        facts = list(check(client, Findings(), chat=chat))
    assert [fact.name for fact in facts] == NAMES
    assert all(fact.evidence for fact in facts if fact.status in ("verified", "refuted"))
    assert not any(server.key in f"{fact.detail}{fact.advice}{fact.evidence}" for fact in facts)
    return {fact.name: fact.status for fact in facts}


def test_all_is_well(moonshot_server: MoonshotServer) -> None:
    found = _facts(moonshot_server)
    assert [found[name] for name in NAMES] == ["verified"] * 6 + ["skipped"] * 2
    assert moonshot_server.count("POST", "/chat/completions") == 0
    assert _facts(moonshot_server, chat=True)["chat"] == "verified"
    assert moonshot_server.count("POST", "/chat/completions") == 1


@pytest.mark.parametrize(
    ("fault", "more", "name", "status"),
    [
        (Fault("refusal", name="wrong_key", path="/models"), {}, "key", "refuted"),
        (Fault(status=404, body={"error": "url.not_found"}, path="/models"), {}, "base_url", "refuted"),
        (Fault(status=500, path="/models", times=None), {}, "models", "unverified"),
        (Fault(status=500, path="/balance", times=None), {}, "balance", "unverified"),
        (Fault("refusal", name="not_open", path="/balance"), {}, "balance", "refuted"),
        (None, {"model": "kimi-k2-6"}, "model", "refuted"),
        (None, {"model": None}, "model", "unverified"),
    ],
)
def test_one_thing_is_not(
    moonshot_server: MoonshotServer, fault: Fault | None, more: dict[str, Any], name: str, status: str
) -> None:
    if fault is not None:
        moonshot_server.inject(fault)
    assert _facts(moonshot_server, **more)[name] == status


@pytest.mark.parametrize(
    ("change", "cost", "status", "word"),
    [
        ("0.00002", "0.00002", "verified", "consistent"),
        ("0.00003", "0.0000251", "verified", "consistent"),
        ("0.00001", "0.000004", "unverified", "too small"),
        ("0.5", "0.00002", "unverified", "inconsistent"),
    ],
)
def test_one_call_refutes_no_price(change: str, cost: str, status: str, word: str) -> None:
    found = reconciled(Money.of(change, "USD"), Money.of(cost, "USD"))
    assert found[0] == status and found[1].startswith(word)


@pytest.mark.parametrize(
    ("price", "status", "word"),
    [
        ('input = "0.95"\ncached_input = "0.16"\noutput = "4"', "verified", "consistent"),
        ("input = 950\noutput = 4000", "unverified", "inconsistent"),
        ("input = 0.0001\noutput = 0.0001", "unverified", "inconsistent"),
    ],
)
def test_a_cost_is_held_against_the_balance(
    moonshot_server: MoonshotServer, empty_home: Path, price: str, status: str, word: str
) -> None:
    (empty_home / "config").mkdir()
    (empty_home / "config" / "config.toml").write_text(f'[prices.moonshot."kimi-k2.6"]\n{price}\n')
    moonshot_server.replies = [Answer("word " * 100)] * 2
    fact = _reconciled(moonshot_server)
    assert (fact.status, fact.detail.partition(":")[0]) == (status, word)


def test_a_balance_that_fails_after_the_chat_refutes_no_cost(
    moonshot_server: MoonshotServer, empty_home: Path
) -> None:
    (empty_home / "config").mkdir()
    (empty_home / "config" / "config.toml").write_text('[prices.moonshot."kimi-k2.6"]\ninput = 1\noutput = 1\n')
    moonshot_server.inject(Fault("refusal", name="not_open", path="/balance", skip=1))
    assert _reconciled(moonshot_server).status == "unverified"


def _reconciled(server: MoonshotServer) -> Fact:
    with Client("moonshot", base_url=server.base_url, api_key=server.key, model="kimi-k2.6") as client:
        return next(fact for fact in check(client, Findings(), chat=True) if fact.name == "reconcile")
