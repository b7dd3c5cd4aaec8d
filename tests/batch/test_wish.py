"""The wish to give a job up: left, seen, taken away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from moongate import Client
from moongate.batch import AsyncJob, Job, wish
from moongate.errors import StorageError
from moongate.testing import Fault, MoonshotServer

Write = Callable[..., Path]


def test_it_is_there_until_it_is_taken_away(tmp_path: Path) -> None:
    assert not wish.left(tmp_path)
    wish.leave(tmp_path)
    wish.leave(tmp_path)
    assert wish.left(tmp_path) and (tmp_path / wish.FILE).stat().st_mode & 0o077 == 0
    wish.clear(tmp_path)
    wish.clear(tmp_path)
    assert not wish.left(tmp_path)
    with pytest.raises(StorageError):
        wish.leave(tmp_path / "nowhere")


def test_a_job_may_be_cancelled_by_whoever_iterates_over_it(
    client: Client, server: MoonshotServer, write: Write, tmp_path: Path
) -> None:
    server.inject(Fault("slow", path="/chat/completions", times=None, seconds=0.1))

    async def work() -> AsyncJob:
        job = await AsyncJob.run(client, write(60), tmp_path / "out.jsonl", concurrency=2)
        async for shown in job:
            if shown.completed:
                await job.cancel()
        return job

    job = asyncio.run(work())
    assert job.state.status == "cancelled" and not job.state.stopped and not wish.left(job.folder)
    assert 0 < job.state.tally.completed < 60 == job.state.tally.total


def test_the_same_without_a_loop(client: Client, server: MoonshotServer, write: Write, tmp_path: Path) -> None:
    server.inject(Fault("slow", path="/chat/completions", times=None, seconds=0.1))
    job = Job.run(client, write(60), tmp_path / "out.jsonl", concurrency=2)
    for shown in job:
        if shown.completed:
            job.cancel()
    assert job.state.status == "cancelled" and 0 < job.state.tally.completed < 60
    job.retry()
    server.heal()
    list(job)
    assert job.state.status == "completed" and job.state.tally.completed == 60
