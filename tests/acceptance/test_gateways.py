"""A hundred clients that try again, and money for exactly so many calls: of two workers, and of two gateways.

Two gateways over one data folder share what two workers of one gateway do, and nothing more.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from moongate.testing import MoonshotServer

CLIENTS, CALLS = 100, 120
PRICED = [
    {
        "id": "kimi-k2.6",
        "context_length": 262144,
        "pricing": {"prompt": "0.00000095", "completion": "0.000004", "currency": "USD"},
    }
]
BODY = json.dumps({"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 300})


@pytest.fixture
def server() -> Iterator[MoonshotServer]:
    """A server that lists one model, with its price."""
    with MoonshotServer(models=PRICED) as server:
        yield server


@contextlib.contextmanager
def gateway(env, workers: int = 1) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a gateway, and yield its process and its address."""
    command = [sys.executable, "-m", "moongate", "serve", "--port", "0", "--json", "--workers", str(workers)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["base_url"]
        finally:
            process.terminate()


@dataclass
class Crowd:
    """Clients that ask until they are told for good that there is no more money."""

    addresses: list[str]
    secret: str
    answered: queue.Queue[str] = field(default_factory=queue.Queue)
    final: queue.Queue[str] = field(default_factory=queue.Queue)
    other: queue.Queue[str] = field(default_factory=queue.Queue)

    def __enter__(self) -> Crowd:
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(timeout=60)

    def _client(self, number: int) -> None:
        end = time.monotonic() + 45
        while time.monotonic() < end:
            address = urlsplit(self.addresses[number % len(self.addresses)]).netloc
            try:
                if self._asked(http.client.HTTPConnection(address, timeout=20)):
                    return
            except (OSError, http.client.HTTPException):
                number += 1  # the one it spoke to is gone: to the next
        self.other.put("it never ended")

    def _asked(self, connection: http.client.HTTPConnection) -> bool:
        with contextlib.closing(connection):
            while True:
                headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
                connection.request("POST", "/v1/chat/completions", BODY, headers)
                response = connection.getresponse()
                body, retry = response.read(), response.getheader("retry-after")
                if response.status == 200:
                    self.answered.put(response.getheader("msh-request-id") or "")
                elif response.status != 429:
                    self.other.put(body.decode())
                elif retry is None:
                    self.final.put(json.loads(body)["error"]["type"])
                    return True
                else:
                    time.sleep(0.05)  # sooner than asked, so that more of them ask at once


def ledger(run, env) -> list[str]:
    calls = json.loads(run("usage", "--gateway", "--calls", "--json", env=env).stdout)["calls"]
    assert len({call["request_id"] for call in calls}) == len(calls)
    return [call["request_id"] for call in calls if call["outcome"] == "ok" and call["key"] == 2]


def secret_with_money_for(calls: int, run, env, address: str) -> str:
    """Make an account with the money for so many calls, after trying what one costs."""
    run("accounts", "create", "probe", "--balance", "1", env=env)
    secret = json.loads(run("keys", "create", "probe", "--json", env=env).stdout)["key"]
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    with contextlib.closing(connection):
        connection.request("POST", "/v1/chat/completions", BODY, headers)
        assert connection.getresponse().read()
    end = time.monotonic() + 10
    cost = 0
    while not cost and time.monotonic() < end:
        (account,) = json.loads(run("accounts", "list", "--json", env=env).stdout)["accounts"]
        cost = 10**9 - round(float(account["balance"]) * 10**9)
    assert cost
    total = calls * cost
    run("accounts", "create", "crowd", "--balance", f"{total // 10**9}.{total % 10**9:09d}", env=env)
    made: str = json.loads(run("keys", "create", "crowd", "--json", env=env).stdout)["key"]
    return made


def workers_of(process: subprocess.Popen[str], *, but: Collection[int] = ()) -> list[int]:
    """Return the process ids of two workers, once there are two."""
    path, end = Path(f"/proc/{process.pid}/task/{process.pid}/children"), time.monotonic() + 20
    while len(found := [int(pid) for pid in path.read_text().split() if int(pid) not in but]) != 2:
        assert time.monotonic() < end, "there are no two workers"
        time.sleep(0.01)
    return found


def balances(run, env) -> dict[str, str]:
    accounts = json.loads(run("accounts", "list", "--json", env=env).stdout)["accounts"]
    return {account["name"]: account["balance"] for account in accounts}


def check_exact(crowd: Crowd, run, env) -> None:
    """Every call that there was money for was answered, once, and is in the ledger."""
    answered = list(crowd.answered.queue)
    assert list(crowd.other.queue) == []
    assert list(crowd.final.queue) == ["exceeded_current_quota_error"] * CLIENTS
    assert len(answered) == len(set(answered)) == CALLS
    assert set(ledger(run, env)) == set(answered)
    assert balances(run, env)["crowd"] == "0"


def check_exact_after_a_kill(crowd: Crowd, run, env) -> None:
    """What was answered is in the ledger; what was settled when the kill came, and not answered, is too."""
    answered = set(crowd.answered.queue)
    assert list(crowd.other.queue) == []
    assert crowd.final.qsize() == CLIENTS
    booked = set(ledger(run, env))
    assert answered <= booked
    assert len(booked) == CALLS
    assert balances(run, env)["crowd"] == "0"


def test_money_for_n_calls_gives_n_answers_of_two_workers(run, env, named) -> None:
    with gateway(named, workers=2) as (_, address):
        secret = secret_with_money_for(CALLS, run, env, address)
        with Crowd([address], secret) as crowd:
            pass
        check_exact(crowd, run, env)


def test_a_killed_worker_loses_no_answered_call_and_keeps_no_money(run, env, named) -> None:
    with gateway(named, workers=2) as (parent, address):
        secret = secret_with_money_for(CALLS, run, env, address)
        victim, other = workers_of(parent)
        with Crowd([address], secret) as crowd:
            while crowd.answered.qsize() < CALLS // 5:
                time.sleep(0.01)
            os.kill(victim, signal.SIGKILL)
        check_exact_after_a_kill(crowd, run, env)
        assert other in workers_of(parent, but=[victim])


def test_money_for_n_calls_gives_n_answers_of_two_gateways(run, env, named) -> None:
    with gateway(named) as (_, first), gateway(named) as (_, second):
        secret = secret_with_money_for(CALLS, run, env, first)
        with Crowd([first, second], secret) as crowd:
            pass
    check_exact(crowd, run, env)


def test_a_killed_gateway_loses_no_answered_call_and_keeps_no_money(run, env, named) -> None:
    with gateway(named) as (victim, first), gateway(named) as (_, second):
        secret = secret_with_money_for(CALLS, run, env, second)
        with Crowd([first, second], secret) as crowd:
            while crowd.answered.qsize() < CALLS // 5:
                time.sleep(0.01)
            victim.kill()
    check_exact_after_a_kill(crowd, run, env)
