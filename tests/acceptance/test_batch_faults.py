"""What befalls a batch command as users meet it: real processes and signals, exit codes, and sentences."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from moongate.testing import Fault, MoonshotServer

Run = Callable[..., subprocess.CompletedProcess[str]]
CHATS = "/chat/completions"
RUN = ("batch", "run", "in.jsonl", "-o", "out.jsonl")


@pytest.fixture
def folder(questions: Callable[[int], Path]) -> Path:
    """A working directory with a batch file of 60 lines."""
    return questions(60)


def names(path: Path) -> list[str]:
    return [json.loads(line)["custom_id"] for line in path.read_text("utf-8").splitlines()]


def test_money_that_runs_out_half_way_exits_with_3_and_a_top_up_sends_only_the_rest(
    run: Run, server: MoonshotServer, named: dict[str, str], folder: Path
) -> None:
    account = server.accounts.default
    account.voucher, account.cash = Decimal("0.0016"), Decimal(0)
    first = run(*RUN, "--concurrency", "4", env=named, cwd=folder)
    assert first.returncode == 3 and "stopped: " in first.stderr and "balance" in first.stderr
    done = int(first.stderr.split(" of 60 lines answered")[0].rsplit(maxsplit=1)[-1])
    assert 0 < done < 60
    account.voucher = Decimal(5)
    server.forget()
    again = run(*RUN, env=named, cwd=folder)
    assert again.returncode == 0 and server.count("POST", CHATS) == 60 - done
    assert names(folder / "out.jsonl") == [f"q{number}" for number in range(60)]


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_waits_and_twice_does_not(
    server: MoonshotServer, named: dict[str, str], folder: Path, run: Run, times: int
) -> None:
    server.inject(Fault("slow", path=CHATS, times=None, seconds=2.0 if times == 1 else 60.0))
    with subprocess.Popen(
        [sys.executable, "-m", "moongate", *RUN, "--concurrency", "2"],
        env=named,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        ends = time.monotonic() + 60
        while server.count("POST", CHATS) < 2:
            assert time.monotonic() < ends and process.poll() is None
            time.sleep(0.02)
        assert process.stderr is not None
        process.send_signal(signal.SIGINT)
        while "stopping" not in process.stderr.readline():
            assert process.poll() is None
        if times == 2:
            process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=50)
    assert process.returncode == 130 and "Traceback" not in said
    job = json.loads(run("batch", "list", "--json", env=named).stdout)["jobs"][0]
    told = (job["stopped"], job["in_flight"], job["completed"])
    assert told == (("interrupted", 0, 2) if times == 1 else ("interrupted", 2, 0))
    server.heal()
    again = run(*RUN, env=named, cwd=folder)
    assert again.returncode == 0 and len(names(folder / "out.jsonl")) == 60
    assert ("uncertain: of 2 lines" in again.stderr) == (times == 2)


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root needs setpriv to be refused")
def test_places_that_may_not_be_read_or_written(server: MoonshotServer, named: dict[str, str], folder: Path) -> None:
    plain = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")
    prefix = plain if os.geteuid() == 0 else ()

    def call(*arguments: str, **more: str) -> tuple[int, str]:
        ran = subprocess.run(
            [*prefix, sys.executable, "-m", "moongate", *arguments],
            env=named | more,
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert "Traceback" not in ran.stderr and "did not foresee" not in ran.stderr, ran.stderr
        return ran.returncode, ran.stderr

    closed = folder / "closed"
    closed.mkdir(mode=0o555)
    (folder / "secret.jsonl").touch(mode=0o000)
    code, said = call("batch", "run", "secret.jsonl", "-o", "out.jsonl")
    assert code == 2 and "not readable" in said
    code, said = call("batch", "run", "in.jsonl", "-o", "closed/out.jsonl")
    assert code == 2 and "cannot be written" in said
    code, said = call(*RUN, MOONGATE_DATA_DIR=str(closed / "data"))
    assert code == 2 and "MOONGATE_DATA_DIR" in said
    assert server.count("POST") == 0


@pytest.mark.parametrize(
    ("file", "data", "template", "says"),
    [
        ("bad.csv", "word,lang\nsun\n", "Say {word}.", "Line 2 has 1 cell; the header names 2 columns"),
        ("rows.csv", "word\nsun\n", "Say {wrod}.", "no column 'wrod'"),
        ("rows.csv", "word\nsun\n", "", "is a table"),
        ("empty.jsonl", "", "", "holds no request"),
        ("head.csv", "word\n", "Say {word}.", "holds no request"),
        (".", "", "", "is a directory"),
        ("none.jsonl", None, "", "No such file"),
    ],
)
def test_input_that_cannot_be_sent_is_exit_2_and_says_why(
    run: Run,
    server: MoonshotServer,
    named: dict[str, str],
    folder: Path,
    file: str,
    data: str | None,
    template: str,
    says: str,
) -> None:
    if data is not None and file != ".":
        (folder / file).write_text(data)
    flags = ("--template", template, "-m", "kimi-k2.6") if template else ()
    ran = run("batch", "run", file, "-o", "out.jsonl", *flags, env=named, cwd=folder)
    assert ran.returncode == 2 and says in ran.stderr and "Traceback" not in ran.stderr, ran.stderr
    assert server.count("POST") == 0 and not (folder / "out.jsonl").exists()
