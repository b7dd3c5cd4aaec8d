"""The acceptance kit as a user runs it, against the faithful server: facts, cap, evidence, and how a run ends."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from moongate.acceptance.kit import Kit, Result
from moongate.acceptance.probes import UNLISTED
from moongate.cli.main import run
from moongate.client.build import parts
from moongate.settings.load import Flags, load
from moongate.testing import Account, Fault, FixedClock, MoonshotServer, Readings

NAMING = ("/v1/chat/completions", "/v1/tokenizers/estimate-token-count")
Ran = tuple[int, dict[str, Any], str]
Probe = Callable[..., Ran]


@pytest.fixture
def accept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Probe:
    """Run the command against a server; return exit code, evidence by id, and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(server: MoonshotServer, max_cost: str = "5", *more: str, key: str | None = None) -> Ran:
        with Path(os.devnull).open(encoding="utf-8") as nothing:
            monkeypatch.setattr(sys, "stdin", nothing)
            monkeypatch.setenv("MOONSHOT_BASE_URL", server.base_url)
            monkeypatch.setenv("MOONSHOT_API_KEY", key or server.key)
            file = tmp_path / "evidence.json"
            code = run(["testing", "acceptance", "--max-cost", max_cost, "-o", str(file), *more])
        err = capsys.readouterr().err
        return code, json.loads(file.read_text()) if file.exists() else {}, err

    return call


def _statuses(found: dict[str, Any]) -> dict[str, str]:
    return {fact["id"]: fact["status"] for fact in found["facts"]}


@pytest.mark.parametrize("model", ["kimi-k2.6", "kimi-k3", "kimi-k2.7-code"])
def test_the_faithful_server_confirms_what_is_believed(accept: Probe, model: str) -> None:
    with MoonshotServer() as server:
        code, found, _ = accept(server, "5", "-m", model)
    assert code == 0
    left = {fact["id"]: fact["detail"] for fact in found["facts"] if fact["status"] != "confirmed"}
    reasons = ("not about this model", "not probed: ", "--patience", "no 429 came in this run")
    assert all(any(reason in detail for reason in reasons) for detail in left.values()), left
    assert server.files.of(server.accounts.default) == ()  # nothing is left behind


@pytest.mark.parametrize(
    ("readings", "fact", "model"),
    [
        (Readings(tool_choice_required="never"), "tool-choice-calm", "kimi-k2.6"),
        (Readings(tool_call_id_style=":"), "tool-call-id", "kimi-k2.6"),
        (Readings(usage_in_stream="choice"), "stream-usage", "kimi-k2.6"),
        (Readings(usage_in_stream="top"), "stream-usage", "kimi-k2.6"),
        (Readings(cached_tokens="top"), "cached-tokens", "kimi-k2.6"),
        (Readings(response_id="cmpl"), "answer-id", "kimi-k2.6"),
        (Readings(mfjs="warn_header"), "any-of-beside-type", "kimi-k2.6"),
        (Readings(wrong_key="incorrect_api_key_error"), "wrong-key", "kimi-k2.6"),
        (Readings(function_name_max=64), "function-name-long", "kimi-k2.6"),
        (Readings(max_tokens="ignored"), "max-tokens", "kimi-k2.6"),
        (Readings(mfjs="accept"), "any-of-beside-type", "kimi-k2.6"),
        (Readings(logprobs="accept"), "logprobs", "kimi-k2.6"),
        (Readings(estimate_wrapped=True), "estimate-shape", "kimi-k2.6"),
        (Readings(k3_thinking_off="reject"), "thinking-off-accepted", "kimi-k3"),
        (Readings(k3_tool_choice="reject"), "tool-choice-k3", "kimi-k3"),
        (Readings(images_extracted=False), "file-image-text", "kimi-k2.6"),
        (Readings(limit_headers=True), "limit-headers", "kimi-k2.6"),
        (Readings(cache="whole"), "cache-prefix", "kimi-k2.6"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_other_reading_is_told_as_refuted(accept: Probe, readings: Readings, fact: str, model: str) -> None:
    with MoonshotServer(readings=readings, accounts=[Account(tier=5)]) as server:
        code, found, err = accept(server, "5", "-m", model)
    refuted = [name for name, status in _statuses(found).items() if status == "refuted"]
    assert refuted == [fact]
    assert code == 1
    assert "news" in err


def test_another_type_of_401_without_a_key_is_told_as_refuted(accept: Probe) -> None:
    other = {"error": {"message": "Invalid Authentication", "type": "invalid_authentication_error"}}
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        server.inject(Fault(status=401, body=other, path="/models", skip=1))  # the first is the guard's own list
        code, found, _ = accept(server)
    assert (code, _statuses(found)["no-key"]) == (1, "refuted")


@pytest.mark.parametrize("path", ["/moongate-acceptance-no-such-route", "/models/kimi-k2.6"])
def test_a_route_that_answers_otherwise_is_told_as_refuted(accept: Probe, path: str) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        server.inject(Fault(status=404, body={"error": {"message": "no", "type": "x"}}, path=path))
        code, found, _ = accept(server)
    assert code == 1
    assert [fact["status"] for fact in found["facts"] if fact["sent"] and path in fact["sent"][0]["request"]] == [
        "refuted"
    ]


def test_without_a_cache_hit_the_question_stays_open(accept: Probe) -> None:
    with MoonshotServer(models=["kimi-k2.6"], readings=Readings(cache="off")) as server:
        code, found, _ = accept(server)
    assert (code, _statuses(found)["cached-tokens"]) == (0, "open")


@pytest.mark.parametrize("cap", ["0", "0.0001", "0.001", "0.003", "0.05"])
def test_the_cap_holds(accept: Probe, cap: str) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        code, found, _ = accept(server, cap)
        posts = [request for request in server.requests if request.matches("POST", "/chat/completions")]
        assert server.accounts.default.spent <= Decimal(found["cost"]) <= Decimal(cap)
    assert code == 0
    skipped = [fact for fact in found["facts"] if "over the cap" in fact["detail"]]
    assert all(fact["status"] == "open" and not fact["sent"] for fact in skipped)
    assert "max-tokens" in {fact["id"] for fact in skipped}
    if cap in ("0", "0.0001"):
        assert posts == []
        assert _statuses(found)["unknown-route"] == "confirmed"


def test_the_usual_cap_leaves_only_the_largest_reserve_out(accept: Probe) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        _, found, _ = accept(server, "0.05")
        assert server.accounts.default.spent < Decimal("0.02")
    assert [f["id"] for f in found["facts"] if "over the cap" in f["detail"]] == ["max-tokens"]


def test_without_a_price_no_chat_is_sent(accept: Probe) -> None:
    with MoonshotServer(models=["kimi-k9"]) as server:
        code, found, err = accept(server)
        assert server.count("POST", "/chat/completions") == 0
    assert code == 0
    assert "no price of this model is known" in err
    assert _statuses(found)["balance-shape"] == "confirmed"


def test_only_the_listed_id_and_the_one_said_on_purpose_are_sent(accept: Probe) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        _, found, err = accept(server)
        bodies = [r.json() for r in server.requests if r.method == "POST" and r.path in NAMING]
        files = [r.body for r in server.requests if r.matches("POST", "/files")]
    assert {name for body in files for name in re.findall(rb'"model":"([^"]+)"', body)} == {b"kimi-k2.6"}
    assert {body["model"] for body in bodies} == {"kimi-k2.6", UNLISTED}
    assert [body["model"] for body in bodies].count(UNLISTED) == 1
    assert found["unlisted_ids_sent"] == [UNLISTED]
    assert UNLISTED in err


def test_the_evidence_holds_no_key_no_account_and_no_balance(accept: Probe, tmp_path: Path) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        _, found, _ = accept(server)
        account = server.accounts.default
    path = tmp_path / "evidence.json"
    text = path.read_text()
    assert account.key not in text
    assert not re.search(r"sk-|org-[0-9a-f]|ak-[0-9a-f]|46\.58|49\.58|3\.00001", text)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Decimal(found["balance_fell_by"]) > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["at"])
    assert not list(tmp_path.glob("*.part"))


def test_money_that_runs_out_stops_the_run_and_keeps_what_was_found(accept: Probe) -> None:
    poor = Account(cash=Decimal("0.00002"), voucher=Decimal(0))
    with MoonshotServer(models=["kimi-k2.6"], accounts=[poor]) as server:
        code, found, err = accept(server)
    statuses = _statuses(found)
    assert (code, found["stopped"]) == (3, "no_money")
    assert statuses["no-key"] == "confirmed"
    assert statuses["max-tokens"] == "open"
    assert "lack of money" in err
    text = json.dumps(found)
    assert poor.org not in text and poor.ak not in text and "org-" not in text
    after = [f for f in found["facts"] if "the run was stopped" in f["detail"]]
    assert after and not any(fact["sent"] for fact in after)


def test_a_wrong_key_ends_before_anything_is_asked(accept: Probe) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        code, found, err = accept(server, key="sk-not-the-key-of-this-server")
        assert server.count("POST") == 0
    assert (code, found) == (3, {})
    assert "does not accept the key" in err


def test_a_key_that_ends_on_the_way_stops_the_run(accept: Probe) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:

        def revoke(request: object) -> str:
            server.accounts.default.keys.append(server.accounts.default.keys.pop(0) + "x")
            return "hi"

        server.replies = revoke
        code, found, _ = accept(server)
    assert (code, found["stopped"]) == (3, "wrong_key")
    assert "confirmed" in _statuses(found).values()


def test_an_id_that_is_not_listed_sends_nothing(accept: Probe) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        code, found, _ = accept(server, "5", "-m", "kimi-k2.6-thinking", "--guard", "off")
        assert server.count("POST") == 0
    assert (code, found) == (1, {})


def test_a_server_that_fails_twice_in_a_row_is_left_alone(accept: Probe) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        server.inject(Fault(status=503, path="/chat/completions", times=None))
        code, found, _ = accept(server)
        assert server.count("POST", "/chat/completions") == 2
    assert (code, found["stopped"]) == (4, "server_error")
    assert Decimal(found["cost"]) > 0  # whether a failed call is charged is not known: the worst is booked


def test_a_limit_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        monkeypatch.setenv("MOONSHOT_BASE_URL", server.base_url)
        monkeypatch.setenv("MOONSHOT_API_KEY", server.key)
        waits: list[float] = []
        kit = Kit(parts(load(Flags()), long_lived=False), "kimi-k2.6", max_cost="5", sleep=waits.append)
        server.inject(Fault("refusal", name="rpm", path="/chat/completions", times=2))
        results = list(kit.run())
    assert len(waits) == 2
    assert {result.id: result.status for result in results}["empty-messages"] == "confirmed"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[dict[str, Result], list[float]]]:
    """Run the kit with patience against a server whose time passes only while the kit sleeps."""

    def run(
        clock: FixedClock, server: MoonshotServer, model: str = "kimi-k2.6"
    ) -> tuple[dict[str, Result], list[float]]:
        monkeypatch.setenv("MOONSHOT_BASE_URL", server.base_url)
        monkeypatch.setenv("MOONSHOT_API_KEY", server.key)
        waits: list[float] = []

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            clock.advance(seconds)

        built = parts(load(Flags()), long_lived=False)
        kit = Kit(built, model, max_cost="5", patience_s=1_800, sleep=sleep)
        return {result.id: result for result in kit.run()}, waits

    return run


@pytest.mark.parametrize("model", ["kimi-k2.6", "kimi-k3"])
def test_with_patience_batches_end_and_the_cache_is_asked_again(patient: Any, model: str) -> None:
    clock = FixedClock()
    with MoonshotServer(clock=clock) as server:
        server.batches.stage_s = 15
        found, waits = patient(clock, server, model)
        assert server.files.of(server.accounts.default) == ()
    slow = {
        "kimi-k2.6": ("batch-ends", "batch-output", "batch-sampling", "batch-cancelled"),
        "kimi-k3": ("batch-k3",),
    }
    assert {found[name].status for name in (*slow[model], "cache-life")} == {"confirmed"}
    assert sum(waits) > 240


def test_an_account_of_the_lowest_tier_is_waited_for_and_its_limits_are_learned(patient: Any) -> None:
    clock = FixedClock()
    with MoonshotServer(clock=clock, accounts=[Account(tier=0)]) as server:
        server.batches.stage_s = 15
        found, _ = patient(clock, server)
    assert {found[name].status for name in ("limits-told", "retry-after")} == {"confirmed"}
    assert "'rpm': 3" in found["limits-told"].detail
    assert {found[name].status for name in ("max-tokens", "answer-id", "batch-ends")} == {"confirmed"}


def test_a_cache_that_forgets_sooner_is_told_as_refuted(patient: Any) -> None:
    clock = FixedClock()
    with MoonshotServer(clock=clock, readings=Readings(cache_life_s=60)) as server:
        server.batches.stage_s = 15
        found, _ = patient(clock, server)
    assert (found["cache-life"].status, found["cache-prefix"].status) == ("refuted", "confirmed")


def test_a_batch_that_does_not_end_in_time_stays_open(patient: Any) -> None:
    clock = FixedClock()
    with MoonshotServer(clock=clock) as server:
        found, _ = patient(clock, server)
        states = {server.batches[name].status for name in server.batches.ids}
    assert (found["batch-ends"].status, found["batch-output"].status) == ("open", "open")
    assert "validating" in found["batch-ends"].detail
    assert states == {"cancelling"}  # every one that was made is stopped again
    assert len(found["batch-ends"].sent) == 5  # of the many looks at it the last one is kept


def test_without_the_first_step_nothing_is_concluded(accept: Probe) -> None:
    with MoonshotServer(models=["kimi-k2.6"], readings=Readings(purposes="extract")) as server:
        code, found, _ = accept(server)
    statuses = _statuses(found)
    assert code == 1
    assert {statuses[name] for name in ("purpose-image", "purpose-video", "purpose-batch")} == {"refuted"}
    assert (statuses["batch-cancel"], statuses["image-by-id"]) == ("open", "open")
    assert any("a step before the question failed" in fact["detail"] for fact in found["facts"])


def test_six_purposes_are_told(accept: Probe) -> None:
    with MoonshotServer(models=["kimi-k2.6"], readings=Readings(purposes="six")) as server:
        _, found, _ = accept(server)
        assert server.files.of(server.accounts.default) == ()
    statuses = _statuses(found)
    assert (statuses["purpose-batch_output"], statuses["purpose-lambda"]) == ("refuted", "refuted")


def test_what_cannot_be_deleted_is_said(accept: Probe) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        server.inject(Fault(status=500, method="DELETE", path="/files/*", times=None))
        _, found, _ = accept(server)
        kept = {file.id for file in server.files.of(server.accounts.default)}
    details = " ".join(fact["detail"] for fact in found["facts"])
    assert kept and all(f"/files/{name}" in details for name in kept)


@pytest.mark.parametrize("amount", ["-1", "nan", "much", "inf"])
def test_a_cap_that_is_no_amount_is_refused(accept: Probe, amount: str) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        code, _, err = accept(server, amount)
        assert server.requests == ()
    assert code == 2
    assert "amount of money" in err


def test_another_kind_of_endpoint_is_refused(accept: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-anything")
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        code, _, err = accept(server, "1", "-p", "openrouter")
    assert code == 2
    assert "about the Moonshot platform" in err


def test_a_place_that_cannot_be_written_costs_nothing(accept: Probe, tmp_path: Path) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        code, _, err = accept(server, "1", "-o", str(tmp_path / "missing" / "e.json"))
        assert server.count("POST") == 0
    assert code == 2
    assert "cannot be written" in err


def test_stdout_is_one_document_or_a_table(
    accept: Probe, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        monkeypatch.setenv("MOONSHOT_BASE_URL", server.base_url)
        monkeypatch.setenv("MOONSHOT_API_KEY", server.key)
        assert run(["testing", "acceptance", "--max-cost", "0", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert json.loads(Path(told.pop("evidence")).read_text()) == told
        assert run(["testing", "acceptance", "--max-cost", "0"]) == 0
        lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "status\tid\tfact\tdetail"
    assert len(lines) == len(told["facts"]) + 1
