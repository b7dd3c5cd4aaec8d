"""Files and batches over `serve --workers 2`: both workers see the same, one carries a batch, another inherits it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest

from moongate.testing import Fault, MoonshotServer

CHAT = "/v1/chat/completions"
LINES = 150
RESENT = 32  # lines of one batch that are under way at once

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what a process has open stands in /proc")


def eventually(check: Callable[[], object], within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@dataclass
class Gateway:
    """A gateway with two workers, and where its accounts' batches are worked on."""

    process: subprocess.Popen[str]
    base_url: str
    jobs: Path
    key: str = ""

    def asked_anew(self) -> openai.OpenAI:
        """Return a client with a connection of its own, which either worker may have."""
        return openai.OpenAI(base_url=self.base_url, api_key=self.key, max_retries=0)

    def workers(self) -> set[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in path.read_text().split()}

    def carriers(self, batch: str) -> set[int]:
        """Return the workers that have a batch's journal open."""
        journal = str(self.jobs / batch / "journal.sqlite3")
        found = set()
        for pid in self.workers():
            with contextlib.suppress(FileNotFoundError, PermissionError):  # it has ended meanwhile
                found |= {pid} if journal in _open_files(pid) else set()
        return found


def _open_files(pid: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            found.add(str(link.readlink()))
    return found


@pytest.fixture
def gateway(run, named, server: MoonshotServer, tmp_path: Path) -> Iterator[Gateway]:
    env = named | {"MOONGATE_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "moongate", "serve", "--port", "0", "--json", "--workers", "2"]
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            found = Gateway(process, told["base_url"], tmp_path / "data" / "tenants" / "jobs")
            assert run("accounts", "create", "me", "--balance", "10", env=env).returncode == 0
            found.key = json.loads(run("keys", "create", "me", "--json", env=env).stdout)["key"]
            eventually(lambda: len(found.workers()) == 2)
            yield found
        finally:
            process.terminate()
            process.communicate()


def lines() -> bytes:
    made = (
        {
            "custom_id": f"n-{number}",
            "method": "POST",
            "url": CHAT,
            "body": {
                "model": "kimi-k2.6",
                "messages": [{"role": "user", "content": f"line {number}"}],
                "max_tokens": 20,
            },
        }
        for number in range(LINES)
    )
    return b"".join(json.dumps(line).encode() + b"\n" for line in made)


def sent(server: MoonshotServer) -> Counter[str]:
    """How often each line reached the upstream."""
    return Counter(request.json()["messages"][0]["content"] for request in server.requests if request.path == CHAT)


def test_a_file_is_there_for_every_worker_at_once_and_gone_for_every_one(gateway: Gateway) -> None:
    for purpose in ("batch", "file-extract"):  # the one lies here, the other at the upstream
        with gateway.asked_anew() as sdk:
            id_ = sdk.files.create(file=("a.jsonl", b"{}\n"), purpose=purpose).id  # type: ignore[arg-type]
        for _ in range(12):
            with gateway.asked_anew() as sdk:
                assert sdk.files.retrieve(id_).filename == "a.jsonl"
                assert sdk.files.content(id_).text == "{}\n"
                assert [file.id for file in sdk.files.list()] == [id_]
        with gateway.asked_anew() as sdk:
            assert sdk.files.delete(id_).deleted
        for _ in range(12):
            with gateway.asked_anew() as sdk, pytest.raises(openai.NotFoundError):
                sdk.files.retrieve(id_)


def test_one_worker_carries_a_batch_and_another_goes_on_when_that_one_is_killed(gateway: Gateway, server) -> None:
    server.inject(Fault("stall", path=CHAT, times=None, skip=LINES // 5))  # so that it does not end before the kill
    with gateway.asked_anew() as sdk:
        file = sdk.files.create(file=("in.jsonl", lines()), purpose="batch")
        batch = sdk.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h").id
    eventually(lambda: len(sent(server)) > LINES // 5)
    assert max(sent(server).values()) == 1  # nobody else sends its lines
    (victim,) = gateway.carriers(batch)
    server.heal()  # what waits already waits on
    os.kill(victim, signal.SIGKILL)

    def ended() -> bool:
        with gateway.asked_anew() as sdk:
            return sdk.batches.retrieve(batch).status == "completed"

    eventually(ended)
    for _ in range(6):
        with gateway.asked_anew() as sdk:
            shown = sdk.batches.retrieve(batch)
            counts, output = shown.request_counts, shown.output_file_id
            assert counts is not None
            assert output is not None
            assert (counts.total, counts.completed, counts.failed) == (LINES, LINES, 0)
            results = [json.loads(line) for line in sdk.files.content(output).text.splitlines()]
            assert [result["custom_id"] for result in results] == [f"n-{number}" for number in range(LINES)]
    seen = sent(server)
    assert len(seen) == LINES
    assert max(seen.values()) <= 2
    assert seen.total() <= LINES + RESENT
