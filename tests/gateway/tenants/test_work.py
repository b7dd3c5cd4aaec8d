"""Batches that are worked off through the gateway's own chats."""

from __future__ import annotations

import time
from contextlib import closing

from msgspec.structs import replace

from moongate.facts.money import Money
from moongate.gateway.limits import Limits
from moongate.gateway.tenants.archive import Archive
from moongate.gateway.tenants.places import Places
from moongate.gateway.tenants.work import UNCERTAIN, UNSENT
from moongate.testing import Answer, Fault


def test_a_batch_is_worked_off_and_each_line_is_paid_for(client, upstream, shop) -> None:
    made = shop.batch(client, shop.lines(20), metadata={"for": "me"}).json()
    assert made["status"] == "validating"
    shown = shop.ended(client, made["id"])
    assert (shown["status"], shown["metadata"]) == ("completed", {"for": "me"})
    assert shown["request_counts"] == {"total": 20, "completed": 20, "failed": 0}
    assert shown["error_file_id"] is None
    assert shown["in_progress_at"] <= shown["finalizing_at"] <= shown["completed_at"]
    results = shop.results(client, shown["output_file_id"])
    assert [line["custom_id"] for line in results] == [f"line-{number}" for number in range(20)]
    assert all(line["response"]["status_code"] == 200 and line["error"] is None for line in results)
    assert results[3]["response"]["body"]["choices"][0]["message"]["content"]
    ledger = client.ledger
    assert [row.outcome for row in ledger] == ["ok"] * 20
    assert client.balance == Money.of(10, "USD") - sum((row.cost for row in ledger), Money.of(0, "USD"))
    assert upstream.count("POST", "/v1/chat/completions") == 20


def test_a_wrong_id_fails_at_validation_with_the_right_one_and_nothing_is_sent(client, upstream, shop) -> None:
    made = shop.batch(client, shop.lines(2) + shop.lines(1, model="moonshotai/kimi-k2.6")).json()
    shown = shop.ended(client, made["id"])
    assert shown["status"] == "failed"
    wrong = next(wrong for wrong in shown["errors"]["data"] if wrong["code"] == "model")
    assert wrong["line"] == 3
    assert "'kimi-k2.6'" in wrong["message"] or "kimi-k2.6." in wrong["message"]
    assert shown["output_file_id"] is shown["error_file_id"] is None
    assert upstream.count("POST", "/v1/chat/completions") == 0


def test_what_is_no_batch_file_fails_with_the_number_of_the_line(client, shop) -> None:
    shown = shop.ended(client, shop.batch(client, shop.lines(2) + b"{nonsense\n").json()["id"])
    assert shown["status"] == "failed"
    wrong = shown["errors"]["data"][0]
    assert (wrong["line"], wrong["code"]) == (3, "json")


def test_money_that_runs_out_fails_the_other_lines_and_is_never_passed(upstream, kit, tmp_path, shop) -> None:
    with kit.gateway(kit.settings(upstream, tmp_path), balance=Money.of("0.0015", "USD")) as client:
        shown = shop.ended(client, shop.batch(client, shop.lines(60)).json()["id"], within_s=60)
        assert shown["status"] == "completed"
        counts = shown["request_counts"]
        assert counts["completed"] + counts["failed"] == 60
        assert counts["completed"] > 0
        assert counts["failed"] > 0
        for line in shop.results(client, shown["error_file_id"]):
            assert line["response"]["status_code"] == 429
            assert line["response"]["body"]["error"]["type"] == "exceeded_current_quota_error"
        answered = [row for row in client.ledger if row.outcome == "ok"]
        assert len(answered) == counts["completed"]
        assert client.balance.nano > -max(row.cost.nano for row in answered)  # the last one may take what is left


def test_a_batch_waits_for_an_upstream_that_asks_for_less(client, upstream, shop) -> None:
    for _ in range(3):
        upstream.inject(Fault("refusal", name="rpm", path="/chat/completions", headers={"retry-after": "1"}))
    shown = shop.ended(client, shop.batch(client, shop.lines(8)).json()["id"])
    assert shown["request_counts"] == {"total": 8, "completed": 8, "failed": 0}


def test_a_cancelled_batch_keeps_what_is_finished(client, upstream, shop, kit) -> None:
    made = shop.batch(client, shop.lines(400)).json()
    kit.eventually(lambda: client.ask("GET", f"/v1/batches/{made['id']}").json()["request_counts"]["completed"])
    got = client.ask("POST", f"/v1/batches/{made['id']}/cancel")
    assert got.json()["status"] == "cancelling"
    shown = shop.ended(client, made["id"])
    assert shown["status"] == "cancelled"
    results = shop.results(client, shown["output_file_id"])
    assert len(results) == shown["request_counts"]["completed"] == len(client.ledger)
    again = client.ask("POST", f"/v1/batches/{made['id']}/cancel")
    assert again.status == 400


def test_a_batch_under_way_is_taken_up_by_the_next_gateway(upstream, kit, tmp_path, shop) -> None:
    settings = kit.settings(upstream, tmp_path)
    with kit.gateway(settings) as client:
        made = shop.batch(client, shop.lines(300)).json()
        kit.eventually(lambda: client.ask("GET", f"/v1/batches/{made['id']}").json()["request_counts"]["completed"])
    with kit.gateway(settings) as client:
        shown = shop.ended(client, made["id"], within_s=60)
        assert shown["request_counts"] == {"total": 300, "completed": 300, "failed": 0}
        names = [line["custom_id"] for line in shop.results(client, shown["output_file_id"])]
        assert names == [f"line-{number}" for number in range(300)]


def test_lines_of_a_key_that_was_revoked_are_refused(client, shop, kit) -> None:
    made = shop.batch(client, shop.lines(500)).json()
    (key,) = client.running.desk.keys()
    _, other = client.running.desk.create_key("ada", "other")
    client.running.desk.revoke(str(key.id))
    there = type(client)(client.running, other)
    kit.eventually(lambda: there.ask("GET", "/v1/batches").status == 200)
    shown = shop.ended(there, made["id"])
    if shown["status"] == "completed":
        refused = shop.results(there, shown["error_file_id"])
        assert {line["response"]["status_code"] for line in refused} == {401}
    else:
        assert shown["errors"]["data"][0]["code"] == "wrong_key"


def test_of_several_workers_one_works_on_a_batch_and_another_goes_on(upstream, kit, tmp_path, shop) -> None:
    settings = kit.settings(upstream, tmp_path)
    with kit.gateway(settings) as there:
        with kit.gateway(settings) as client:
            made = [shop.batch(client, shop.lines(150)).json()["id"] for _ in range(3)]
            kit.eventually(lambda: client.ask("GET", f"/v1/batches/{made[0]}").json()["request_counts"]["completed"])
        for id_ in made:
            shown = shop.ended(there, id_, within_s=60)
            assert shown["request_counts"] == {"total": 150, "completed": 150, "failed": 0}
            assert len(shop.results(there, shown["output_file_id"])) == 150
    assert upstream.count("POST", "/v1/chat/completions") == 450


def test_an_operators_empty_account_is_waited_out_and_costs_a_tenant_nothing(client, upstream, shop) -> None:
    upstream.inject(Fault("refusal", name="suspended", path="/chat/completions", times=2))
    shown = shop.ended(client, shop.batch(client, shop.lines(4)).json()["id"])
    assert shown["request_counts"] == {"total": 4, "completed": 4, "failed": 0}
    assert sum(row.cost_nano or 0 for row in client.ledger if row.outcome != "ok") == 0


def test_a_keys_budget_is_never_passed_by_its_batches(upstream, kit, tmp_path, shop) -> None:
    with kit.gateway(kit.settings(upstream, tmp_path)) as opened:
        limits = Limits(budget_day=Money.of("0.0015", "USD"))
        _, secret = opened.running.desk.create_key("ada", "small", limits)
        client = type(opened)(opened.running, secret)
        ids = [shop.batch(client, shop.lines(40)).json()["id"] for _ in range(2)]
        shown = [shop.ended(client, id_, within_s=60) for id_ in ids]
        assert all(batch["status"] == "completed" for batch in shown)
        assert sum(batch["request_counts"]["failed"] for batch in shown) > 0
        assert 0 < sum(row.cost_nano or 0 for row in client.ledger) <= limits.budget_day.nano


def test_an_expired_batch_keeps_what_is_finished_and_names_the_rest(upstream, kit, tmp_path, shop) -> None:
    settings = kit.settings(upstream, tmp_path)
    upstream.replies = lambda request: Answer("ok", delay_s=0.3)
    with kit.gateway(settings) as client:
        id_ = shop.batch(client, shop.lines(200)).json()["id"]
        kit.eventually(lambda: client.ask("GET", f"/v1/batches/{id_}").json()["request_counts"]["completed"])
    sent = upstream.count("POST", "/v1/chat/completions")
    assert 0 < sent < 200  # the gateway ended: what was on its way was waited for
    with closing(Archive(Places(settings.data_dir))) as archive:
        archive.change(id_, lambda batch: replace(batch, expires_at=int(time.time()) - 1))
    with kit.gateway(settings) as client:
        shown = shop.ended(client, id_)
        assert shown["status"] == "expired"
        assert shown["request_counts"] == {"total": 200, "completed": sent, "failed": 0}
        done = [line["custom_id"] for line in shop.results(client, shown["output_file_id"])]
        rest = shop.results(client, shown["error_file_id"])
        assert len(client.ledger) == sent
    assert upstream.count("POST", "/v1/chat/completions") == sent
    names = [f"line-{number}" for number in range(200)]
    assert [name for name in names if name in done] == done
    assert [line["custom_id"] for line in rest] == [name for name in names if name not in done]
    assert {line["error"]["code"] for line in rest} == {"batch_expired"}
    assert {line["error"]["message"] for line in rest} == {UNSENT}


def test_a_line_that_was_on_its_way_when_the_window_closed_is_called_uncertain(upstream, kit, tmp_path, shop) -> None:
    settings = kit.settings(upstream, tmp_path)
    upstream.replies = lambda request: Answer("ok", delay_s=30)
    with kit.gateway(settings) as client:
        id_ = shop.batch(client, shop.lines(2)).json()["id"]
        kit.eventually(lambda: upstream.count("POST", "/v1/chat/completions") == 2)
    with closing(Archive(Places(settings.data_dir))) as archive:
        archive.change(id_, lambda batch: replace(batch, expires_at=int(time.time()) - 1))
    with kit.gateway(settings) as client:
        shown = shop.ended(client, id_)
        assert shown["status"] == "expired"
        rest = shop.results(client, shown["error_file_id"])
    assert [line["error"]["message"] for line in rest] == [UNCERTAIN] * 2
    assert shown["output_file_id"] is None
