"""A gateway whose disk is full for a while: a real process, none of whose files may grow."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from moongate.testing import MoonshotServer

if sys.platform != "linux":
    pytest.skip("the limit of a process that runs is set by Linux alone", allow_module_level=True)

NONE_LEFT, NO_LIMIT = 1, resource.RLIM_INFINITY  # bytes of a file
CONFIG = """
[gateway]
on_disk_full = "{on_full}"

[prices.moonshot."kimi-k2.6"]
input = "1"
output = "1"

[gateway.upstreams.main]
provider = "moonshot"
base_url = "{base_url}"
key_env = "MAIN_KEY"
"""


@dataclass(kw_only=True)
class Gateway:
    """A gateway that runs, and what it says on stderr."""

    process: subprocess.Popen[str]
    client: httpx2.Client
    server: MoonshotServer
    admin_key: str
    told: list[str]

    @property
    def made(self) -> int:
        """How many calls the upstream took, and so has charged."""
        return self.server.count("POST", "/v1/chat/completions")

    def disk(self, largest_file: int) -> None:
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))

    def chat(self, text: str = "hello") -> httpx2.Response:
        body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": text}], "max_tokens": 20}
        return self.client.post("/v1/chat/completions", json=body)

    def admin(self, method: str, path: str, body: object = None) -> httpx2.Response:
        return self.client.request(method, path, json=body, headers={"authorization": f"Bearer {self.admin_key}"})

    def until(self, check: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not check():
            assert time.monotonic() < end, self.told
            time.sleep(0.02)

    def fill(self) -> None:
        """Have the disk full, and call until it shows."""
        self.disk(NONE_LEFT)
        self.until(lambda: self.chat().status_code > 0 and self.client.get("/health/ready").json()["status"] != "ok")


@pytest.fixture
def started(run, env, tmp_path: Path) -> Iterator[Callable[[str], Gateway]]:
    """What starts a gateway; it is ended after the test."""
    assert run("accounts", "create", "me", "--balance", "10", env=env).returncode == 0
    secret = json.loads(run("keys", "create", "me", "--json", env=env).stdout)["key"]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(MoonshotServer(models=["kimi-k2.6"]))

        def start(on_full: str) -> Gateway:
            config = tmp_path / "gate.toml"
            config.write_text(CONFIG.format(on_full=on_full, base_url=server.base_url))
            return stack.enter_context(_running(config, env, server, secret))

        yield start


@contextlib.contextmanager
def _running(config: Path, env: dict[str, str], server: MoonshotServer, secret: str) -> Iterator[Gateway]:
    process = subprocess.Popen(
        [sys.executable, "-m", "moongate", "serve", "--port", "0", "--json", "--config", str(config)],
        env=env | {"MAIN_KEY": server.key},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    told: list[str] = []
    reader = threading.Thread(target=lambda: told.extend(process.stderr or ()))
    reader.start()
    try:
        ready = json.loads(process.stdout.readline())
        base_url, headers = ready["base_url"].removesuffix("/v1"), {"authorization": f"Bearer {secret}"}
        with httpx2.Client(base_url=base_url, headers=headers, trust_env=False) as client:
            gateway = Gateway(process=process, client=client, server=server, admin_key=ready["admin_key"], told=told)
            gateway.until(lambda: client.get("/health/ready").status_code == 200)
            yield gateway
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()
        process.stderr.close()


def booked(run, env) -> int:
    rows = json.loads(run("usage", "--gateway", "--json", env=env).stdout)["usage"]
    return sum(row["calls"] for row in rows)


def test_calls_are_refused_and_let_in_again_and_no_call_that_was_made_is_lost(started, run, env) -> None:
    gateway = started("refuse")
    assert [gateway.chat().status_code for _ in range(5)] == [200] * 5
    gateway.fill()
    assert gateway.client.get("/health/ready").json() == {"status": "the disk is full: calls are refused"}
    made = gateway.made
    for _ in range(40):
        refused = gateway.chat()
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage")
    assert gateway.made == made
    key = gateway.admin("POST", "/admin/keys", {"account": "me"})
    assert (key.status_code, key.json()["error"]["code"]) == (503, "storage")  # the request is not to blame
    assert gateway.chat("x" * 2_000_000).json()["error"]["code"] == "no_room"
    upload = gateway.client.post("/v1/files", data={"purpose": "batch"}, files={"file": b"{}\n" * 30_000})
    assert (upload.status_code, upload.json()["error"]["code"]) == (503, "storage")
    gateway.disk(NO_LIMIT)
    gateway.until(lambda: gateway.client.get("/health/ready").json()["status"] == "ok")
    assert [gateway.chat().status_code for _ in range(5)] == [200] * 5
    assert gateway.admin("POST", "/admin/keys", {"account": "me"}).status_code == 201
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(20) == 0
    assert booked(run, env) == gateway.made
    said = [line for line in gateway.told if "cannot be written" in line or "DOES NOT TAKE" in line]
    assert any("calls are refused until it does" in line for line in said)
    assert len(said) < 20, said  # and not a line for each call


def test_what_waits_in_memory_when_the_gateway_ends_is_told_as_lost(started, run, env) -> None:
    gateway = started("go_on")
    assert gateway.chat().status_code == 200
    gateway.fill()
    made = gateway.made
    assert [gateway.chat().status_code for _ in range(20)] == [200] * 20
    assert gateway.made == made + 20
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(20) != 0
    gateway.until(lambda: any("SETTLED CALLS ARE LOST" in line for line in gateway.told))
