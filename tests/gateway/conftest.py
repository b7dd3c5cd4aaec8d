"""A real gateway on a loopback port, over the offline Moonshot server, and one plain HTTP client for it."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from moongate.facts.money import Money
from moongate.gateway import serve
from moongate.gateway.serve import Running
from moongate.settings.load import Flags, Settings, load
from moongate.testing import MoonshotServer

START = Money.of(10, "USD")
PATIENCE_S = 90  # the embedded model is slow beside others


@dataclass(frozen=True)
class Got:
    """One answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json()["error"]

    @property
    def events(self) -> list[Any]:
        """The JSON of every `data:` line but [DONE]."""
        lines = [line[6:] for line in self.body.decode().split("\n") if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]

    @property
    def text(self) -> str:
        return "".join(c["delta"].get("content") or "" for e in self.events for c in e["choices"])


@dataclass(frozen=True)
class Client:
    """Sends requests to one gateway with one key."""

    running: Running
    secret: str

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.running.base_url)
        assert parts.hostname
        assert parts.port
        return parts.hostname, parts.port

    @contextlib.contextmanager
    def opened(
        self, method: str, path: str, body: object = None, *, headers: dict[str, str | None] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Send one request and yield its answer, unread; a header of None is left out."""
        sent: dict[str, str | None] = {"authorization": f"Bearer {self.secret}"}
        if body is not None:
            sent["content-type"] = "application/json"
        sent |= headers or {}
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        with contextlib.closing(http.client.HTTPConnection(*self.address, timeout=PATIENCE_S)) as connection:
            connection.putrequest(method, path, skip_host="host" in sent)
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            if raw is not None:
                connection.putheader("content-length", str(len(raw)))
            connection.endheaders(raw)
            with connection.getresponse() as response:
                yield response

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> Got:
        with self.opened(method, path, body, **more) as response:
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Got(response.status, headers, response.read())

    def chat(self, body: object = None, **more: Any) -> Got:
        return self.ask("POST", "/v1/chat/completions", chat_body() if body is None else body, **more)

    @property
    def balance(self) -> Money:
        self.running.booked()
        return self.running.desk.account("ada").balance

    @property
    def ledger(self) -> list[Any]:
        self.running.booked()
        return list(self.running.desk.entries())


def chat_body(text: str = "hello", **more: object) -> dict[str, object]:
    messages = [{"role": "user", "content": text}]
    return {"model": "kimi-k2.6", "messages": messages, "max_tokens": 1000, **more}


def settings_for(server: MoonshotServer, home: Path, *, gateway: str = "", guard: str | None = None) -> Settings:
    """Return settings that lead to the offline server, with a [gateway] table if one is given."""
    config = home / "gateway.toml"
    priced = dict(os.environ) | {"MOONSHOT_BASE_URL": server.base_url, "MOONSHOT_API_KEY": server.key}
    config.write_text(f"[gateway]\n{gateway}\n")
    return load(Flags(config=str(config), guard=guard, provider="moonshot"), env=priced)


@contextlib.contextmanager
def opened_gateway(settings: Settings, *, balance: Money = START) -> Iterator[Client]:
    with serve.running(settings, port=0) as gateway:
        if not gateway.desk.accounts():
            gateway.desk.create_account("ada", balance)
        _, secret = gateway.desk.create_key("ada", "test")
        yield Client(gateway, secret)


def eventually(check: Callable[[], object], *, within_s: float = 10) -> None:
    """Wait for something that another process or thread does; fail when it does not."""
    end = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


PRICED = [
    {
        "id": "kimi-k2.6",
        "context_length": 262144,
        "pricing": {
            "prompt": "0.00000095",
            "completion": "0.000004",
            "input_cache_read": "0.00000016",
            "currency": "USD",
        },
    },
    {"id": "kimi-free", "context_length": 8192},
]


@pytest.fixture
def upstream() -> Iterator[MoonshotServer]:
    with MoonshotServer(models=PRICED) as server:
        yield server


@pytest.fixture
def client(upstream: MoonshotServer, tmp_path: Path) -> Iterator[Client]:
    with opened_gateway(settings_for(upstream, tmp_path)) as opened:
        yield opened


class Collector:
    """Takes OTLP over http, as a collector does, and keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        spans = self.spans

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                told = ExportTraceServiceRequest.FromString(body)
                spans.extend(s for r in told.resource_spans for scope in r.scope_spans for s in scope.spans)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *said: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


@dataclass(frozen=True)
class Kit:
    """What tests call by name."""

    body = staticmethod(chat_body)
    caller = Client
    settings = staticmethod(settings_for)
    gateway = staticmethod(opened_gateway)
    eventually = staticmethod(eventually)
    priced = PRICED


@pytest.fixture
def kit() -> Kit:
    return Kit()
