"""Several workers on one port: real processes, real signals."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moongate.errors import ConfigError
from moongate.facts.money import Money
from moongate.gateway import serve
from moongate.gateway.desk import Desk
from moongate.settings.load import Flags, load
from moongate.testing import Answer, MoonshotServer

SCRIPT = """
import logging, os, sys
from moongate.gateway import config, serve
from moongate.settings.load import Flags

logging.basicConfig(level="WARNING")
flags = Flags(config=os.environ["CONFIG"], provider="moonshot")
ready = lambda place, admin_key: print(place.base_url, flush=True)
sys.exit(serve.run(config.read(flags), port=0, workers=2, ready=ready, reread=lambda: config.read(flags)))
"""


@pytest.fixture
def upstream(kit: Any) -> Iterator[MoonshotServer]:
    with MoonshotServer(models=kit.priced) as server:
        yield server


@pytest.fixture
def desk(empty_home: Path) -> Iterator[Desk]:
    with Desk(empty_home / "data" / "gateway.sqlite3") as opened:
        yield opened


def said(table: Path) -> Path:
    """Where a gateway's stderr goes."""
    return table.with_name("said")


@contextlib.contextmanager
def gateway(upstream: MoonshotServer, table: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    more = {"MOONSHOT_BASE_URL": upstream.base_url, "MOONSHOT_API_KEY": upstream.key, "CONFIG": str(table)}
    with (
        said(table).open("w") as log,
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            env=dict(os.environ) | more,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as started,
    ):
        try:
            assert started.stdout is not None
            yield started, started.stdout.readline().strip()
        finally:
            started.kill()


def children(process: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_workers_share_a_port_die_come_back_and_end(
    kit: Any, desk: Desk, upstream: MoonshotServer, tmp_path: Path
) -> None:
    table = tmp_path / "config.toml"
    table.write_text("[gateway]\n")
    desk.create_account("ada", Money.of(10, "USD"))
    secret = desk.create_key("ada")[1]
    with gateway(upstream, table) as (process, base_url):
        client = kit.caller(serve.Running(base_url=base_url, has_keys=True, desk=desk, _worker=None), secret)  # type: ignore[arg-type]
        kit.eventually(lambda: len(children(process.pid)) == 2)
        first = children(process.pid)
        assert [client.chat().status for _ in range(20)] == [200] * 20
        os.kill(first[0], signal.SIGKILL)
        kit.eventually(lambda: len(set(children(process.pid)) - {first[0]}) == 2)
        assert [client.chat().status for _ in range(10)] == [200] * 10
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert said(table).read_text().count("a worker ended (-9)") == 1
    assert len(desk.entries("ada")) == 30
    spent = sum(line.cost_nano or 0 for line in desk.entries("ada"))
    assert desk.account("ada").balance.nano == 10 * 10**9 - spent


def test_a_new_configuration_is_taken_over_without_dropping_a_call(
    kit: Any, desk: Desk, upstream: MoonshotServer, tmp_path: Path
) -> None:
    table = tmp_path / "config.toml"
    table.write_text("[gateway]\n")
    desk.create_account("ada", Money.of(10, "USD"))
    secret = desk.create_key("ada")[1]
    upstream.replies = lambda request: Answer("word " * 30, pause_s=0.02)
    with gateway(upstream, table) as (process, base_url):
        client = kit.caller(serve.Running(base_url=base_url, has_keys=True, desk=desk, _worker=None), secret)  # type: ignore[arg-type]
        got: list[Any] = []
        streams = [threading.Thread(target=lambda: got.append(client.chat(kit.body(stream=True)))) for _ in range(6)]
        for stream in streams:
            stream.start()
        kit.eventually(lambda: upstream.count("POST", "/chat/completions") == 6)
        origin = {"origin": "https://chat.example"}
        assert client.ask("GET", "/health/live", headers=origin).status == 403
        table.write_text('[gateway]\ncors_origins = ["https://chat.example"]\n')
        process.send_signal(signal.SIGHUP)
        kit.eventually(lambda: {client.ask("GET", "/health/live", headers=origin).status for _ in range(8)} == {200})
        for stream in streams:
            stream.join()
        assert [answer.body.endswith(b"data: [DONE]\n\n") for answer in got] == [True] * 6
        table.write_text("[gateway]\nno_such_setting = 1\n")
        process.send_signal(signal.SIGHUP)
        kit.eventually(lambda: said(table).read_text().count("the configuration is not taken over") == 2)
        assert client.chat(headers=origin).status == 200  # a faulty one changes nothing
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_workers_end_when_their_parent_is_killed(kit: Any, upstream: MoonshotServer, tmp_path: Path) -> None:
    table = tmp_path / "config.toml"
    table.write_text("[gateway]\n")
    with gateway(upstream, table) as (process, _):
        kit.eventually(lambda: len(children(process.pid)) == 2)
        workers = children(process.pid)
        time.sleep(0.5)
        process.kill()
        process.wait()
        kit.eventually(lambda: not any(Path(f"/proc/{pid}/fd").exists() and _alive(pid) for pid in workers))


STUMBLING = """
import logging, pathlib, sys, time
from moongate.errors import StorageError
from moongate.gateway import workers

logging.basicConfig(level="WARNING")
workers.AGAIN_S, workers.AGAIN_MOST_S, workers.SHORT_S = 0.01, 0.05, 0.2
folder = pathlib.Path(sys.argv[1])

def work(number, parent):
    with (folder / f"began-{number}").open("a") as began:
        began.write("x")
    if not (folder / f"room-{number}").exists():
        raise StorageError("The disk is full.", advice="Free some space.")
    time.sleep(60)

sys.exit(workers.supervise(2, work))
"""


def _supervised(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", STUMBLING, str(folder)], stderr=subprocess.PIPE, text=True)


def test_a_worker_that_cannot_come_up_is_tried_again_while_another_one_serves(kit: Any, tmp_path: Path) -> None:
    (tmp_path / "room-0").touch()
    with _supervised(tmp_path) as process:
        kit.eventually(lambda: (tmp_path / "began-1").exists())
        kit.eventually(lambda: (tmp_path / "began-1").stat().st_size > 12)
        (tmp_path / "room-1").touch()
        kit.eventually(lambda: len(children(process.pid)) == 2)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr is not None
        told = process.stderr.read()
    assert "a worker could not go on: The disk is full. Free some space." in told
    assert (tmp_path / "began-0").stat().st_size == 1


def test_the_gateway_ends_when_no_worker_stays_up(tmp_path: Path) -> None:
    with _supervised(tmp_path) as process:
        assert process.wait(20) == 1
        assert process.stderr is not None
        assert "the workers do not stay up" in process.stderr.read()


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def test_the_embedded_model_is_served_by_one_worker(tmp_path: Path) -> None:
    settings = load(Flags(provider="local", data_dir=str(tmp_path)))
    with pytest.raises(ConfigError, match="one worker"):
        serve.run(settings, port=0, workers=2)
