"""`moongate batch cancel` from a second terminal: the process that works on the job heeds it; others may not work."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from moongate.testing import Fault, MoonshotServer

Run = Callable[..., subprocess.CompletedProcess[str]]
MOONGATE = (sys.executable, "-m", "moongate", "batch")


@pytest.fixture
def folder(questions: Callable[[int], Path]) -> Path:
    """A working directory with a batch file of 40 lines."""
    return questions(40)


@contextmanager
def working(*arguments: str, env: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a batch command in the background; it is killed if it is still there in the end."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*MOONGATE, *arguments], env=env, cwd=folder, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], Any], *, seconds: float = 60.0) -> Any:
    """Wait for something to be so, and return what it was."""
    ends = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.02)
    return found


def test_a_run_is_given_up_from_a_second_terminal(
    run: Run, server: MoonshotServer, named: dict[str, str], folder: Path
) -> None:
    server.inject(Fault("slow", path="/chat/completions", times=None, seconds=1.0))
    run_it = ("run", "in.jsonl", "-o", "out.jsonl", "--concurrency", "2")
    with working(*run_it, env=named, folder=folder) as process:
        until(lambda: server.count("POST", "/chat/completions") >= 4)
        second = run("batch", *run_it, env=named, cwd=folder)
        assert second.returncode == 2 and "worked on by another process" in second.stderr
        job = json.loads(run("batch", "list", "--json", env=named).stdout)["jobs"][0]
        assert job["status"] == "in_progress" and process.poll() is None
        cancelled = run("batch", "cancel", job["job"], "--json", env=named)
        assert cancelled.returncode == 0 and json.loads(cancelled.stdout)["status"] == "cancelled"
        out, said = process.communicate(timeout=60)
    assert process.returncode == 1 and "cancelled" in out, said
    state = json.loads(run("batch", "status", job["job"], "--json", env=named).stdout)
    assert (state["status"], state["in_flight"], state["uncertain"]) == ("cancelled", 0, 0)
    assert 4 <= state["completed"] < 40 and server.count("POST", "/chat/completions") == state["completed"]
    assert len((folder / "out.jsonl").read_text().splitlines()) == state["completed"]


def test_a_watched_job_is_cancelled_at_the_provider_by_who_watches_it(
    run: Run, server: MoonshotServer, named: dict[str, str], folder: Path
) -> None:
    submitted = run("batch", "submit", "in.jsonl", "--json", env=named, cwd=folder)
    job = json.loads(submitted.stdout)["job"]
    server.batches.advance(steps=1)
    with working("watch", job, env=named, folder=folder) as process:
        until(lambda: server.count("GET", f"/batches/{job_id(server)}") >= 1)
        began = time.monotonic()
        cancelled = run("batch", "cancel", job, "--json", env=named)
        assert cancelled.returncode == 0 and json.loads(cancelled.stdout)["status"] == "cancelling"
        until(lambda: server.count("POST", f"/batches/{job_id(server)}/cancel") == 1)
        assert time.monotonic() - began < 60 and process.poll() is None
        server.batches.stage_s = 0.01
        process.communicate(timeout=60)
    assert process.returncode == 1
    state = json.loads(run("batch", "status", job, "--json", env=named).stdout)
    assert state["status"] == "cancelled" and state["completed"] + state["failed"] == 40


def test_a_wish_that_nobody_heeded_is_heeded_by_the_next_life(
    run: Run, server: MoonshotServer, named: dict[str, str], folder: Path
) -> None:
    server.inject(Fault("slow", path="/chat/completions", times=None, seconds=1.0))
    run_it = ("run", "in.jsonl", "-o", "out.jsonl", "--concurrency", "1")
    with working(*run_it, env=named, folder=folder) as process:
        until(lambda: server.count("POST", "/chat/completions") >= 2)
        process.kill()
        process.communicate(timeout=60)
    job = json.loads(run("batch", "list", "--json", env=named).stdout)["jobs"][0]["job"]
    (home_of(named) / "batches" / job / "cancel").touch()
    sent = server.count("POST", "/chat/completions")
    again = run("batch", *run_it, "--json", env=named, cwd=folder)
    assert again.returncode == 1 and json.loads(again.stdout)["status"] == "cancelled"
    assert server.count("POST", "/chat/completions") == sent


def job_id(server: MoonshotServer) -> str:
    """Return the id of the only batch."""
    (id_,) = server.batches.ids
    return id_


def home_of(env: dict[str, str]) -> Path:
    """Return the data folder of an environment."""
    return next(Path(env["HOME"]).rglob("batches")).parent
