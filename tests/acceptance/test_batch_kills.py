"""A batch job whose process is killed again and again, at any instant: no line lost, none repeated unsaid.

Real processes, real SIGKILL, seeded. A handful of kills here; `make soak` sets MOONGATE_KILLS to many more.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from moongate.batch.folders import folders
from moongate.batch.journal import look, results
from moongate.ledger.own import OwnLedger
from moongate.testing import Fault, MoonshotServer

KILLS = int(os.environ.get("MOONGATE_KILLS", "5"))
SEED = int(os.environ.get("MOONGATE_SEED", "20261125"))
CHATS, CONCURRENCY = "/chat/completions", 8

LOCAL = """
import sys
from pathlib import Path
from moongate import Client
from moongate.batch import Job
from moongate.ledger.own import OwnLedger
print("up", flush=True)
with Client("moonshot", ledger=OwnLedger(Path(sys.argv[3]))) as client:
    for shown in Job.run(client, sys.argv[1], sys.argv[2], concurrency=8):
        pass
sys.exit(0 if shown.status == "completed" else 9)
"""
REMOTE = """
import sys
from pathlib import Path
from moongate import Client
from moongate.batch import AsyncJob, Job
from moongate.batch.records import Limits
from moongate.batch.remote import Pacing
from moongate.errors import UsageError
from moongate.ledger.own import OwnLedger
pacing = Pacing(poll_s=0.02, longest_poll_s=0.05, settle_s=0.4)
print("up", flush=True)
with Client("moonshot", ledger=OwnLedger(Path(sys.argv[3]))) as client:
    try:
        job = Job.submit(client, sys.argv[1], limits=Limits(max_lines=20), pacing=pacing)
    except UsageError as error:
        job = Job.find(client, error.message.split("'")[1], pacing=pacing)
    for shown in job:
        pass
    job.results(sys.argv[2])
sys.exit(0 if shown.status == "completed" else 9)
"""


class Victim:
    """One job whose process is killed until it gets through; `in_flight` adds up the lines that were on their way."""

    def __init__(self, code: str, folder: Path, number: int, env: dict[str, str], chance: random.Random) -> None:
        self._command = [
            sys.executable,
            "-c",
            code,
            str(folder / f"in-{number}.jsonl"),
            str(folder / f"out-{number}.jsonl"),
            str(folder / "ledger.sqlite3"),
        ]
        self._env, self._chance = env, chance
        self._data = Path(env["MOONGATE_DATA_DIR"])
        self.output = folder / f"out-{number}.jsonl"
        self.kills = self.in_flight = 0

    def live(self, *, longest_s: float, spare: int) -> None:
        """Start the process and kill it at a chosen instant, as long as `spare` kills are left; then let it end."""
        while True:
            with subprocess.Popen(
                self._command, env=self._env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as child:
                assert child.stdout is not None
                child.stdout.readline()
                if self.kills < spare:
                    time.sleep(self._chance.uniform(0, longest_s))
                    child.kill()
                _, said = child.communicate()
            assert child.returncode in (0, -9), said.decode()
            if child.returncode == 0:
                return
            self.kills += 1
            self.in_flight += self._left_behind()

    def _left_behind(self) -> int:
        """Return how many lines the journal says were on their way when the process died."""
        return next((look(folder).tally.in_flight for folder in folders(self._data)), 0)


def write(path: Path, count: int, *, job: int) -> list[str]:
    """Write a batch file; return its questions."""
    questions = [f"job {job} question {number}" for number in range(count)]
    with path.open("w", encoding="utf-8") as file:
        for number, question in enumerate(questions):
            body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": question}]}
            line = {"custom_id": f"q{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            file.write(json.dumps(line) + "\n")
    return questions


def answered(path: Path) -> list[tuple[str, str]]:
    """Return (custom_id, answer) of every result line; the server echoes the question."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [(line["custom_id"], line["response"]["body"]["choices"][0]["message"]["content"]) for line in lines]


def booked(folder: Path) -> tuple[int, int]:
    """Return the calls in the ledger and what they cost."""
    with OwnLedger(folder / "ledger.sqlite3") as ledger:
        spent = ledger.spent()
    return sum(line.calls for line in spent), sum(line.cost_nano for line in spent)


def cost(folder: Path) -> int:
    """Return what the journals of all jobs say that they cost."""
    return sum(look(job).tally.cost_nano for job in folders(folder / "data"))


@pytest.fixture
def jobs(named: dict[str, str], tmp_path: Path) -> Iterator[tuple[dict[str, str], random.Random]]:
    """The environment of the processes, and the chance that kills them."""
    yield named | {"MOONGATE_DATA_DIR": str(tmp_path / "data")}, random.Random(SEED)  # noqa: S311 - repeatable


def test_local_jobs_survive_sigkill(
    server: MoonshotServer, jobs: tuple[dict[str, str], random.Random], tmp_path: Path
) -> None:
    env, chance = jobs
    server.inject(Fault("slow", path=CHATS, times=None, seconds=0.04))
    kills = number = in_flight = 0
    while kills < KILLS:
        questions = write(tmp_path / f"in-{number}.jsonl", 200, job=number)
        victim = Victim(LOCAL, tmp_path, number, env, chance)
        server.forget()
        victim.live(longest_s=0.5, spare=KILLS - kills)
        assert answered(victim.output) == [(f"q{place}", question) for place, question in enumerate(questions)]
        chats = [request.json() for request in server.requests if request.matches("POST", CHATS)]
        sent = Counter(chat["messages"][0]["content"] for chat in chats)
        resent = sum(count - 1 for count in sent.values())
        tally = look(next(folders(tmp_path / "data"))).tally
        assert resent <= victim.in_flight <= CONCURRENCY * victim.kills
        assert resent <= tally.resent and sum(count > 1 for count in sent.values()) <= tally.uncertain
        kills, number, in_flight = kills + victim.kills, number + 1, in_flight + victim.in_flight
    assert booked(tmp_path) == (200 * number, cost(tmp_path))
    print(f"{kills} kills in {number} jobs, {in_flight} lines on their way")


def test_remote_jobs_survive_sigkill(
    server: MoonshotServer, jobs: tuple[dict[str, str], random.Random], tmp_path: Path
) -> None:
    env, chance = jobs
    server.batches.stage_s = 0.05
    kills = number = 0
    while kills < KILLS:
        questions = write(tmp_path / f"in-{number}.jsonl", 90, job=number)
        server.heal()
        server.inject(
            Fault("reset", method="POST", path="/batches", accepted=True, skip=1),
            Fault("slow", path="/files", times=None, seconds=0.06),
            Fault("slow", path="/batches", times=None, seconds=0.06),
            Fault("slow", path="/content*", times=None, seconds=0.06),
        )
        victim = Victim(REMOTE, tmp_path, number, env, chance)
        victim.live(longest_s=0.9, spare=KILLS - kills)
        assert answered(victim.output) == [(f"q{place}", question) for place, question in enumerate(questions)]
        kills, number = kills + victim.kills, number + 1
    batches = [server.batches[id_] for id_ in server.batches.ids]
    marks = Counter(
        (batch.metadata["moongate_job"], batch.metadata["moongate_part"]) for batch in batches if batch.metadata
    )
    assert set(marks.values()) == {1} and len(batches) == 5 * number
    for folder in folders(tmp_path / "data"):
        assert len(list(results(folder))) == 90 and look(folder).tally.uncertain == 0
    assert booked(tmp_path) == (90 * number, cost(tmp_path))
    print(f"{kills} kills in {number} jobs")
