"""SIGHUP: a real process takes up another configuration, and no request notices."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from moongate.testing import Answer, MoonshotServer

ONE = """
[gateway.upstreams.main]
provider = "moonshot"
base_url = "{main}"
key_env = "MAIN_KEY"
"""
TWO = (
    ONE
    + """
[gateway.upstreams.spare]
provider = "moonshot"
base_url = "{spare}"
key_env = "SPARE_KEY"

[gateway.routes]
best = ["spare/kimi-k3"]
"""
)


@dataclass(kw_only=True)
class Process:
    """A gateway that runs, and its configuration file."""

    process: subprocess.Popen[str]
    client: httpx2.Client
    config: Path
    main: MoonshotServer
    spare: MoonshotServer

    def write(self, text: str) -> None:
        self.config.write_text(text.format(main=self.main.base_url, spare=self.spare.base_url))

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def models(self) -> set[str]:
        return {row["id"] for row in self.client.get("/models").raise_for_status().json()["data"]}

    def chat(self, model: str, text: str = "hello") -> httpx2.Response:
        body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 50}
        return self.client.post("/chat/completions", json=body)

    def until(self, models: set[str]) -> None:
        end = time.monotonic() + 20
        while self.models() != models:
            assert time.monotonic() < end, self.models()
            time.sleep(0.02)


@pytest.fixture
def gateway(run, env, tmp_path: Path) -> Iterator[Process]:
    assert run("accounts", "create", "me", "--balance", "10", env=env).returncode == 0
    secret = json.loads(run("keys", "create", "me", "--json", env=env).stdout)["key"]
    with MoonshotServer(models=["kimi-k2.6"]) as main, MoonshotServer(models=["kimi-k3"]) as spare:
        config = tmp_path / "gate.toml"
        config.write_text(ONE.format(main=main.base_url))
        process = subprocess.Popen(
            [sys.executable, "-m", "moongate", "serve", "--port", "0", "--json", "--config", str(config)],
            env=env | {"MAIN_KEY": main.key, "SPARE_KEY": spare.key},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        base_url = json.loads(process.stdout.readline())["base_url"]
        headers = {"authorization": f"Bearer {secret}"}
        with httpx2.Client(base_url=base_url, headers=headers, timeout=20, trust_env=False) as client:
            yield Process(process=process, client=client, config=config, main=main, spare=spare)
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


BOTH = {"kimi-k2.6", "main/kimi-k2.6", "kimi-k3", "spare/kimi-k3", "best"}


def test_upstreams_come_and_go_while_calls_go_on(gateway: Process) -> None:
    gateway.until({"kimi-k2.6"})
    gateway.main.replies = lambda request: Answer("word " * 40, pause_s=0.02)
    failed: list[object] = []
    ending = threading.Event()

    def calling() -> None:
        while not ending.is_set():
            try:
                got = gateway.chat("kimi-k2.6")
                if got.status_code != 200:
                    failed.append(got.text)
            except httpx2.HTTPError as error:
                failed.append(error)

    threads = [threading.Thread(target=calling) for _ in range(4)]
    for thread in threads:
        thread.start()
    body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    with gateway.client.stream("POST", "/chat/completions", json=body) as stream:
        pieces = stream.iter_bytes()
        seen = next(pieces)
        gateway.write(TWO)
        gateway.reload()
        gateway.until(BOTH)
        assert gateway.chat("best").headers["x-moongate-provider"] == "spare"
        gateway.write(ONE)
        gateway.reload()
        gateway.until({"kimi-k2.6"})
        seen += b"".join(pieces)
    ending.set()
    for thread in threads:
        thread.join()
    assert b"data: [DONE]" in seen
    assert failed == []


def test_a_faulty_configuration_changes_nothing_and_is_told(gateway: Process) -> None:
    gateway.until({"kimi-k2.6"})
    gateway.write(ONE + "rpm = 0\n")
    gateway.reload()
    gateway.write(ONE.replace("MAIN_KEY", "NOT_SET"))
    gateway.reload()
    assert gateway.chat("kimi-k2.6").status_code == 200
    gateway.write(TWO)
    gateway.reload()
    gateway.until(BOTH)
    gateway.process.terminate()
    _, said = gateway.process.communicate(timeout=30)
    assert "the configuration is not taken over" in said
    assert "gate.toml" in said
    assert gateway.process.returncode == 0
