"""`serve --workers 2` as a user runs it: the numbers of both, signals under load, and the heir of one that died."""

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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from moongate.testing import Answer, MoonshotServer

BODY = json.dumps({"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 20})
ROUTES = "\n[gateway.routes]\nbest = ['main/kimi-k2.6']\n"


@dataclass
class Gateway:
    """A gateway with two workers, its configuration file, an ordinary key and the admin key."""

    process: subprocess.Popen[str]
    base_url: str
    config: Path
    admin_key: str
    key: str = ""

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.base_url).netloc, timeout=20)

    def ask(self, path: str, key: str = "") -> tuple[int, str]:
        """Ask over a connection of its own: by chance one worker answers or the other."""
        with contextlib.closing(self.connect()) as connection:
            connection.request("GET", path, headers={"authorization": f"Bearer {key or self.key}"})
            response = connection.getresponse()
            return response.status, response.read().decode()

    def chat(self, connection: http.client.HTTPConnection | None = None) -> tuple[http.client.HTTPResponse, str]:
        if connection is None:
            with contextlib.closing(self.connect()) as connection:
                return self.chat(connection)
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", BODY, headers)
        response = connection.getresponse()
        return response, response.read().decode()

    def models(self) -> set[str]:
        return {row["id"] for row in json.loads(self.ask("/v1/models")[1])["data"]}

    def numbers(self) -> dict[tuple[str, ...], float]:
        """Return every number of /metrics, by its name and labels."""
        status, page = self.ask("/metrics", self.admin_key)
        assert status == 200
        families = text_string_to_metric_families(page)
        return {(s.name, *map(str, sorted(s.labels.items()))): s.value for each in families for s in each.samples}

    def calls(self) -> float:
        return sum(value for (name, *_), value in self.numbers().items() if name == "moongate_calls_total")

    def workers(self) -> set[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in path.read_text().split()}

    def kill_one(self) -> None:
        """Kill a worker, and wait until another one has its place."""
        before = self.workers()
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: len(self.workers() - {victim}) == 2)


def eventually(check: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not check():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def gateway(run, named, server: MoonshotServer, tmp_path: Path) -> Iterator[Gateway]:
    config = tmp_path / "gate.toml"
    config.write_text(f"[gateway.upstreams.main]\nprovider = 'moonshot'\nbase_url = '{server.base_url}'\n")
    command = [sys.executable, "-m", "moongate", "serve", "--port", "0", "--json", "--workers", "2"]
    with subprocess.Popen(
        [*command, "--config", str(config)], env=named, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            found = Gateway(process, told["base_url"], config, told["admin_key"])
            run("accounts", "create", "me", "--balance", "10", env=named)
            found.key = json.loads(run("keys", "create", "me", "--json", env=named).stdout)["key"]
            eventually(lambda: len(found.workers()) == 2)
            yield found
        finally:
            process.terminate()
            process.communicate()


@dataclass
class Load:
    """Clients that keep their connections and call one after the other, until the gateway says that it closes."""

    gateway: Gateway
    clients: int = 16
    answers: queue.Queue[str] = field(default_factory=queue.Queue)  # "ok", or what it was
    broken: queue.Queue[str] = field(default_factory=queue.Queue)
    _ending: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._client) for _ in range(self.clients)]
        for thread in self._threads:
            thread.start()
        eventually(lambda: self.answers.qsize() > 5 * self.clients)
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def _client(self) -> None:
        connection = self.gateway.connect()
        try:
            connection.connect()
            while not self._ending.is_set():
                response, body = self.gateway.chat(connection)
                self.answers.put("ok" if response.status == 200 else body)
                if response.getheader("connection") == "close":
                    return
        except (OSError, http.client.HTTPException) as error:
            self.broken.put(repr(error))
        finally:
            connection.close()


def test_numbers_of_all_workers_are_told_and_never_fall(gateway: Gateway) -> None:
    for _ in range(30):
        assert gateway.chat()[0].status == 200
    eventually(lambda: gateway.calls() == 30)
    assert {gateway.calls() for _ in range(10)} == {30}  # whichever answers
    before = gateway.numbers()
    gateway.kill_one()
    for _ in range(20):
        assert gateway.chat()[0].status == 200
        now = gateway.numbers()
        fallen = {
            key: (before[key], now.get(key)) for key in before if _counts(key) and now.get(key, 0) < before[key]
        }
        assert fallen == {}
        before = now
    eventually(lambda: gateway.calls() == 50)
    eventually(lambda: gateway.numbers()[("moongate_workers",)] == 2)


def _counts(key: tuple[str, ...]) -> bool:
    return key[0].endswith(("_total", "_bucket", "_sum", "_count"))


def test_it_is_ready_while_a_worker_is_replaced(gateway: Gateway) -> None:
    eventually(lambda: gateway.ask("/health/ready")[0] == 200)
    seen: list[int] = []
    ending = threading.Event()

    def ask() -> None:
        while not ending.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):  # what the dead one had taken
                seen.append(gateway.ask("/health/ready")[0])

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    gateway.kill_one()
    eventually(lambda: gateway.numbers()[("moongate_workers",)] == 2)
    ending.set()
    for thread in asking:
        thread.join()
    assert set(seen) == {200}


def test_what_was_asked_is_answered_before_the_workers_end(gateway: Gateway, server: MoonshotServer) -> None:
    server.replies = lambda request: Answer("hello", delay_s=0.05)
    with Load(gateway) as load:
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(20) == 0
    assert set(load.answers.queue) == {"ok"}
    assert load.answers.qsize() == server.count("POST", "/chat/completions")


def test_workers_share_the_limits_of_an_upstream(gateway: Gateway, server: MoonshotServer) -> None:
    gateway.config.write_text(gateway.config.read_text() + "concurrency = 3\n" + ROUTES)
    gateway.process.send_signal(signal.SIGHUP)
    eventually(lambda: all("best" in gateway.models() for _ in range(16)))
    server.replies = lambda request: Answer("hello", delay_s=60)
    headers = {"authorization": f"Bearer {gateway.key}", "content-type": "application/json"}
    with contextlib.ExitStack() as stack:
        for number in range(3):
            connection = stack.enter_context(contextlib.closing(gateway.connect()))
            connection.request("POST", "/v1/chat/completions", BODY, headers)
            eventually(lambda: server.count("POST", "/chat/completions") > number)  # noqa: B023 - called at once
        assert {gateway.chat()[0].status for _ in range(10)} == {429}  # whichever worker answers
        server.replies = "echo"
        before = gateway.workers()
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        eventually(lambda: len(gateway.workers() - before) == 2)
        assert gateway.chat()[0].status == 200  # what the dead ones had under way is nobody's


def test_a_reload_reaches_both_workers_and_drops_nothing(gateway: Gateway) -> None:
    with Load(gateway) as load:
        gateway.config.write_text(gateway.config.read_text() + ROUTES)
        gateway.process.send_signal(signal.SIGHUP)
        eventually(lambda: all("best" in gateway.models() for _ in range(8)))
        assert list(load.broken.queue) == []
        gateway.kill_one()  # its heir goes by the new one, too
        assert all("best" in gateway.models() for _ in range(16))
    assert set(load.answers.queue) == {"ok"}
