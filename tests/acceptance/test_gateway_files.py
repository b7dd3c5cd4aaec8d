"""Files at upstreams over `serve --workers 2`: two tenants, two upstreams, a reload, a kill amid an upload.

Every request has a connection of its own, which either worker may have.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from moongate.testing import Fault, MoonshotServer

CHAT, FILES = "/v1/chat/completions", "/v1/files"
OFTEN = 8  # connections: that all of them have the same worker is improbable, and would do no harm
CONFIG = """
[gateway.upstreams.one]
provider = "moonshot"
base_url = "{one}"
key_env = "ONE_KEY"

[gateway.upstreams.two]
provider = "moonshot"
base_url = "{two}"
key_env = "TWO_KEY"

[gateway.routes]
best = ["one/kimi-k2.6", "two/kimi-k2.6"]
"""


def eventually(check: Callable[[], object], within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@dataclass
class Gateway:
    """A gateway with two workers, and what it says on stderr."""

    process: subprocess.Popen[str]
    base_url: str
    said: list[str] = field(default_factory=list)

    def ask(self, key: str, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {key}"} | more.pop("headers", {})
        with httpx2.Client(headers=headers, timeout=30, trust_env=False, verify=False) as client:  # no TLS here
            return client.request(method, self.base_url + path, **more)

    def upload(self, key: str, to: str) -> httpx2.Response:
        file = {"file": ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(64))}
        headers = {"x-moongate-provider": to}
        return self.ask(key, "POST", "/files", files=file, data={"purpose": "image"}, headers=headers)

    def chat(self, key: str, *ids: str, model: str = "best") -> httpx2.Response:
        parts = [{"type": "image_url", "image_url": {"url": f"ms://{id_}"}} for id_ in ids]
        body = {"model": model, "messages": [{"role": "user", "content": parts}], "max_tokens": 20}
        return self.ask(key, "POST", "/chat/completions", json=body)

    def workers(self) -> set[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in path.read_text().split()}


@dataclass
class World:
    """Two upstreams, a configuration, two tenants' keys, and gateways over one data folder."""

    one: MoonshotServer
    two: MoonshotServer
    config: Path
    env: dict[str, str]
    ada: str
    eve: str

    def write(self, *, one: MoonshotServer | None = None) -> None:
        self.config.write_text(CONFIG.format(one=(one or self.one).base_url, two=self.two.base_url))

    @contextmanager
    def gateway(self) -> Iterator[Gateway]:
        command = [sys.executable, "-m", "moongate", "serve", "--port", "0", "--json", "--workers", "2"]
        with subprocess.Popen(
            [*command, "--config", str(self.config)],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            found = Gateway(process, json.loads(process.stdout.readline())["base_url"])
            reader = threading.Thread(target=_read, args=(process.stderr, found.said))
            reader.start()
            try:
                eventually(lambda: len(found.workers()) == 2)
                yield found
            finally:
                process.terminate()
                process.wait()
                reader.join()

    def database(self) -> sqlite3.Connection:
        return sqlite3.connect(Path(self.env["MOONGATE_DATA_DIR"]) / "tenants" / "tenants.sqlite3")


def ids_at(server: MoonshotServer) -> list[str]:
    return [file.id for file in server.files.of(server.accounts.default)]


def urls(server: MoonshotServer) -> list[str]:
    """What the chats that an upstream saw refer to."""
    asked = (request.json() for request in server.requests if request.path == CHAT)
    return [part["image_url"]["url"] for body in asked for part in body["messages"][0]["content"]]


@pytest.fixture
def world(run, env, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        one, two = (stack.enter_context(MoonshotServer(models=["kimi-k2.6"])) for _ in range(2))
        env = env | {"MOONGATE_DATA_DIR": str(tmp_path / "data"), "ONE_KEY": one.key, "TWO_KEY": two.key}
        keys = []
        for name in ("ada", "eve"):
            assert run("accounts", "create", name, "--balance", "10", env=env).returncode == 0
            keys.append(json.loads(run("keys", "create", name, "--json", env=env).stdout)["key"])
        found = World(one, two, tmp_path / "gate.toml", env, *keys)
        found.write()
        yield found


def test_each_tenants_files_are_its_own_in_every_worker_and_at_every_upstream(world: World) -> None:
    with world.gateway() as gateway:
        hers = {name: gateway.upload(world.ada, name).raise_for_status().json()["id"] for name in ("one", "two")}
        others = gateway.upload(world.eve, "one").raise_for_status().json()["id"]
        (first, _), (second,) = ids_at(world.one), ids_at(world.two)
        for _ in range(OFTEN):
            for name, id_ in hers.items():
                got = gateway.chat(world.ada, id_)
                assert (got.status_code, got.headers["x-moongate-provider"]) == (200, name)
                assert gateway.chat(world.eve, id_).status_code == 404
                assert gateway.ask(world.eve, "GET", f"/files/{id_}/content").status_code == 404
            for raw in (first, second):  # an upstream's own, wherever it was learned
                assert gateway.chat(world.ada, raw).status_code == 404
                assert gateway.chat(world.eve, raw).status_code == 404
            assert gateway.chat(world.ada, *hers.values()).status_code == 400
            assert [file["id"] for file in gateway.ask(world.eve, "GET", "/files").json()["data"]] == [others]
        assert (urls(world.one), urls(world.two)) == ([f"ms://{first}"] * OFTEN, [f"ms://{second}"] * OFTEN)
        assert gateway.ask(world.ada, "DELETE", f"/files/{hers['one']}").status_code == 200
        for _ in range(OFTEN):
            assert gateway.chat(world.ada, hers["one"]).status_code == 404
        assert len(ids_at(world.one)) == 1


def test_a_name_that_leads_to_another_host_takes_no_file_along(world: World) -> None:
    with world.gateway() as gateway, MoonshotServer(models=["kimi-k2.6"]) as stranger:
        id_ = gateway.upload(world.ada, "one").raise_for_status().json()["id"]
        (theirs,) = ids_at(world.one)
        stranger.accounts.default.keys.append(world.one.key)  # only the address is another one

        def all_say(status: int, text: str) -> bool:
            answers = [gateway.chat(world.ada, id_) for _ in range(OFTEN)]
            return all(answer.status_code == status and text in answer.text for answer in answers)

        world.write(one=stranger)
        gateway.process.send_signal(signal.SIGHUP)
        eventually(lambda: all_say(503, "that name leads to another address now"))
        world.write()
        gateway.process.send_signal(signal.SIGHUP)
        eventually(lambda: all_say(200, "chat.completion"))
        assert not any(theirs.encode() in request.body or theirs in request.path for request in stranger.requests)


def test_an_upload_that_a_kill_cut_off_is_deleted_where_it_went(world: World) -> None:
    world.one.inject(Fault("stall", method="POST", path=FILES, accepted=True))
    with world.gateway() as gateway:
        waiting = threading.Thread(target=lambda: _cut_off(gateway, world.ada))
        waiting.start()
        eventually(lambda: ids_at(world.one))
        os.killpg(gateway.process.pid, signal.SIGKILL)
        waiting.join(timeout=30)
        assert not waiting.is_alive()
    world.one.heal()
    with closing(world.database()) as database, database:
        ((id_,),) = database.execute("SELECT id FROM uploads").fetchall()
        assert database.execute("SELECT count(*) FROM files").fetchone() == (0,)
        database.execute("UPDATE uploads SET begun_at = begun_at - 3600")
    with world.gateway() as gateway:
        eventually(lambda: not ids_at(world.one))
        eventually(lambda: any("it was there, and is deleted" in line for line in gateway.said))
        (line,) = (line for line in gateway.said if "did not come to its end" in line)
        assert f"{id_}-*, 72 bytes, image" in line
        assert gateway.ask(world.ada, "GET", "/files").json()["data"] == []
    with closing(world.database()) as database:
        assert database.execute("SELECT count(*) FROM uploads").fetchone() == (0,)


def _cut_off(gateway: Gateway, key: str) -> None:
    with suppress(httpx2.HTTPError):
        gateway.upload(key, "one")


def _read(lines: Iterable[str], into: list[str]) -> None:
    for line in lines:
        into.append(line)  # noqa: PERF402 - each is there at once
