"""The promises of the guard, held by processes: what is refused, what is sent, how often the list is asked for."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest

from moongate.testing import Fault

WRONG = {
    "moonshotai/kimi-k2.6": "OpenRouter",
    "kimi-k2-6": "AIMLAPI",
    "Kimi-K2.6": "case",
    "kimi-k2.6-thinking": "no such id",
    "kimi-k2-0711-preview": "2026-05-25",
}


@pytest.mark.parametrize(("name", "said"), WRONG.items())
def test_a_wrong_id_never_leaves(run, named, server, name, said) -> None:
    ran = run("chat", "hi", "-m", name, env=named)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "kimi-k2.6" in ran.stderr
    assert said in ran.stderr
    assert all(request.method == "GET" for request in server.requests)


def test_the_right_id_leaves_once(run, named, server) -> None:
    ran = run("chat", "hi", "-m", "kimi-k2.6", env=named)
    assert (ran.returncode, ran.stdout) == (0, "hi\n")
    assert server.count("POST", "/v1/chat/completions") == 1


def test_wrong_ids_in_many_processes_cost_one_list(run, named, server) -> None:
    for _ in range(5):
        assert run("chat", "hi", "-m", "kimi-k9", env=named).returncode == 1
    assert server.count("GET", "/v1/models") == 1


def test_processes_that_start_together_fetch_one_list(named, server) -> None:
    server.inject(Fault("slow", path="/models", seconds=0.5))
    command = [sys.executable, "-m", "moongate", "models"]
    started = [subprocess.Popen(command, env=named, stdout=subprocess.DEVNULL) for _ in range(6)]
    assert [process.wait(timeout=60) for process in started] == [0] * 6
    assert server.count("GET", "/v1/models") == 1


def test_a_full_disk_costs_a_warning_not_the_call(run, named, server) -> None:
    ran = run("chat", "hi", env=named, largest_file=0)
    assert (ran.returncode, ran.stdout) == (0, "hi\n")
    assert "cannot be written" in ran.stderr


def test_a_reset_in_the_middle_of_a_stream(run, named, server) -> None:
    server.inject(Fault("reset", path="/chat/completions", at="middle"))
    ran = run("chat", "hello there", "--stream", env=named)
    assert ran.returncode == 4
    assert "broke off" in ran.stderr
    assert server.count("POST", "/v1/chat/completions") == 1  # it may have been charged: not sent again


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_ctrl_c_ends_with_130(named, server, flags) -> None:
    server.inject(Fault("stall", path="/chat/completions"))
    process = subprocess.Popen(
        [sys.executable, "-m", "moongate", "chat", "hi", *flags],
        env=named,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not server.count("POST", "/v1/chat/completions") and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert not flags or json.loads(out)["error"]["kind"] == "interrupted"
    assert "Traceback" not in err
