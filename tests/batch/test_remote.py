"""A job through the batch API of a server that loses answers, expires, cancels and forgets files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from moongate import Client, UsageError
from moongate.batch import AsyncJob, Progress
from moongate.batch.parts import worst_by_part
from moongate.batch.records import Limits
from moongate.batch.remote import Pacing
from moongate.batch.report import document, exit_code, summary
from moongate.batch.spending import Tariff
from moongate.facts.money import Money
from moongate.ledger.price import bounding_price
from moongate.testing import Fault, MoonshotServer

QUICK = Pacing(poll_s=0.02, longest_poll_s=0.05, settle_s=0.15, patience=4)
Write = Callable[..., Path]
Carry = Callable[..., AsyncJob]
Submit = Callable[..., AsyncJob]


@pytest.fixture(autouse=True)
def moving(server: MoonshotServer) -> None:
    """Let the server's batches move by themselves."""
    server.batches.stage_s = 0.02


@pytest.fixture
def submit(client: Client) -> Submit:
    """Submit a batch file: every part is a batch then, or the job rests."""

    def submitted(path: Path, **options: Any) -> AsyncJob:
        async def work() -> AsyncJob:
            job = await AsyncJob.submit(client, path, pacing=QUICK, **options)
            async for _ in job.created():
                pass
            return job

        return asyncio.run(work())

    return submitted


def ids(path: Path) -> list[str]:
    """Return the custom_ids of the result lines in a file, none where there is no file."""
    return [json.loads(line)["custom_id"] for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def results(job: AsyncJob, folder: Path) -> tuple[list[str], list[str]]:
    """Return the custom_ids of a job's answers and of its failures."""
    asyncio.run(job.results(folder / "out.jsonl"))
    return ids(folder / "out.jsonl"), ids(folder / "out.jsonl.errors.jsonl")


def names(count: int) -> list[str]:
    return [f"q{number}" for number in range(count)]


def test_the_whole_cycle(submit: Submit, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path) -> None:
    job = submit(write(25))
    (batch,) = (server.batches[id_] for id_ in server.batches.ids)
    assert batch.metadata is not None and job.name in batch.metadata["moongate_job"]
    carry(job)
    assert results(job, tmp_path) == (names(25), [])
    assert (job.state.status, exit_code(job.state)) == ("completed", 0)
    told = document(job.state)
    assert told["batch_id"] == batch.id and (told["total"], told["completed"], told["failed"]) == (25, 25, 0)
    assert server.count("POST", "/batches") == 1 == server.count("POST", "/files")
    answer = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[3])
    assert answer["response"]["body"]["choices"][0]["message"]["content"] == "question 3"


def test_it_tells_how_far_the_provider_is_and_how_long_it_may_take(
    client: Client, submit: Submit, server: MoonshotServer, write: Write
) -> None:
    job = submit(write(6))
    server.batches.stage_s, server.batches.lines_per_step = None, 1

    async def work() -> list[Progress]:
        told = []
        async for shown in AsyncJob.find(client, job.name, pacing=QUICK):
            told.append(shown)
            server.batches.advance(steps=1)
        return told

    told = asyncio.run(work())
    under_way = [shown for shown in told if 0 < shown.done < 6]
    assert under_way and all(shown.left_s is not None and shown.left_s > 0 for shown in under_way)
    assert told[-1].done == 6 and told[-1].left_s == 0 and told[-1].status == "completed"


def test_a_file_beyond_the_limits_travels_in_parts_and_comes_back_in_order(
    submit: Submit, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    job = submit(write(25), limits=Limits(max_lines=10))
    assert [len(place.name) > 0 and place.part.lines for place in job.state.parts] == [10, 10, 5]
    carry(job)
    assert results(job, tmp_path) == (names(25), []) and len(server.batches) == 3
    small = submit(write(12, name="small.jsonl"), limits=Limits(max_bytes=500))
    assert sum(place.part.lines for place in small.state.parts) == 12 and len(small.state.parts) > 3
    assert max(place.part.size for place in small.state.parts) <= 500


def test_the_same_file_is_not_submitted_twice_unless_told_to(
    submit: Submit, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    job = submit(write(5))
    with pytest.raises(UsageError, match=f"submitted already, as job '{job.name}'"):
        submit(write(5))
    with pytest.raises(UsageError, match="submitted already"):
        submit(write(5, name="copy.jsonl").rename(tmp_path / "in.jsonl"))
    assert submit(write(5), new=True).name != job.name and len(server.batches) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault("reset", method="POST", path="/batches", accepted=True),
        Fault("reset", method="POST", path="/batches", accepted=False),
        Fault("html_504", method="POST", path="/batches", accepted=True),
        Fault("garbage", method="POST", path="/batches", accepted=True),
        Fault("truncate", method="POST", path="/batches"),
        Fault("reset", method="POST", path="/files", accepted=True),
        Fault("reset", method="POST", path="/files", accepted=False),
        Fault("html_504", method="POST", path="/files", accepted=True),
        Fault("status", status=500, method="GET", path="/batches", times=3),
        Fault("reset", method="GET", path="/content*", at="middle", times=3),
        Fault("refusal", name="rpm", method="POST", path="/batches"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.path.strip('/*')}-{fault.accepted}",
)
def test_lost_answers_are_looked_up_and_nothing_is_made_twice(
    submit: Submit, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path, fault: Fault
) -> None:
    server.inject(fault)
    job = carry(submit(write(12)))
    assert results(job, tmp_path) == (names(12), []), summary(job.state)
    assert len(server.batches) == 1
    inputs = [file for file in server.files.of(server.accounts.default) if file.filename.startswith("moongate-")]
    assert len(inputs) == 1


def test_where_the_provider_keeps_no_mark_the_user_decides(
    submit: Submit, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    server.inject(
        Fault("reset", method="POST", path="/batches", accepted=True),
        Fault("status", status=404, method="GET", path="/batches", times=None, body={"error": "url.not_found"}),
    )
    job = submit(write(4))
    assert job.state.stopped == "uncertain" and exit_code(job.state) == 4 and "--uncertain again" in job.state.said
    assert carry(job).state.stopped == "uncertain" and len(server.batches) == 1
    server.heal()
    asyncio.run(job.decide("drop"))
    assert results(carry(job), tmp_path) == ([], names(4))
    assert job.state.tally.kinds == {"uncertain": 4} and job.state.tally.uncertain == 4
    asyncio.run(job.retry(uncertain=True))
    assert results(carry(job), tmp_path) == (names(4), []) and len(server.batches) == 2


def test_a_batch_that_expires_half_done_keeps_its_half_and_a_retry_takes_the_rest(
    submit: Submit, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    server.batches.stage_s, server.batches.lines_per_step = None, 7
    job = submit(write(20))
    (id_,) = server.batches.ids
    server.batches.advance(id_, steps=2)
    server.batches.expire(id_)
    carry(job)
    assert results(job, tmp_path) == (names(7), names(20)[7:])
    assert job.state.status == "expired" and exit_code(job.state) == 1
    assert job.state.tally.kinds == {"expired": 13} and job.state.tally.uncertain == 0
    server.batches.stage_s, server.batches.lines_per_step = 0.02, None
    asyncio.run(job.retry())
    carry(job)
    assert results(job, tmp_path) == (names(20), []) and job.state.status == "completed"
    assert [len(server.batches[id_].lines) for id_ in server.batches.ids] == [20, 13]


def test_a_cancelled_job_keeps_what_was_finished(
    submit: Submit, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    server.batches.stage_s, server.batches.lines_per_step = None, 5
    job = submit(write(20))
    server.batches.advance(steps=2)
    assert asyncio.run(job.cancel()).status == "cancelling"

    async def watched() -> None:
        async for _ in job:
            if server.count("POST", "/cancel"):
                server.batches.advance()

    asyncio.run(watched())
    assert results(job, tmp_path) == (names(5), names(20)[5:]) and job.state.status == "cancelled"
    assert server.count("POST", "/cancel") == 1


def test_a_job_cancelled_too_late_is_completed_at_the_provider(
    submit: Submit, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    server.batches.stage_s = None
    job = submit(write(6))
    server.batches.advance(steps=3)
    asyncio.run(job.cancel())
    carry(job)
    assert results(job, tmp_path) == (names(6), []) and job.state.status == "cancelled"


def test_a_completed_batch_without_its_file_is_an_error_and_said_so(
    submit: Submit, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    server.batches.lose_output = True
    job = carry(submit(write(8)))
    assert results(job, tmp_path) == ([], names(8)) and exit_code(job.state) == 1
    assert job.state.tally.kinds == {"output_missing": 8} and job.state.tally.uncertain == 8
    assert any("uncertain: of 8 lines" in said for said in summary(job.state))
    assert asyncio.run(job.retry()).ended
    server.batches.lose_output = False
    asyncio.run(job.retry(uncertain=True))
    assert results(carry(job), tmp_path) == (names(8), [])


def test_one_line_that_is_refused_comes_back_in_the_error_file_and_is_retried_alone(
    submit: Submit, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    server.batches.refuse = {"q3": "overloaded", "q5": "content_filter"}
    job = carry(submit(write(10)))
    assert results(job, tmp_path) == ([f"q{n}" for n in range(10) if n not in (3, 5)], ["q3", "q5"])
    assert sum(job.state.tally.kinds.values()) == 2 and job.state.status == "completed" and exit_code(job.state) == 1
    server.batches.refuse = {}
    asyncio.run(job.retry())
    carry(job)
    assert results(job, tmp_path) == (names(10), []) and exit_code(job.state) == 0
    assert [len(server.batches[id_].lines) for id_ in server.batches.ids] == [10, 2]


def test_a_batch_that_fails_validation_fails_its_lines_without_doubt(
    submit: Submit, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    job = carry(submit(write(4, every={"temperature": 0.3}), rules=False))
    assert results(job, tmp_path) == ([], names(4)) and job.state.status == "failed"
    assert job.state.tally.kinds == {"batch_failed": 4} and job.state.tally.uncertain == 0


def test_no_money_stops_the_job_before_a_batch_exists_and_it_goes_on_after_a_top_up(
    submit: Submit, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    account = server.accounts.default
    account.voucher = account.cash = Decimal(0)
    job = submit(write(5))
    assert (job.state.stopped, exit_code(job.state), len(server.batches)) == ("money", 3, 0)
    account.voucher = Decimal(5)
    job = carry(submit(write(5)))
    assert results(job, tmp_path) == (names(5), []) and server.count("POST", "/files") == 1


def test_a_cap_is_held_against_the_worst_case_before_anything_is_uploaded(
    submit: Submit, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    path = write(10, every={"max_tokens": 100})
    job = submit(path, max_cost="0.001")
    assert (job.state.stopped, exit_code(job.state)) == ("budget", 3) and job.error is None
    assert "leaves 0.001 USD. Nothing was submitted." in job.state.said
    assert server.count("POST", "/files") == 0 == len(server.batches)
    job = submit(path, max_cost="0.01")
    assert not job.state.stopped and len(server.batches) == 1
    carry(job)
    assert results(job, tmp_path) == (names(10), []) and 0 < job.state.tally.cost_nano < 10_000_000


def test_a_part_is_submitted_when_what_earlier_ones_really_cost_leaves_room(
    client: Client, submit: Submit, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    job = submit(write(25, every={"max_tokens": 100}), limits=Limits(max_lines=10), max_cost="0.013")
    assert job.state.stopped == "budget" and exit_code(job.state) == 3 and len(server.batches) == 2
    assert "Part 3 of 3 may cost" in job.state.said and "watching the job submits the rest" in job.state.said
    carry(AsyncJob.find(client, job.name, pacing=QUICK))
    assert len(server.batches) == 3 and results(job, tmp_path) == (names(25), [])
    assert job.state.status == "completed" and job.state.tally.cost_nano < 13_000_000


def test_a_part_that_what_earlier_ones_cost_leaves_no_room_for_is_never_submitted(
    client: Client, submit: Submit, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    path = write(20, every={"max_tokens": 100})
    first = submit(path, limits=Limits(max_lines=10), max_cost="0")
    model = client.guard.allow("kimi-k2.6").model
    worst = worst_by_part(
        first.folder, first.state, Tariff(bounding_price(model, client.provider, batch=True), model)
    )
    cap = Money(nano=max(worst.values()), currency="USD").amount
    carry(AsyncJob.find(client, first.name, pacing=QUICK, max_cost=cap))
    state = first.state
    assert state.stopped == "budget" and exit_code(state) == 3 and len(server.batches) == 1
    assert results(first, tmp_path) == (names(10), []) and state.tally.completed == 10
    assert not any(place.file_id for place in state.parts[1:])
    carry(AsyncJob.find(client, first.name, pacing=QUICK, max_cost="1"))
    assert first.state.status == "completed" and results(first, tmp_path) == (names(20), [])


def test_what_may_have_been_charged_counts_against_the_cap(
    client: Client, submit: Submit, carry: Carry, server: MoonshotServer, write: Write
) -> None:
    job = submit(write(20, every={"max_tokens": 100}), limits=Limits(max_lines=10), max_cost="0.0065")
    server.batches.lose_output = True
    carry(AsyncJob.find(client, job.name, pacing=QUICK))
    assert (job.state.stopped, len(server.batches)) == ("budget", 1)
    assert job.state.tally.cost_nano == 0 < job.state.tally.doubt_nano < 6_500_000


def test_an_unreachable_provider_stops_the_job_after_some_patience(
    client: Client, submit: Submit, carry: Carry, server: MoonshotServer, write: Write
) -> None:
    job = submit(write(5))
    server.inject(Fault("html_504", method="GET", times=None))
    carry(job)
    assert job.state.stopped == "unavailable" and exit_code(job.state) == 4
    server.heal()
    carry(job)
    assert job.state.status == "completed"


def test_a_file_that_changed_before_it_was_uploaded_is_not(
    client: Client, server: MoonshotServer, write: Write, carry: Carry
) -> None:
    path = write(5)
    job = asyncio.run(AsyncJob.submit(client, path, pacing=QUICK))
    write(5, every={"max_tokens": 9})
    with pytest.raises(UsageError, match="has changed"):
        carry(job)
    assert server.count("POST", "/files") == 0


def test_a_job_belongs_to_its_provider(client: Client, submit: Submit, carry: Carry, write: Write) -> None:
    job = submit(write(3))
    with (
        Client("moonshot", base_url="http://127.0.0.1:9/v1", api_key="sk-x") as other,
        pytest.raises(UsageError, match="belongs to moonshot"),
    ):
        carry(AsyncJob.find(other, job.name))


def test_a_custom_id_twice_is_refused(client: Client, server: MoonshotServer, write: Write) -> None:
    path = write(4)
    path.write_text(path.read_text("utf-8").replace('"q3"', '"q1"'), "utf-8")
    with pytest.raises(UsageError, match="custom_id 'q1'"):
        asyncio.run(AsyncJob.submit(client, path))
    assert server.count("POST", "/files") == 0
