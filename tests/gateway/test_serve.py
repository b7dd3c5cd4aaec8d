"""Starting and ending: real processes, real signals, and nothing lost that was settled."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from moongate.errors import ConfigError, KeyMissingError, StorageError
from moongate.facts.money import Money
from moongate.gateway import serve
from moongate.gateway.desk import Desk
from moongate.settings.load import Flags, load
from moongate.testing import Answer, MoonshotServer

SCRIPT = """
import sys
from moongate.gateway import serve
from moongate.settings.load import Flags, load

settings = load(Flags(provider="moonshot"))
sys.exit(serve.run(settings, port=0, ready=lambda place, _: print(place.base_url, place.has_keys, flush=True)))
"""


@contextmanager
def process(upstream: MoonshotServer) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a gateway in a process of its own; yield it with its base url."""
    env = dict(os.environ) | {"MOONSHOT_BASE_URL": upstream.base_url, "MOONSHOT_API_KEY": upstream.key}
    started = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with started:
        try:
            assert started.stdout is not None
            base_url = started.stdout.readline().split(" ")[0]
            assert base_url, started.stderr and started.stderr.read()
            yield started, base_url
        finally:
            started.kill()


@pytest.fixture
def upstream(kit: Any) -> Iterator[MoonshotServer]:
    with MoonshotServer(models=kit.priced) as server:
        yield server


@pytest.fixture
def desk(empty_home: Path) -> Iterator[Desk]:
    with Desk(empty_home / "data" / "gateway.sqlite3") as opened:
        yield opened


def caller(kit: Any, desk: Desk, base_url: str) -> Any:
    desk.create_account("ada", Money.of(10, "USD"))
    running = serve.Running(base_url=base_url, has_keys=True, desk=desk, _worker=None)  # type: ignore[arg-type]
    return kit.caller(running, desk.create_key("ada")[1])


def test_a_kill_loses_no_settled_call(kit: Any, desk: Desk, upstream: MoonshotServer) -> None:
    upstream.replies = lambda request: Answer("word " * 20, pause_s=0.005)
    with process(upstream) as (gateway, base_url):
        client = caller(kit, desk, base_url)
        answers = [client.chat(kit.body(stream=stream)) for stream in (False, True, True, False)]
        assert [got.status for got in answers] == [200] * 4
        with client.opened("POST", "/v1/chat/completions", kit.body(stream=True)) as response:
            response.readline()
            gateway.send_signal(signal.SIGKILL)
            gateway.wait()
    with process(upstream):
        kit.eventually(lambda: len(desk.entries("ada")) == 4)  # booked from what the first one left behind
    lines = desk.entries("ada")
    assert [line.outcome for line in lines] == ["ok"] * 4
    spent = sum(line.cost_nano or 0 for line in lines)
    assert desk.account("ada").balance.nano == 10 * 10**9 - spent


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_streams_finish_and_ends_with_zero(
    kit: Any, desk: Desk, upstream: MoonshotServer, number: signal.Signals
) -> None:
    upstream.replies = [Answer("word " * 20, pause_s=0.02)]
    with process(upstream) as (gateway, base_url):
        client = caller(kit, desk, base_url)
        with client.opened("POST", "/v1/chat/completions", kit.body(stream=True)) as response:
            response.readline()
            gateway.send_signal(number)
            assert response.read().endswith(b"data: [DONE]\n\n")
        assert gateway.wait(timeout=20) == 0
        _, noise = gateway.communicate()
    assert noise == ""
    assert [line.outcome for line in desk.entries()] == ["ok"]


def test_a_stream_that_does_not_end_is_cut_off_and_settled(kit: Any, desk: Desk, upstream: MoonshotServer) -> None:
    upstream.replies = [Answer("word " * 2000, pause_s=0.05)]
    with process(upstream) as (gateway, base_url):
        client = caller(kit, desk, base_url)
        with client.opened("POST", "/v1/chat/completions", kit.body(stream=True)) as response:
            response.readline()
            gateway.send_signal(signal.SIGTERM)
            gateway.send_signal(signal.SIGINT)  # twice: at once (another one, since equal ones may arrive as one)
            gateway.wait(timeout=20)
        assert gateway.returncode == 0
        assert gateway.communicate()[1] == ""
    (line,) = desk.entries()
    assert line.outcome == "lost"
    assert "estimated" in line.price_basis
    assert line.cost_nano


def test_who_waits_to_be_let_in_as_it_ends_is_answered_and_who_comes_later_refused(
    kit: Any, upstream: MoonshotServer, tmp_path: Path
) -> None:
    request = json.dumps(kit.body()).encode()
    with kit.gateway(kit.settings(upstream, tmp_path)) as client:
        worker = client.running._worker
        lines = (
            "POST /v1/chat/completions HTTP/1.1",
            "host: 127.0.0.1",
            f"authorization: Bearer {client.secret}",
            "content-type: application/json",
            f"content-length: {len(request)}",
        )
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        assert client.chat().status == 200
        waiting: list[socket.socket] = []
        asked = threading.Event()

        def end_while_they_wait() -> None:
            worker.end()
            for _ in range(20):
                waiting.append(socket.create_connection(client.address, timeout=20))
                waiting[-1].sendall(head + request)
            time.sleep(0.2)  # the loop is held, so that the end comes before it looks who is there
            asked.set()

        worker._loop.call_soon_threadsafe(end_while_they_wait)
        assert asked.wait(20)
        for connection in waiting:
            with connection, connection.makefile("rb") as file:
                answer = file.read()  # and then the connection ends
                assert answer.startswith(b"HTTP/1.1 200 ")
                assert b"\r\nconnection: close\r\n" in answer
        kit.eventually(lambda: _is_refused(client.address))


def test_nobody_is_let_in_while_streams_are_finished(kit: Any, desk: Desk, upstream: MoonshotServer) -> None:
    go_on = threading.Event()
    upstream.replies = lambda request: Answer("word " * (20 if go_on.wait(20) else 1), pause_s=0.01)
    with process(upstream) as (gateway, base_url):
        client = caller(kit, desk, base_url)
        with ThreadPoolExecutor() as threads:
            streamed = threads.submit(client.chat, kit.body(stream=True))
            kit.eventually(lambda: upstream.count("POST", "/chat/completions"))
            gateway.send_signal(signal.SIGTERM)
            kit.eventually(lambda: _is_refused(client.address))
            assert gateway.poll() is None
            go_on.set()
            assert streamed.result(20).body.endswith(b"data: [DONE]\n\n")
        assert gateway.wait(timeout=20) == 0


def _is_refused(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=20).close()
    except ConnectionRefusedError:
        return True
    return False


def test_the_port_in_use_is_said_so(upstream: MoonshotServer, tmp_path: Path, kit: Any) -> None:
    settings = kit.settings(upstream, tmp_path)
    with serve.running(settings, port=0) as first:
        port = int(first.base_url.split(":")[2].split("/")[0])
        with pytest.raises(ConfigError, match=f"port {port}: Address already in use") as raised:
            serve.run(settings, port=port)
    assert "--port" in raised.value.advice


def test_another_address_than_loopback_needs_a_key_first(upstream: MoonshotServer, tmp_path: Path, kit: Any) -> None:
    with pytest.raises(ConfigError, match="while it has no keys") as raised:
        serve.run(kit.settings(upstream, tmp_path), host="192.0.2.1")
    assert "moongate keys create" in raised.value.advice


def test_an_address_that_is_not_here_is_said_so(
    desk: Desk, upstream: MoonshotServer, tmp_path: Path, kit: Any
) -> None:
    desk.create_account("ada", Money.of(1, "USD"))
    desk.create_key("ada")
    for host in ("192.0.2.1", "no.such.host.invalid"):
        with pytest.raises(ConfigError, match="cannot listen"):
            serve.run(kit.settings(upstream, tmp_path), host=host)


def test_without_an_upstream_key_it_does_not_start(tmp_path: Path, upstream: MoonshotServer) -> None:
    settings = load(Flags(provider="moonshot"), env={"MOONSHOT_BASE_URL": upstream.base_url})
    with pytest.raises(KeyMissingError, match="no key"), serve.running(settings):
        pass


def test_a_bad_table_or_database_does_not_start(tmp_path: Path, upstream: MoonshotServer, kit: Any) -> None:
    with (
        pytest.raises(ConfigError, match="cors_origins"),
        serve.running(kit.settings(upstream, tmp_path, gateway='cors_origins = ["*"]')),
    ):
        pass
    settings = kit.settings(upstream, tmp_path)
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / "gateway.sqlite3").write_text("no database " * 100)
    with pytest.raises(StorageError, match="is not a SQLite database"), serve.running(settings):
        pass


def test_it_says_whether_there_are_keys_and_keeps_its_files_private(
    tmp_path: Path, upstream: MoonshotServer, kit: Any
) -> None:
    settings = kit.settings(upstream, tmp_path)
    with serve.running(settings) as first:
        assert not first.has_keys
        first.desk.create_account("ada", Money.of(1, "USD"))
        first.desk.create_key("ada")
    with serve.running(settings) as second:
        assert second.has_keys
        assert second.model_ids == ("kimi-k2.6", "kimi-free")
        for file in settings.data_dir.rglob("*"):
            assert stat.S_IMODE(file.stat().st_mode) == (0o700 if file.is_dir() else 0o600)


def test_a_second_gateway_on_the_same_files_leaves_the_firsts_calls_alone(
    tmp_path: Path, upstream: MoonshotServer, kit: Any
) -> None:
    settings = kit.settings(upstream, tmp_path)
    with kit.gateway(settings) as client:
        upstream.replies = [Answer("word " * 50, pause_s=0.01)]
        with client.opened("POST", "/v1/chat/completions", kit.body(stream=True)) as response:
            response.readline()
            with serve.running(settings):
                pass
            assert response.read().endswith(b"data: [DONE]\n\n")
        assert [line.outcome for line in client.ledger] == ["ok"]


def test_nothing_listens_after_the_end(tmp_path: Path, upstream: MoonshotServer, kit: Any) -> None:
    with kit.gateway(kit.settings(upstream, tmp_path)) as client:
        address = client.address
        assert client.ask("GET", "/health/live").status == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_the_logs_hold_neither_keys_nor_content(
    tmp_path: Path, upstream: MoonshotServer, kit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with kit.gateway(kit.settings(upstream, tmp_path)) as client:
        client.chat(kit.body("a very secret prompt"))
        client.chat(kit.body("a very secret prompt", stream=True, model="wrong"))
        client.chat(headers={"authorization": "Bearer sk-mg-stolen"})
    for secret in (client.secret, upstream.key, "secret prompt", "sk-mg-stolen"):
        assert secret not in caplog.text
    assert json.dumps(client.secret) not in caplog.text
