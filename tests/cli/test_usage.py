from __future__ import annotations

import time

from moongate.testing import Fault, MoonshotServer


def test_what_was_answered_is_in_the_ledger(moongate, server) -> None:
    moongate("chat", "hi")
    moongate("chat", "hi", "--stream")
    moongate("chat", "hi", "-m", "wrong")
    (line,) = moongate("usage", "--json").json["usage"]
    assert (line["day"], line["provider"], line["model"]) == (
        time.strftime("%Y-%m-%d", time.gmtime()), "moonshot", "kimi-k2.6",
    )  # fmt: skip
    assert (line["calls"], line["cost"]) == (2, None)
    assert line["completion_tokens"] > 0


def test_a_cost_that_the_endpoint_reports_adds_up(moongate, monkeypatch) -> None:
    with MoonshotServer(dialect="openrouter") as router:
        monkeypatch.setenv("OPENROUTER_BASE_URL", router.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", router.key)
        costs = [moongate("chat", "hi", "-m", "moonshotai/kimi-k2.6", "--json").json["cost"] for _ in range(2)]
    assert costs[0]["basis"] == "reported by the endpoint"
    (line,) = moongate("usage", "--json").json["usage"]
    assert float(line["cost"]) == 2 * float(costs[0]["amount"]) > 0
    assert line["currency"] == "USD"


def test_the_users_own_price_is_what_answers_checks_and_the_ledger_say(moongate, server, tmp_path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[prices.moonshot."kimi-k2.6"]\ninput = "1000"\noutput = "2000"\n')
    answer = moongate("chat", "hi", "--json", "--config", str(own)).json
    used = answer["usage"]
    nano = (used["prompt_tokens"] * 1000 + used["completion_tokens"] * 2000) * 1000
    assert answer["cost"]["basis"] == "your price in own.toml"
    assert round(float(answer["cost"]["amount"]) * 1e9) == nano
    (line,) = moongate("usage", "--json").json["usage"]
    assert round(float(line["cost"]) * 1e9) == nano
    facts = {fact["name"]: fact["detail"] for fact in moongate("check", "--json", "--config", str(own)).json["facts"]}
    assert facts["estimate"].endswith("USD without its answer (your price in own.toml)")
    shown = moongate("config", "show", "--json", "--config", str(own)).json["prices.kimi-k2.6"]
    assert shown == {"value": "input 1000, output 2000 USD", "from": "your price in own.toml"}


def test_nothing_was_used_yet(moongate) -> None:
    assert moongate("usage", "--json").json == {"usage": []}


def test_a_ledger_that_cannot_be_written_costs_a_warning_not_the_answer(moongate, server, empty_home) -> None:
    (empty_home / "data").write_text("a file where the folder should be")
    ran = moongate("chat", "hi")
    assert (ran.code, ran.out) == (0, "hi\n")
    assert "warning:" in ran.err


def test_a_call_that_failed_is_not_in_it(moongate, server) -> None:
    server.inject(Fault("html_504", path="/chat/completions"))
    assert moongate("chat", "hi").code == 4
    assert moongate("usage", "--json").json == {"usage": []}
