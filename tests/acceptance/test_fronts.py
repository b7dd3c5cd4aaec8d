"""The examples in deploy/ in front of a real gateway: streams pass as they come, limits and refusals arrive whole."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from moongate.facts.money import Money
from moongate.gateway import serve
from moongate.gateway.serve import Running
from moongate.settings.load import Flags, load
from moongate.testing import Answer, MoonshotServer

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
NAME = "gateway.example.org"


def nginx(port: int, gateway: int, folder: Path) -> list[str]:
    """Write the example with another port, without its certificates, and return the command that runs it."""
    site = (DEPLOY / "nginx.conf").read_text("utf-8")
    site = site.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};").replace(
        "127.0.0.1:8686", f"127.0.0.1:{gateway}"
    )
    site = re.sub(r" *ssl_certificate.*\n", "", site)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    whole = f"daemon off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{site}}}\n"
    (folder / "nginx.conf").write_text(whole, "utf-8")
    return ["nginx", "-e", f"{folder}/error.log", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(port: int, gateway: int, folder: Path) -> list[str]:
    """Write the example with another port and plain http, and return the command that runs it."""
    site = (DEPLOY / "Caddyfile").read_text("utf-8")
    site = site.replace(f"\n{NAME} {{", f"\nhttp://{NAME}:{port} {{\n\tbind 127.0.0.1")
    site = site.replace("127.0.0.1:8686", f"127.0.0.1:{gateway}")
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + site, "utf-8")
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


@dataclass(frozen=True, kw_only=True)
class Front:
    """Where a front listens, and what stands behind it."""

    port: int
    secret: str
    running: Running

    @property
    def under_way(self) -> int:
        """How many calls the gateway has with its upstream."""
        (upstream,) = self.running._worker.upstreams.every
        return upstream.throttle.in_flight

    @contextlib.contextmanager
    def ask(self, method: str, path: str, body: object = None) -> Iterator[http.client.HTTPResponse]:
        """Send a request through it and yield the answer, unread."""
        headers = {"host": NAME, "authorization": f"Bearer {self.secret}", "content-type": "application/json"}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            with connection.getresponse() as response:
                yield response


@pytest.fixture
def upstream() -> Iterator[MoonshotServer]:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        yield server


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"])
def front(request: pytest.FixtureRequest, upstream: MoonshotServer, tmp_path: Path) -> Iterator[Front]:
    """A front that runs, with a gateway behind it."""
    program = request.param
    if shutil.which(program.__name__) is None:
        pytest.skip(f"{program.__name__} is not installed")
    config = tmp_path / "gate.toml"
    config.write_text(f'[gateway]\nhosts = ["{NAME}"]\nmax_body_bytes = 100000\n')
    said = {"MOONSHOT_BASE_URL": upstream.base_url, "MOONSHOT_API_KEY": upstream.key}
    settings = load(Flags(config=str(config), provider="moonshot"), env=dict(os.environ) | said)
    with serve.running(settings) as gateway, free_port() as port:
        gateway.desk.create_account("me", Money.of(10, "USD"))
        _, secret = gateway.desk.create_key("me")
        at = int(gateway.base_url.rpartition(":")[2].partition("/")[0])
        process = subprocess.Popen(program(port, at, tmp_path), cwd=tmp_path, stderr=subprocess.DEVNULL)
        try:
            until_it_listens(port)
            yield Front(port=port, secret=secret, running=gateway)
        finally:
            process.terminate()
            process.wait(timeout=20)


@contextlib.contextmanager
def free_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    yield port


def until_it_listens(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert time.monotonic() < end, "the front did not begin to listen"
        time.sleep(0.02)


def chat(text: str = "hello", **more: object) -> dict[str, object]:
    return {"model": "kimi-k2.6", "messages": [{"role": "user", "content": text}], **more}


def test_answers_and_refusals_pass_through_the_front(front: Front) -> None:
    with front.ask("GET", "/v1/models") as response:
        assert [row["id"] for row in json.load(response)["data"]] == ["kimi-k2.6"]
    with front.ask("POST", "/v1/chat/completions", chat()) as response:
        assert json.load(response)["choices"][0]["message"]["content"] == "hello"
    with front.ask("POST", "/v1/chat/completions", chat() | {"model": "kimi-k2-6"}) as response:
        assert response.status == 404
        assert json.load(response)["error"]["suggestions"] == ["kimi-k2.6"]
    with front.ask("POST", "/v1/chat/completions", chat("x" * 150_000)) as response:
        assert response.status == 413
        assert json.load(response)["error"]["message"] == "Request exceeds the maximum size"
    for path in ("/metrics", "/admin/keys"):
        with front.ask("GET", path) as response:
            assert response.status == 404
            assert response.read() != b"{}"


def test_events_arrive_while_the_upstream_still_speaks(front: Front, upstream: MoonshotServer) -> None:
    upstream.replies = [Answer("word " * 30, pause_s=0.05)]
    with front.ask("POST", "/v1/chat/completions", chat(stream=True)) as response:
        assert response.status == 200
        assert response.readline().startswith(b"data: {")
        assert front.under_way == 1  # the gateway is not done: a front that collects would be silent until then
        assert b"data: [DONE]" in response.read()
    assert front.under_way == 0
