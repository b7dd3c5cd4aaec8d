from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import msgspec
import pytest

from moongate.facts.money import Money
from moongate.gateway.books import Books
from moongate.gateway.desk import Desk
from moongate.gateway.journal import Line, framed
from moongate.gateway.limits import Limits
from moongate.gateway.pots import day_of
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


def test_what_batches_spent_is_in_it_by_kind(moongate, server, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("word\nsun\nmoon\n")
    asked = ("rows.csv", "--template", "Say {word}.")
    moongate("chat", "hi")
    ran = moongate("batch", "run", *asked, "-o", "out.jsonl", "--json")
    moongate("batch", "run", *asked, "-o", "out.jsonl")
    server.batches.stage_s = 0.01
    sent = moongate("batch", "submit", *asked, "--json").json["job"]
    watched = moongate("batch", "watch", sent, "--json")
    rows = {row["kind"]: row for row in moongate("usage", "--json").json["usage"]}
    assert {kind: row["calls"] for kind, row in rows.items()} == {"chat": 1, "batch_run": 2, "batch": 2}
    assert rows["batch_run"]["cost"] == ran.json["cost"]["amount"] != "0"
    assert rows["batch"]["cost"] == watched.json["cost"]["amount"] != "0"
    assert "batch_run" in moongate("usage").out and moongate("usage", "--csv").out.count("\n") == 4


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


@pytest.fixture
def ledger(empty_home) -> Iterator[Desk]:
    """A gateway's ledger with one call by one key with two tags."""
    with Desk(empty_home / "data" / "gateway.sqlite3") as desk:
        desk.create_account("ada", Money.of(1, "USD"))
        key, _ = desk.create_key("ada", "", Limits(tags=("ci", "night")))
        now = time.time()
        line = Line(
            now, 1, key.id, "r", "m", "m", "p", 7, 2, 0, 0, 5_000_000, "USD", "b", 12, "ok", 200, day_of(now), 0
        )
        with contextlib.closing(Books(desk.path)) as books:
            books.next_journal().append(framed(msgspec.json.encode(line)))
        yield desk


def test_the_gateways_ledger_is_told_by_what_one_asks_for(moongate, ledger) -> None:
    (line,) = moongate("usage", "--gateway", "--json").json["usage"]
    assert (line["provider"], line["model"], line["calls"], line["cost"], line["currency"]) == (
        "p",
        "m",
        1,
        "0.005",
        "USD",
    )
    tags = moongate("usage", "--gateway", "--by", "tag,account", "--json").json["usage"]
    assert [(row["account"], row["tag"], row["prompt_tokens"]) for row in tags] == [
        ("ada", "ci", 7),
        ("ada", "night", 7),
    ]
    assert moongate("usage", "--gateway", "--by", "key").out.splitlines()[1].split("\t")[:2] == ["1", "1"]


def test_what_the_sums_do_not_say_is_noted(moongate, empty_home) -> None:
    assert moongate("usage", "--gateway").err == "note: nothing was used in the last 30 days\n"
    now = time.time()
    line = Line(now, 1, 1, "r", "m", "m", "p", 7, 2, 0, 0, None, "USD", "b", 12, "ok", 200, day_of(now), 0)
    with Desk(empty_home / "data" / "gateway.sqlite3") as desk:
        desk.create_account("ada", Money.of(1, "USD"))
        desk.create_key("ada", "")
        with contextlib.closing(Books(desk.path)) as books:
            books.next_journal().append(framed(msgspec.json.encode(line)))
    ran = moongate("usage", "--gateway")
    assert ran.out.splitlines()[1].endswith("0 USD")
    assert ran.err.startswith("note: 1 of these calls have no known price, and no part in the cost")


def test_usage_comes_out_as_csv_summed_or_call_by_call(moongate, ledger) -> None:
    head, row = moongate("usage", "--gateway", "--csv").out.splitlines()
    assert head.startswith("day,provider,model,calls,failed,unpriced,prompt_tokens")
    assert row.split(",")[1:4] == ["p", "m", "1"]
    head, row = moongate("usage", "--gateway", "--calls", "--csv").out.splitlines()
    assert "request_id" in head
    assert "content" not in head
    (call,) = moongate("usage", "--gateway", "--calls", "--json").json["calls"]
    assert (call["key"], call["cost"], call["latency_ms"], call["outcome"]) == (1, "0.005", 12, "ok")


def test_what_cannot_be_told_is_refused(moongate) -> None:
    assert "some of day, provider" in moongate("usage", "--gateway", "--by", "colour").err
    assert "Add --gateway" in moongate("usage", "--by", "day").err
    assert moongate("usage", "--gateway", "--csv").out == ""
