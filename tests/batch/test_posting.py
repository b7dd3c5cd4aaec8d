"""What jobs cost stands in the ledger: once, whoever collects it, however often, and after a job was started over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from moongate import Client
from moongate.batch import AsyncJob, Job
from moongate.batch.folders import folders
from moongate.batch.journal import look
from moongate.batch.posting import post, post_all
from moongate.batch.remote import Pacing
from moongate.ledger.own import OwnLedger, Spent
from moongate.testing import Fault, MoonshotServer

Write = Callable[..., Path]
QUICK = Pacing(poll_s=0.02, longest_poll_s=0.05, settle_s=0.15)


@pytest.fixture
def client(server: MoonshotServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client that keeps a ledger."""
    monkeypatch.setenv("MOONGATE_DATA_DIR", str(tmp_path / "data"))
    ledger = OwnLedger(tmp_path / "own.sqlite3")
    with Client("moonshot", base_url=server.base_url, api_key=server.key, ledger=ledger) as client:
        yield client


def spent(client: Client) -> list[Spent]:
    assert client.ledger is not None
    return list(client.ledger.spent())


def test_a_run_is_in_the_ledger_with_what_its_price_rests_on(client: Client, write: Write, tmp_path: Path) -> None:
    job = Job.run(client, write(50), tmp_path / "out.jsonl")
    list(job)
    (line,) = spent(client)
    assert (line.kind, line.calls, line.cost_nano) == ("batch_run", 50, job.state.tally.cost_nano)
    assert line.prompt_tokens == job.state.tally.prompt_tokens and line.currency == "USD"
    list(Job.run(client, write(50), tmp_path / "out.jsonl"))
    post(job.folder, client.ledger)
    assert spent(client) == [line]


def test_started_over_it_is_paid_for_again_and_counted_again(client: Client, write: Write, tmp_path: Path) -> None:
    for new in (False, True, True):
        list(Job.run(client, write(5), tmp_path / "out.jsonl", new=new))
    assert sum(line.calls for line in spent(client)) == 15


def test_what_no_process_came_to_write_down_is_found_and_kept_by_the_next(
    client: Client, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    with Client("moonshot", base_url=server.base_url, api_key=server.key) as other:  # keeps no ledger
        list(Job.run(other, write(7), tmp_path / "out.jsonl"))
    assert spent(client) == []
    list(Job.run(client, write(7), tmp_path / "out.jsonl", new=True))
    assert sum(line.calls for line in spent(client)) == 14


def test_lines_that_failed_or_are_in_doubt_are_no_answers(
    client: Client, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    server.inject(Fault("reset", path="/chat/completions", times=2))
    job = Job.run(client, write(6, line3={"temperature": 0.1}), tmp_path / "out.jsonl", rules=False, uncertain="fail")
    list(job)
    tally = job.state.tally
    assert tally.failed == 3 and [(line.calls, line.cost_nano) for line in spent(client)] == [(3, tally.cost_nano)]
    server.heal()
    job.retry(uncertain=True)
    list(job)
    assert sum(line.calls for line in spent(client)) == 5


def test_a_job_of_batches_is_there_once_its_results_are(client: Client, server: MoonshotServer, write: Write) -> None:
    server.batches.stage_s = 0.02

    async def work() -> AsyncJob:
        job = await AsyncJob.submit(client, write(12), pacing=QUICK)
        async for _ in job.created():
            pass
        assert spent(client) == []
        async for _ in job:
            pass
        return job

    job = asyncio.run(work())
    (line,) = spent(client)
    assert (line.kind, line.calls, line.cost_nano) == ("batch", 12, job.state.tally.cost_nano) and line.cost_nano
    assert client.ledger is not None
    post_all(client.data_dir, client.ledger)
    assert spent(client) == [line]


def test_without_a_price_tokens_count_and_no_cost(client: Client, server: MoonshotServer, write: Write) -> None:
    server.models = ["unpriced"]
    path = write(3, every={"model": "unpriced"})
    list(Job.run(client, path, path.with_name("out.jsonl")))
    (line,) = spent(client)
    assert (line.calls, line.cost_nano, line.currency) == (3, 0, "") and line.prompt_tokens > 0


def test_a_ledger_that_cannot_be_written_costs_a_warning_and_is_caught_up_with(
    client: Client, write: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "own.sqlite3").mkdir()
    list(Job.run(client, write(4), tmp_path / "out.jsonl"))
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 4 and "own.sqlite3" in caplog.text
    (tmp_path / "own.sqlite3").rmdir()
    assert client.ledger is not None
    post_all(client.data_dir, client.ledger)
    assert [line.calls for line in spent(client)] == [4]
    assert Decimal(spent(client)[0].cost_nano) == sum(look(f).tally.cost_nano for f in folders(client.data_dir))
