"""Batches from file to results, and everything that can become of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from moongate.testing import Account, Fault, FixedClock, MoonshotServer, Readings
from moongate.testing.batches import window_s

Ask = Callable[..., Any]
BATCH_OBJECT = {
    *("id", "object", "endpoint", "input_file_id", "completion_window", "status", "created_at", "request_counts")
}  # required by the contract


def line(number: int, **body: object) -> dict[str, object]:
    asked = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": f"line {number}"}], **body}
    return {"custom_id": f"request-{number}", "method": "POST", "url": "/v1/chat/completions", "body": asked}


def stored(server: MoonshotServer, lines: list[Any], purpose: str = "batch") -> str:
    content = b"".join(json.dumps(one).encode() + b"\n" for one in lines)
    account = server.accounts.default
    return server.files.add(account, filename="in.jsonl", purpose=purpose, content=content, at=0).id


def created(ask: Ask, server: MoonshotServer, lines: list[Any], **more: object) -> dict[str, Any]:
    asked = {
        "input_file_id": stored(server, lines),
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        **more,
    }
    answer = ask(server, "POST", "/batches", asked)
    assert answer.status == 200, answer.body
    value: dict[str, Any] = answer.json()
    return value


def shown(ask: Ask, server: MoonshotServer, id_: str) -> dict[str, Any]:
    value: dict[str, Any] = ask(server, "GET", f"/batches/{id_}").json()
    return value


def read(ask: Ask, server: MoonshotServer, file_id: str) -> list[Any]:
    return [json.loads(text) for text in ask(server, "GET", f"/files/{file_id}/content").body.splitlines()]


def test_the_whole_way(server: MoonshotServer, ask: Ask) -> None:
    batch = created(ask, server, [line(1), line(2)], metadata={"a": "b"})
    assert batch.keys() >= BATCH_OBJECT and "errors" not in batch
    assert (batch["status"], batch["metadata"]) == ("validating", {"a": "b"})
    seen = []
    for _ in range(4):
        seen.append(shown(ask, server, batch["id"])["status"])
        server.batches.advance()
    assert seen == ["validating", "in_progress", "finalizing", "completed"]
    done = shown(ask, server, batch["id"])
    assert done["request_counts"] == {"completed": 2, "failed": 0, "total": 2}
    assert done["error_file_id"] is None and done["completed_at"] is not None
    first, second = read(ask, server, done["output_file_id"])
    assert first["id"] == first["custom_id"] == "request-1"
    assert first["error"] is None
    assert first["response"]["status_code"] == 200 and first["response"]["request_id"] == ""
    assert first["response"]["body"]["choices"][0]["message"]["content"] == "line 1"
    assert second["custom_id"] == "request-2"


def test_a_batch_costs_sixty_percent(server: MoonshotServer, ask: Ask) -> None:
    created(ask, server, [line(1)])
    server.batches.advance(steps=3)
    batched = server.accounts.default.spent
    ask(server, "POST", "/chat/completions", line(1)["body"])
    assert batched == (server.accounts.default.spent - batched) * Decimal("0.6")


@pytest.mark.parametrize("shape", ["response", "error"])
def test_failed_lines_have_their_own_file(ask: Ask, shape: Any) -> None:
    with MoonshotServer(readings=Readings(batch_error_line=shape)) as server:
        batch = created(ask, server, [line(1), line(2, max_tokens=300_000), line(3)])
        server.batches.refuse["request-3"] = "overloaded"
        server.batches.advance(steps=3)
        done = shown(ask, server, batch["id"])
        second, third = read(ask, server, done["error_file_id"])
    assert done["request_counts"] == {"completed": 1, "failed": 2, "total": 3}
    if shape == "response":
        assert second["response"]["status_code"] == 400 and third["response"]["status_code"] == 429
        assert "exceeded model token limit" in second["response"]["body"]["error"]["message"]
    else:
        assert second["response"] is None and third["error"]["code"] == "engine_overloaded_error"


@pytest.mark.parametrize(("source", "status"), [("prices", "in_progress"), ("guide", "failed")])
def test_which_models_take_batches_depends_on_the_source(ask: Ask, source: Any, status: str) -> None:
    with MoonshotServer(readings=Readings(batch_models=source)) as server:
        batch = created(ask, server, [line(1, model="kimi-k2.7-code")])
        server.batches.advance()
        assert shown(ask, server, batch["id"])["status"] == status


def test_output_may_come_in_another_order(ask: Ask) -> None:
    with MoonshotServer(readings=Readings(batch_order="reversed")) as server:
        batch = created(ask, server, [line(1), line(2)])
        server.batches.advance(steps=3)
        lines = read(ask, server, shown(ask, server, batch["id"])["output_file_id"])
    assert [one["custom_id"] for one in lines] == ["request-2", "request-1"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "empty"),
        ([line(1), line(1)], "twice"),
        ([line(1), line(2, model="kimi-k2.7-code")], "one model"),
        ([line(1, model="kimi-k3")], "takes no batches"),
        ([line(1, model="kimi-k2-6")], "not accessible"),
        ([line(1, temperature=1)], "temperature"),
        ([{**line(1), "url": "/v1/models"}], "method and url"),
        ([{**line(1), "custom_id": 5}], "custom_id"),
        ([[]], "body"),
    ],
)
def test_validation_fails_without_telling_why(
    server: MoonshotServer, ask: Ask, lines: list[Any], reason: str
) -> None:
    batch = created(ask, server, lines)
    server.batches.advance()
    failed = shown(ask, server, batch["id"])
    assert failed["status"] == "failed" and failed["failed_at"] is not None
    assert reason not in json.dumps(failed)
    assert reason in str(server.batches[batch["id"]].reason)


def test_a_file_that_is_no_jsonl_or_is_gone(server: MoonshotServer, ask: Ask) -> None:
    batch, other = created(ask, server, [line(1)]), created(ask, server, [line(1)])
    ask(server, "DELETE", f"/files/{batch['input_file_id']}")
    garbage = server.files.add(server.accounts.default, filename="x", purpose="batch", content=b"{\n", at=0)
    server.batches[other["id"]].input_file_id = garbage.id
    server.batches.advance()
    assert [shown(ask, server, one["id"])["status"] for one in (batch, other)] == ["failed"] * 2


def test_cancelling_keeps_what_is_finished(server: MoonshotServer, ask: Ask) -> None:
    server.batches.lines_per_step = 1
    batch = created(ask, server, [line(1), line(2), line(3)])
    server.batches.advance(steps=2)
    assert ask(server, "POST", f"/batches/{batch['id']}/cancel").json()["status"] == "cancelling"
    refused = ask(server, "POST", f"/batches/{batch['id']}/cancel")
    server.batches.advance()
    done = shown(ask, server, batch["id"])
    assert refused.status == 400
    assert (done["status"], done["request_counts"]["completed"]) == ("cancelled", 1)
    assert len(read(ask, server, done["output_file_id"])) == 1


def test_time_moves_batches_and_runs_out(ask: Ask) -> None:
    clock = FixedClock()
    with MoonshotServer(clock=clock) as server:
        batch = created(ask, server, [line(1)])
        late = created(ask, server, [line(2)], completion_window="12h")
        clock.advance(12 * 3600)
        assert shown(ask, server, batch["id"])["status"] == "validating"
        assert shown(ask, server, late["id"])["status"] == "expired"
        server.batches.stage_s = 10
        assert shown(ask, server, batch["id"])["status"] == "completed"
        third = created(ask, server, [line(3)])
        statuses = []
        for _ in range(4):
            statuses.append(shown(ask, server, third["id"])["status"])
            clock.advance(10)
    assert statuses == ["validating", "in_progress", "finalizing", "completed"]


def test_a_test_may_decide_the_outcome(server: MoonshotServer, ask: Ask) -> None:
    one, two, three = (created(ask, server, [line(number)]) for number in (1, 2, 3))
    server.batches.fail(one["id"])
    server.batches.expire(two["id"])
    server.batches.lose_output = True
    server.batches.advance(three["id"], steps=3)
    assert shown(ask, server, one["id"])["status"] == "failed"
    assert shown(ask, server, two["id"])["status"] == "expired"
    lost = shown(ask, server, three["id"])["output_file_id"]
    assert lost is not None and ask(server, "GET", f"/files/{lost}/content").status == 404


def test_a_create_may_be_accepted_and_never_answered(server: MoonshotServer, ask: Ask) -> None:
    file_id = stored(server, [line(1)])
    asked = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    server.inject(Fault("stall", path="/batches", accepted=True))
    with pytest.raises(TimeoutError):
        ask(server, "POST", "/batches", asked, timeout=0.2)
    (batch,) = ask(server, "GET", "/batches").json()["data"]
    assert batch["input_file_id"] == file_id


def test_the_list_is_paged(server: MoonshotServer, ask: Ask) -> None:
    ids = [created(ask, server, [line(number)])["id"] for number in range(5)][::-1]
    first = ask(server, "GET", "/batches?limit=2").json()
    rest = ask(server, "GET", f"/batches?limit=20&after={ids[1]}").json()
    assert [row["id"] for row in first["data"]] == ids[:2] and first["has_more"] is True
    assert [row["id"] for row in rest["data"]] == ids[2:] and rest["has_more"] is False
    assert first.keys() == {"object", "data", "has_more"}
    assert len(ask(server, "GET", "/batches?limit=x").json()["data"]) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "/v1/responses"},
        {"completion_window": "6h"},
        {"completion_window": "8d"},
        {"completion_window": 24},
        {"input_file_id": "file-nope"},
        {"input_file_id": None},
        {"metadata": {"a": 1}},
        {"metadata": {"a": "x" * 513}},
        {"metadata": {str(number): "" for number in range(17)}},
    ],
)
def test_creating_is_judged(server: MoonshotServer, ask: Ask, change: dict[str, object]) -> None:
    good = {
        "input_file_id": stored(server, [line(1)]),
        "endpoint": "/v1/chat/completions",
        "completion_window": "1d",
    }
    assert ask(server, "POST", "/batches", {**good, **change}).status == 400


def test_only_batch_files_and_ones_own(server: MoonshotServer, ask: Ask) -> None:
    asked = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
    wrong = stored(server, [line(1)], purpose="file-extract")
    assert ask(server, "POST", "/batches", {**asked, "input_file_id": wrong}).status == 400
    other = server.accounts.add(Account())
    batch = created(ask, server, [line(1)])
    assert ask(server, "GET", f"/batches/{batch['id']}", key=other.key).status == 404
    assert ask(server, "GET", "/batches", key=other.key).json()["data"] == []


def test_no_money_stops_the_lines_that_are_left(server: MoonshotServer, ask: Ask) -> None:
    account = server.accounts.default
    account.voucher, account.cash = Decimal(0), Decimal("0.00001")
    batch = created(ask, server, [line(1), line(2)])
    server.batches.advance(steps=3)
    assert shown(ask, server, batch["id"])["request_counts"] == {"completed": 1, "failed": 1, "total": 2}
    asked = {"input_file_id": batch["input_file_id"], "endpoint": "/v1/chat/completions"}
    assert ask(server, "POST", "/batches", {**asked, "completion_window": "24h"}).status == 429


def test_windows() -> None:
    assert [window_s(text) for text in ("12h", "1d", "24h", "7d", "11h", "169h", "1w", "", None)] == [
        *(43_200, 86_400, 86_400, 604_800),
        *(None, None, None, None, None),
    ]
