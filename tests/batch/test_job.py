"""The cycle for programs, blocking and asyncio: the same job, found again by its arguments or its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from moongate import Client, UsageError
from moongate.batch import AsyncJob, Job
from moongate.testing import Fault, MoonshotServer

Write = Callable[..., Path]


def test_iterating_carries_a_job_on_and_tells_how_far_it_is(
    client: Client, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    job = Job.run(client, write(50), tmp_path / "out.jsonl")
    told = list(job)
    assert told[-1].status == "completed" and told[-1].done == told[-1].total == 50
    assert [shown.done for shown in told] == sorted(shown.done for shown in told)
    assert told[-1].cost is not None and told[-1].cost.nano > 0 and job.error is None
    assert Job.find(client, job.name).state == job.state
    assert Job.run(client, write(50), tmp_path / "out.jsonl").name == job.name
    assert Job.run(client, write(50), tmp_path / "other.jsonl").name != job.name


def test_leaving_the_iteration_stops_the_job_gently(client: Client, server: MoonshotServer, write: Write) -> None:
    server.inject(Fault("slow", path="/chat/completions", times=None, seconds=0.1))
    path = write(300)
    job = Job.run(client, path, path.with_name("out.jsonl"), concurrency=4)
    for shown in job:
        if shown.completed:
            break
    assert job.state.stopped == "interrupted" and job.state.tally.in_flight == 0
    server.heal()
    assert list(job)[-1].status == "completed"


def test_an_error_reaches_whoever_iterates(
    client: Client, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    job = Job.run(client, write(3), tmp_path / "out.jsonl")
    server.models = ["another"]
    (tmp_path / "in.jsonl").unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        list(job)


def test_results_of_an_unfinished_job_can_be_had(
    client: Client, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    job = Job.run(client, write(30), tmp_path / "out.jsonl", concurrency=1, max_cost="0.0000001")
    list(job)
    assert job.state.stopped == "budget" and job.results(tmp_path / "part.jsonl") == 0
    assert (tmp_path / "part.jsonl").read_bytes() == b"" and not (tmp_path / "out.jsonl").exists()
    assert job.cancel().status == "cancelled" and job.retry().status == "in_progress"


def test_there_is_no_job_of_another_name(client: Client) -> None:
    for name in ("nothing", "../data", ""):
        with pytest.raises(UsageError, match="no batch job"):
            AsyncJob.find(client, name)


def test_amounts_that_are_none_are_refused(client: Client, write: Write, tmp_path: Path) -> None:
    for amount in ("much", "-1", "nan"):
        with pytest.raises(UsageError, match="no amount of money"):
            Job.run(client, write(1), tmp_path / "out.jsonl", max_cost=amount)
