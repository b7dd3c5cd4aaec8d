"""A job through ordinary chats at a server that throttles, fails, loses answers and runs out of money."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from moongate import Client
from moongate.batch import AsyncJob
from moongate.batch.report import exit_code, summary
from moongate.errors import InsufficientBalanceError, UsageError
from moongate.testing import Account, Chaos, Fault, MoonshotServer

CHATS = "/chat/completions"
Write = Callable[..., Path]
Carry = Callable[..., AsyncJob]
Run = Callable[..., AsyncJob]


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return the result lines in a file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def ids(path: Path) -> list[str]:
    """Return the custom_ids of the result lines in a file, in their order; none where there is no file."""
    return [line["custom_id"] for line in lines_of(path)] if path.exists() else []


def asked(server: MoonshotServer) -> list[str]:
    """Return the questions that the server was asked, in the order in which they came."""
    chats = [request.json() for request in server.requests if request.matches("POST", CHATS)]
    return [chat["messages"][0]["content"] for chat in chats]


def test_every_line_has_its_answer_in_input_order(run: Run, server: MoonshotServer, write: Write) -> None:
    job = run(write(120))
    out = job.folder.parents[2] / "out.jsonl"
    assert ids(out) == [f"q{number}" for number in range(120)]
    answer = lines_of(out)[7]
    assert answer["response"]["body"]["choices"][0]["message"]["content"] == "question 7"
    assert set(answer) == {"id", "custom_id", "response", "error"} and answer["error"] is None
    assert set(answer["response"]) == {"status_code", "request_id", "body"} and answer["response"]["request_id"]
    assert sorted(asked(server)) == sorted(f"question {number}" for number in range(120))
    assert (
        job.state.status == "completed"
        and exit_code(job.state) == 0
        and not out.with_name("out.jsonl.errors.jsonl").exists()
    )
    spent = Decimal(job.state.tally.cost_nano) / 10**9
    assert abs(spent - server.accounts.default.spent) < Decimal("0.000001")


def test_a_finished_job_is_not_sent_again_but_its_output_is_there_again(
    run: Run, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    path = write(5)
    run(path)
    (tmp_path / "out.jsonl").unlink()
    run(path)
    assert ids(tmp_path / "out.jsonl") == [f"q{number}" for number in range(5)] and server.count("POST", CHATS) == 5
    run(path, new=True)
    assert server.count("POST", CHATS) == 10


def test_one_line_that_is_refused_fails_alone(run: Run, server: MoonshotServer, write: Write, tmp_path: Path) -> None:
    job = run(write(10, line3={"temperature": 0.123}), rules=False)
    assert ids(tmp_path / "out.jsonl") == [f"q{number}" for number in range(10) if number != 3]
    (failed,) = lines_of(tmp_path / "out.jsonl.errors.jsonl")
    assert failed["custom_id"] == "q3" and failed["response"]["status_code"] == 400
    assert "invalid temperature" in failed["response"]["body"]["error"]["message"]
    assert job.state.tally.kinds == {"bad_request": 1} and exit_code(job.state) == 1
    assert server.count("POST", CHATS) == 10


def test_a_retry_sends_the_failed_lines_only(
    run: Run, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    server.inject(Fault("refusal", name="content_filter", path=CHATS, times=4))
    job = run(write(20))
    failed = ids(tmp_path / "out.jsonl.errors.jsonl")
    assert len(failed) == 4
    server.forget()
    asyncio.run(job.retry())
    carry(job)
    assert sorted(asked(server)) == sorted(f"question {name[1:]}" for name in failed)
    assert ids(tmp_path / "out.jsonl") == [f"q{number}" for number in range(20)]
    assert not (tmp_path / "out.jsonl.errors.jsonl").exists()


@pytest.mark.parametrize("tier", range(6))
def test_every_tier_is_lived_with(
    tmp_path: Path, write: Write, carry: Carry, tier: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty times as fast as the clock: what a minute allows is had in a second."""
    monkeypatch.setenv("MOONGATE_DATA_DIR", str(tmp_path / "data"))
    lines = 5 if tier == 0 else 260
    account = Account(tier=tier)
    with (
        MoonshotServer(models=["kimi-k2.6"], accounts=[account], clock=lambda: time.time() * 60) as server,
        Client("moonshot", base_url=server.base_url, api_key=account.key) as client,
    ):
        path = write(lines, every={"max_tokens": 5000})
        job = carry(AsyncJob.run(client, path, tmp_path / "out.jsonl"), quick=True)
        assert job.state.status == "completed" and job.state.tally.completed == lines, summary(job.state)
        assert job.state.tally.uncertain == 0 and exit_code(job.state) == 0
        refused = server.count("POST", CHATS) - lines
    assert refused <= lines


def test_an_empty_account_stops_the_job_and_after_a_top_up_only_the_rest_is_sent(
    run: Run, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    account, path = server.accounts.default, write(60)
    account.voucher, account.cash = Decimal("0.0016"), Decimal(0)
    job = run(path, concurrency=4)
    done = job.state.tally.completed
    assert 0 < done < 60 and job.state.tally.failed == 0 and job.state.stopped == "money"
    assert exit_code(job.state) == 3 and isinstance(job.error, InsufficientBalanceError)
    assert not (tmp_path / "out.jsonl").exists()
    account.voucher = Decimal(5)
    server.forget()
    job = run(path)
    assert len(asked(server)) == 60 - done and job.state.tally.uncertain == 0
    assert ids(tmp_path / "out.jsonl") == [f"q{number}" for number in range(60)]


def test_lost_answers_are_sent_again_counted_and_said(run: Run, server: MoonshotServer, write: Write) -> None:
    server.inject(
        Fault("reset", path=CHATS, times=3, accepted=True), Fault("status", status=500, path=CHATS, times=2)
    )
    job = run(write(30))
    tally = job.state.tally
    assert (tally.completed, tally.uncertain, tally.resent) == (30, 5, 5)
    assert any(
        said.startswith("uncertain: of 5 lines") and "sent again 5 times" in said for said in summary(job.state)
    )
    assert tally.doubt_nano > 0


def test_by_rule_they_fail_instead(
    run: Run, carry: Carry, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    server.inject(Fault("reset", path=CHATS, times=3, accepted=True))
    job = run(write(30), uncertain="fail")
    tally = job.state.tally
    assert (tally.completed, tally.failed, tally.uncertain, tally.resent) == (27, 3, 3, 0)
    assert {line["error"]["code"] for line in lines_of(tmp_path / "out.jsonl.errors.jsonl")} == {"unreachable"}
    assert server.count("POST", CHATS) == 30
    asyncio.run(job.retry())
    assert not list(job.state.marks.waiting())
    asyncio.run(job.retry(uncertain=True))
    carry(job)
    assert job.state.tally.completed == 30


def test_chaos_loses_no_line(run: Run, server: MoonshotServer, write: Write, tmp_path: Path) -> None:
    server.inject(Chaos(seed=7, rate=0.3, path=CHATS))
    job = run(write(60), quick=True)
    assert sorted(ids(tmp_path / "out.jsonl") + ids(tmp_path / "out.jsonl.errors.jsonl")) == sorted(
        f"q{number}" for number in range(60)
    )
    assert job.state.tally.completed > 50


def test_a_provider_that_only_fails_stops_the_job(run: Run, server: MoonshotServer, write: Write) -> None:
    server.inject(Fault("html_504", path=CHATS, times=None))
    job = run(write(300), quick=True)
    assert job.state.stopped == "unavailable" and exit_code(job.state) == 4
    assert job.state.tally.failed < 100


def test_nothing_to_be_reached_stops_the_job_and_leaves_no_doubt(
    client: Client, carry: Carry, server: MoonshotServer, write: Write
) -> None:
    path = write(3)

    async def begin() -> AsyncJob:
        return await AsyncJob.run(client, path, path.with_name("out.jsonl"))

    made = asyncio.run(begin())
    server.close()
    job = carry(made, quick=True)
    assert job.state.stopped == "unavailable" and job.state.tally.uncertain == 0
    assert exit_code(job.state) == 4 and job.state.tally.failed == 0


@pytest.mark.parametrize("cap", ["0.0002", "0.0007", "0.0012"])
def test_a_cap_is_never_passed_and_a_higher_one_goes_on(
    run: Run, server: MoonshotServer, write: Write, cap: str
) -> None:
    path = write(40, every={"max_tokens": 20})
    job = run(path, max_cost=cap)
    assert server.accounts.default.spent <= Decimal(cap)
    assert job.state.stopped == "budget" and exit_code(job.state) == 3 and "cap" in job.state.said
    done = job.state.tally.completed
    server.forget()
    job = run(path, max_cost="5")
    assert job.state.tally.completed == 40 and len(asked(server)) == 40 - done


def test_what_is_in_doubt_counts_against_the_cap(run: Run, server: MoonshotServer, write: Write) -> None:
    server.inject(Fault("reset", path=CHATS, times=None, accepted=True))
    run(write(200, every={"max_tokens": 20}), max_cost="0.01", quick=True)
    assert 0 < server.accounts.default.spent <= Decimal("0.01")


def test_a_cap_without_a_price_is_refused(run: Run, server: MoonshotServer, write: Write) -> None:
    server.models = ["some-model"]
    with pytest.raises(UsageError, match="No price"):
        run(write(3, every={"model": "some-model"}), max_cost="1")
    assert server.count("POST", CHATS) == 0


def test_a_deadline_stops_what_has_not_left(run: Run, server: MoonshotServer, write: Write) -> None:
    server.inject(Fault("slow", path=CHATS, times=None, seconds=0.1))
    path = write(400)
    job = run(path, concurrency=4, deadline_s=0.3)
    assert job.state.stopped == "deadline" and exit_code(job.state) == 1
    assert 0 < job.state.tally.completed < 400 and job.state.tally.uncertain == 0


def test_a_stop_waits_for_what_is_under_way_and_a_second_one_does_not(
    client: Client, run: Run, server: MoonshotServer, write: Write
) -> None:
    path = write(100)

    async def stopped(times: int) -> AsyncJob:
        job = await AsyncJob.run(client, path, path.with_name("out.jsonl"), concurrency=8)
        async for shown in job:
            while shown.in_flight and times:
                job.stop()
                times -= 1
        return job

    server.inject(Fault("slow", path=CHATS, times=None, seconds=0.5))
    job = asyncio.run(stopped(1))
    assert job.state.stopped == "interrupted" and exit_code(job.state) == 130
    assert 0 < job.state.tally.completed < 100 and job.state.tally.uncertain == 0 == job.state.tally.in_flight
    job = asyncio.run(stopped(2))
    assert job.state.tally.in_flight > 0
    server.heal()
    job = run(path)
    assert job.state.tally.completed == 100 and 0 < job.state.tally.uncertain <= 8


def test_a_changed_file_is_refused(run: Run, server: MoonshotServer, write: Write) -> None:
    run(write(3))
    with pytest.raises(UsageError, match="has changed since"):
        run(write(4))
    assert run(write(4), new=True).state.tally.completed == 4


def test_an_id_that_is_not_listed_is_refused_before_anything_is_sent(
    run: Run, server: MoonshotServer, write: Write
) -> None:
    from moongate import ModelRefusedError

    with pytest.raises(ModelRefusedError, match=r"kimi-k2\.6"):
        run(write(3, every={"model": "moonshotai/kimi-k2.6"}))
    with pytest.raises(UsageError, match="line 2"):
        run(write(3, line1={"model": "kimi-k2"}))
    with pytest.raises(UsageError, match="temperature"):
        run(write(3, line1={"temperature": 0.123}))
    assert server.count("POST", CHATS) == 0


def test_a_line_that_could_be_read_in_two_ways_or_streams_is_not_sent(
    run: Run, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    path = write(4, line1={"stream": True})
    text = path.read_text("utf-8").replace(
        '"model": "kimi-k2.6", "messages": [{"role": "user", "content": "question 2"',
        '"model": "kimi-k2.6", "MODEL": "x", "messages": [{"role": "user", "content": "question 2"',
    )
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match="line 3"):
        run(path)
    job = run(write(4, line1={"stream": True}))
    assert job.state.tally.kinds == {"request_refused": 1} and server.count("POST", CHATS) == 3


DISK = """
import asyncio, resource, sys
from moongate import Client
from moongate.batch import AsyncJob
from moongate.batch.report import exit_code

async def main():
    client = Client("moonshot", base_url=sys.argv[1], api_key=sys.argv[2])
    job = await AsyncJob.run(client, sys.argv[3], sys.argv[4], concurrency=8)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[5]), int(sys.argv[5])))
    async for _ in job:
        pass
    print(job.error.exit_code if job.error else exit_code(job.state), job.error)

asyncio.run(main())
"""


def test_a_full_disk_stops_the_job_and_loses_nothing_that_was_committed(
    run: Run, server: MoonshotServer, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(400)
    arguments = (server.base_url, server.key, str(path), str(tmp_path / "out.jsonl"), "90000")
    ran = subprocess.run([sys.executable, "-c", DISK, *arguments], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("2 ") and "cannot" in ran.stdout
    sent = set(asked(server))
    server.forget()
    job = run(path)
    again = sent & set(asked(server))
    assert ids(tmp_path / "out.jsonl") == [f"q{number}" for number in range(400)]
    assert len(again) <= 8 and job.state.tally.uncertain >= len(again)


def test_two_processes_on_one_job_are_one_too_many(client: Client, server: MoonshotServer, write: Write) -> None:
    path = write(20)

    async def both() -> None:
        one = await AsyncJob.run(client, path, path.with_name("out.jsonl"))
        async for _ in one:
            two = await AsyncJob.run(client, path, path.with_name("out.jsonl"))
            with pytest.raises(UsageError, match="another process"):
                await anext(two.__aiter__())
            with pytest.raises(UsageError, match="another process"):
                await AsyncJob.run(client, path, path.with_name("out.jsonl"), new=True)
            break

    server.inject(Fault("slow", path=CHATS, times=None, seconds=0.3))
    asyncio.run(both())


def test_bodies_are_sent_as_they_stand(run: Run, server: MoonshotServer, write: Write) -> None:
    path = write(1)
    line = json.loads(path.read_text("utf-8"))
    spaced = json.dumps(line["body"], indent=None, separators=(" , ", " :  "))
    path.write_text(json.dumps(line).replace(json.dumps(line["body"]), spaced), "utf-8")
    run(path)
    (request,) = [request for request in server.requests if request.matches("POST", CHATS)]
    assert request.body.decode() == spaced
