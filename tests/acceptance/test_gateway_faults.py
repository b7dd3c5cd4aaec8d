"""Everything that clients, networks and upstreams do wrong, over real sockets: a clean answer or a clean end.

After every fault the same gateway answers an ordinary call, and in the end nothing is left over: no call under way,
no money held, no room of the spool, no connection. All of it over http, and over https on both sides.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from moongate.facts.money import Money
from moongate.gateway import serve
from moongate.gateway.relay import Patience
from moongate.settings.load import Flags, load

MODEL = {"id": "kimi-k2.6", "object": "model", "context_length": 262144, "owned_by": "moonshot"}
PRICE = {"prompt": "0.000001", "completion": "0.000004", "currency": "USD"}
ANSWER = {
    "id": "c",
    "model": "kimi-k2.6",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
HASTY = Patience(head_s=0.6, silence_s=0.6, idle_s=1.5, linger_s=0.3, look_every_s=0.1)
BODY_MAX = 60_000_000
SERVER = ssl.Purpose.CLIENT_AUTH
ENDLESS = b"80000\r\n" + b"x" * 2**19 + b"\r\n"  # one of many chunks
Act = Callable[[socket.socket], None]


def whole(value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def event(text: str) -> bytes:
    chunk = {"id": "c", "model": "kimi-k2.6", "choices": [{"index": 0, "delta": {"content": text}}]}
    data = b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = whole(ANSWER).replace(b"content-length", b"connection: close\r\ncontent-length")
HALF = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"


def send(*pieces: bytes) -> Act:
    def act(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return act


def reset(*pieces: bytes) -> Act:
    def act(connection: socket.socket) -> None:
        send(*pieces)(connection)
        time.sleep(0.05)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return act


def stall(*pieces: bytes) -> Act:
    def act(connection: socket.socket) -> None:
        send(*pieces)(connection)
        connection.settimeout(10)
        with contextlib.suppress(OSError):
            connection.recv(1)

    return act


def endless(head: bytes, piece: bytes) -> Act:
    def act(connection: socket.socket) -> None:
        connection.sendall(head)
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(piece)

    return act


@dataclass
class Upstream:
    """Answers the list, and does to a chat what stands in its `user`; without one it answers."""

    acts: dict[str, Act] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)  # of bodies that arrived
    ended: threading.Event = field(default_factory=threading.Event)  # a stream's connection was closed
    poured: int = 0
    tls: ssl.SSLContext | None = None
    _socket: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=64))

    @property
    def base_url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), self._secured(connection) as connection:
            while request := _request(connection):
                head, body = request
                if head.startswith(b"GET"):
                    connection.sendall(whole({"object": "list", "data": [{**MODEL, "pricing": PRICE}]}))
                    continue
                self.sizes.append(len(body))
                tail = body[-200:].decode("latin-1")
                name = tail.partition('"user":"')[2].partition('"')[0] if '"user":"' in tail else ""
                if not name:
                    connection.sendall(whole(ANSWER))
                    continue
                self.acts[name](connection)
                return

    def _secured(self, connection: socket.socket) -> socket.socket:
        return connection if self.tls is None else self.tls.wrap_socket(connection, server_side=True)


def _request(connection: socket.socket) -> tuple[bytes, bytes] | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0) if b"POST" in head else 0
    rest = bytearray(body)
    while len(rest) < size:
        piece = connection.recv(1024 * 1024)
        if not piece:
            return None
        rest += piece
    return head, bytes(rest)


@dataclass
class Kit:
    gateway: serve.Running
    upstream: Upstream
    secret: str
    tls: ssl.SSLContext | None

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.gateway.base_url.partition("://")[2].removesuffix("/v1").split(":")
        return host, int(port)

    def head(self, *more: str, length: int | None = None) -> bytes:
        lines = [
            "POST /v1/chat/completions HTTP/1.1",
            "host: localhost",
            f"authorization: Bearer {self.secret}",
            "content-type: application/json",
            *more,
            *([] if length is None else [f"content-length: {length}"]),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def chat(self, **more: object) -> bytes:
        body = json.dumps(
            {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hi"}], **more}, separators=(",", ":")
        ).encode()
        return self.head(length=len(body)) + body

    @contextlib.contextmanager
    def connected(self) -> Iterator[socket.socket]:
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(socket.create_connection(self.address, timeout=15))
            if self.tls is not None:
                connection = stack.enter_context(self.tls.wrap_socket(connection, server_hostname="127.0.0.1"))
            yield connection

    def say(self, *pieces: bytes, pause_s: float = 0.0) -> bytes:
        """Send, and read until the gateway closes or an answer is whole."""
        with self.connected() as connection, contextlib.suppress(ConnectionError):
            for piece in pieces:
                try:
                    connection.sendall(piece)
                except ConnectionError:
                    break  # closed while we still sent: the answer is there, or it is no answer
                time.sleep(pause_s)
            return read_all(connection)
        return b""

    def works(self) -> None:
        got = self.say(self.chat())
        assert got.startswith(b"HTTP/1.1 200 OK\r\n"), got


def read_all(connection: socket.socket) -> bytes:
    """Read one answer by its framing, or what there is until the end."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            data += piece
            head, mark, body = data.partition(b"\r\n\r\n")
            low = head.lower()
            if mark and b"content-length: " in low:
                if len(body) >= int(low.partition(b"content-length: ")[2].split(b"\r\n")[0]):
                    break
            elif mark and data.endswith(b"0\r\n\r\n"):
                break
    return data


@pytest.fixture(scope="module", params=["http", "https"])
def kit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    home = tmp_path_factory.mktemp("faults")
    upstream, client, table = Upstream(acts=dict(UPSTREAM_ACTS)), None, f"max_body_bytes = {BODY_MAX}\n"
    if request.param == "https":
        ca, client, upstream.tls = trustme.CA(), ssl.create_default_context(), ssl.create_default_context(SERVER)
        ca.configure_trust(client)
        ca.issue_cert("127.0.0.1").configure_cert(upstream.tls)
        ca.cert_pem.write_to_path(str(home / "ca.pem"))
        ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(home / "cert.pem"))
        table += f"tls_cert = '{home / 'cert.pem'}'\n"
    threading.Thread(target=upstream.run, daemon=True).start()
    (home / "config.toml").write_text(f"[gateway]\n{table}")
    env = {"MOONSHOT_BASE_URL": upstream.base_url, "MOONSHOT_API_KEY": "sk-up", "HOME": str(home)}
    flags = Flags(
        provider="moonshot",
        timeout=1.0,
        ca_file=None if client is None else str(home / "ca.pem"),
        config=str(home / "config.toml"),
        data_dir=str(home / "data"),
        cache_dir=str(home / "cache"),
    )
    settings = load(flags, env=dict(os.environ) | env)
    with serve.running(settings, patience=HASTY) as gateway:
        gateway.desk.create_account("ada", Money.of(1000, "USD"))
        made = Kit(gateway, upstream, gateway.desk.create_key("ada")[1], client)
        made.works()
        yield made
        nothing_is_left(made)
    upstream.close()


def nothing_is_left(kit: Kit) -> None:
    relay = kit.gateway._worker.relay
    assert relay is not None
    end = time.monotonic() + 10
    while time.monotonic() < end and (relay.under_way or relay.spool.used or _held(relay)):
        time.sleep(0.05)
    assert not relay.under_way
    assert relay.spool.used == 0
    assert _held(relay) == 0
    kit.gateway.booked()
    lines = kit.gateway.desk.entries("ada")
    assert kit.gateway.desk.account("ada").balance.nano == 1000 * 10**9 - sum(line.cost_nano or 0 for line in lines)


def _held(relay: Any) -> int:
    caller = next(iter(relay.till._callers.by_digest.values()))
    return int(caller.pots.balance.held) if caller.pots is not None else 0


# What an upstream does: name → (its act, the statuses of a plain call, whether a stream had begun)
UPSTREAM: dict[str, tuple[Act, tuple[int, ...], bool]] = {
    "closed at once": (send(), (503,), False),
    "reset at once": (reset(), (503,), False),
    "reset in the head": (reset(b"HTTP/1.1 200 OK\r\ncontent-le"), (503,), False),
    "reset after the head": (reset(STREAM), (503,), True),
    "reset in the body": (reset(HALF), (503,), True),
    "closed in the body": (send(HALF), (503,), True),
    "reset in the stream": (reset(STREAM, event("hello")), (503,), True),
    "closed in the stream": (send(STREAM, event("hello")), (503,), True),
    "closed in a chunk": (send(STREAM, event("hello")[:-20]), (503,), True),
    "stall before the head": (stall(), (504,), False),
    "stall in the head": (stall(b"HTTP/1.1 200 OK\r\n"), (504,), False),
    "stall in the body": (stall(HALF), (504,), True),
    "stall in the stream": (stall(STREAM, event("hello")), (504,), True),
    "no HTTP": (send(b"220 smtp.example ready\r\n"), (503,), False),
    "two lengths": (send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"), (503,), False),
    "length and chunks": (
        send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}"),
        (503,),
        False,
    ),
    "bad chunk": (send(STREAM, b"zz\r\nhello\r\n"), (503,), True),
    "header flood": (send(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 5000 + b"\r\n"), (503,), False),
    "endless header": (endless(b"HTTP/1.1 200 OK\r\na: ", b"x" * 10_000), (502, 503), False),
    "no JSON": (send(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 6\r\n\r\n<html>"), (502,), True),
    "bad UTF-8": (send(STREAM, event("x").replace(b'"x"', b'"\xff"')), (503,), True),
    "a second answer": (send(whole(ANSWER) + whole(ANSWER)), (503,), True),
    "switches protocols": (send(b"HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), (503,), False),
    "redirect": (
        send(b"HTTP/1.1 302 Found\r\nlocation: /\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
        (503, 500),
        False,
    ),
    "error page": (
        send(b"HTTP/1.1 502 Bad\r\nconnection: close\r\ncontent-length: 6\r\n\r\n<html>"),
        (500, 502, 503, 504),
        False,
    ),
}
UPSTREAM_ACTS = {name: act for name, (act, _, _) in UPSTREAM.items()}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("name", UPSTREAM)
def test_an_upstream_that_breaks_is_told_and_harms_nobody(kit: Kit, name: str, stream: bool) -> None:
    kit.gateway._worker.upstreams.every[0].breaker.succeeded()  # it would open after five of these
    _, statuses, begins = UPSTREAM[name]
    beside = threading.Thread(target=kit.works)
    beside.start()
    got = kit.say(kit.chat(user=name, stream=stream))
    status = int(got.split(b" ", 2)[1])
    if stream and begins:
        assert status in (200, *statuses)
    else:
        assert status in statuses
    error = json.loads(got[got.index(b'{"error"') : got.rindex(b"}") + 1])["error"]
    assert error["message"]
    assert b"[DONE]" not in got
    beside.join()
    kit.gateway._worker.upstreams.every[0].breaker.succeeded()
    kit.works()


def repeated(*lines: str) -> Callable[[Kit], bytes]:
    return lambda kit: kit.head(*lines) + b"{}"


# What a client sends: name → (its bytes, the status of the answer; None: the connection is closed without one)
CLIENT: dict[str, tuple[Callable[[Kit], bytes], int | None]] = {
    "no body": (lambda kit: kit.head(length=0), 400),
    "one byte": (lambda kit: kit.head(length=1) + b"{", 400),
    "no length": (lambda kit: kit.head(), 400),
    "too large, announced": (lambda kit: kit.head(length=BODY_MAX + 1), 413),
    "endless chunks": (lambda kit: kit.head("transfer-encoding: chunked") + ENDLESS, 413),
    "two lengths": (repeated("content-length: 2", "content-length: 3"), 400),
    "the same length twice": (repeated("content-length: 2", "content-length: 2"), 400),
    "length and chunks": (repeated("content-length: 2", "transfer-encoding: chunked"), 400),
    "chunks and length": (repeated("transfer-encoding: chunked", "content-length: 2"), 400),
    "odd coding": (repeated("transfer-encoding: gzip"), 400),
    "negative length": (repeated("content-length: -2"), 400),
    "length that is none": (repeated("content-length: two"), 400),
    "length beyond numbers": (repeated("content-length: " + "9" * 40), 400),
    "bad chunk": (lambda kit: kit.head("transfer-encoding: chunked") + b"zz\r\n{}\r\n", 400),
    "many headers": (lambda kit: kit.head(*(f"a{n}: b" for n in range(500)), length=2) + b"{}", 431),
    "large header": (lambda kit: kit.head("a: " + "x" * 100_000, length=2) + b"{}", 431),
    "endless header": (lambda kit: kit.head("a: ")[:-4] + b"x" * 400_000, 431),
    "long target": (lambda kit: b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n", 431),
    "no host": (lambda kit: kit.chat().replace(b"host: localhost\r\n", b""), 400),
    "two hosts": (lambda kit: kit.chat().replace(b"host: l", b"host: localhost\r\nhost: l"), 400),
    "no host, elsewhere": (lambda kit: b"GET /health/live HTTP/1.1\r\n\r\n", 400),
    "another host": (lambda kit: kit.chat().replace(b"host: localhost", b"host: evil.example"), 403),
    "two keys": (lambda kit: kit.chat().replace(b"authorization", b"authorization: Bearer x\r\nauthorization"), 400),
    "line folding": (lambda kit: kit.chat().replace(b"content-type: ", b"content-type:\r\n "), 400),
    "blank before colon": (lambda kit: kit.chat().replace(b"host: ", b"host : "), 400),
    "bare line feeds": (lambda kit: kit.chat().replace(b"\r\n", b"\n"), 400),
    "null byte": (lambda kit: kit.chat().replace(b"host: localhost", b"host: local\x00host"), 400),
    "no HTTP": (lambda kit: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, 400),
    "HTTP/2": (lambda kit: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "unknown method": (lambda kit: b"BREW /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
    "CONNECT": (lambda kit: b"CONNECT example.org:443 HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
    "expectation": (lambda kit: kit.head("expect: a miracle", length=2) + b"{}", 417),
    "bad UTF-8": (lambda kit: kit.chat().replace(b'"hi"', b'"\xff\xfe"'), 400),
    "deep JSON": (lambda kit: _sized(kit, b'{"model":"kimi-k2.6","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"), 400),
    "model twice": (lambda kit: _sized(kit, b'{"model":"kimi-k2.6","messages":[],"model":"kimi-k2.6"}'), 400),
    "Model": (lambda kit: _sized(kit, b'{"model":"kimi-k2.6","messages":[],"Model":"kimi-k2.6"}'), 400),
    "model in escapes": (lambda kit: _sized(kit, b'{"model":"kimi-k2.6","mod\\u0065l":"b"}'), 400),
    "model of another place": (lambda kit: _sized(kit, b'{"model":"moonshotai/kimi-k2.6"}'), 404),
    "encoded": (lambda kit: kit.head("content-encoding: gzip", length=2) + b"{}", 415),
    "text": (lambda kit: kit.chat().replace(b"application/json", b"text/plain"), 415),
    "no key": (lambda kit: kit.chat().replace(b"authorization", b"x-authorization"), 401),
    "wrong key": (lambda kit: kit.chat().replace(kit.secret.encode(), b"sk-mg-wrong"), 401),
    "offer of HTTP/2": (lambda kit: _offering(kit), 200),
    "old HTTP": (lambda kit: kit.chat().replace(b"HTTP/1.1", b"HTTP/1.0"), 200),
}


def _sized(kit: Kit, body: bytes) -> bytes:
    return kit.head(length=len(body)) + body


def _offering(kit: Kit) -> bytes:
    return kit.chat().replace(b"host:", b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nhost:")


@pytest.mark.parametrize("name", CLIENT)
def test_a_request_that_is_wrong_gets_a_clean_answer(kit: Kit, name: str) -> None:
    make, status = CLIENT[name]
    sent = make(kit)
    pieces = [sent, *[ENDLESS] * 400] if name == "endless chunks" else [sent]
    got = kit.say(*pieces)
    assert got.startswith(b"HTTP/1.1 %d " % status if status else b"")
    if status is not None and status >= 400:
        assert json.loads(got.partition(b"\r\n\r\n")[2])["error"]["message"]
    kit.works()


@pytest.mark.parametrize("size", [1, 7, 60, 10_000])
@pytest.mark.parametrize(("path", "status"), [(b"/v1/chat/completions", 200), (b"/v1/responses", 404)])
def test_an_offer_of_another_protocol_is_declined_in_whatever_pieces_it_comes(
    kit: Kit, path: bytes, status: int, size: int
) -> None:
    sent, answer = _offering(kit).replace(b"/v1/chat/completions", path), b"HTTP/1.1 %d " % status
    with kit.connected() as connection:
        for _ in range(2):  # the connection stays one of HTTP/1.1
            for at in range(0, len(sent), size):
                connection.sendall(sent[at : at + size])
            assert read_all(connection).startswith(answer)
        connection.sendall(sent * 3 + kit.chat())
        got = b""
        while got.count(answer) < 3 or got.count(b"HTTP/1.1 200 ") < 1:
            piece = connection.recv(65536)
            assert piece, got
            got += piece


def test_a_tunnel_is_refused(kit: Kit) -> None:
    for more in (b"", b"upgrade: x\r\nconnection: upgrade\r\n"):
        assert kit.say(b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n%b\r\n" % more).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("name", ["no body", "Model", "no key", "text", "encoded", "another host"])
def test_a_refused_request_leaves_its_connection_usable(kit: Kit, name: str) -> None:
    with kit.connected() as connection:
        connection.sendall(CLIENT[name][0](kit))
        assert read_all(connection).startswith(b"HTTP/1.1 4")
        connection.sendall(kit.chat())
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([b""], None),
        ([b"POST /v1/chat/com"], 408),
        ([b"POST /v1/chat/completions HTTP/1.1\r\n", *[b"a: b\r\n"] * 12], 408),
        (["body"], 408),
        (["cold body"], 408),
    ],
    ids=["nothing", "half a line", "a header now and then", "half a body", "half a body elsewhere"],
)
def test_slow_clients_are_ended(kit: Kit, pieces: list[Any], status: int | None) -> None:
    begun = time.monotonic()
    sent = {
        "body": kit.head(length=100) + b'{"model"',
        "cold body": kit.head(length=100).replace(b"/chat/completions", b"/tokenizers/estimate-token-count") + b"{",
    }
    got = kit.say(*[sent.get(piece, piece) for piece in pieces], pause_s=0.1)
    assert got.startswith(b"HTTP/1.1 408 " if status else b"")
    assert time.monotonic() - begun < 8
    kit.works()


def test_pipelined_requests_are_answered_in_their_order(kit: Kit) -> None:
    kit.upstream.acts["later"] = lambda connection: (time.sleep(0.2), connection.sendall(LAST))[1]
    live = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n"
    missing = b"GET /v1/missing HTTP/1.1\r\nhost: localhost\r\n\r\n"
    wrong = kit.chat(model="wrong")
    last = kit.chat().replace(b"host:", b"connection: close\r\nhost:")
    with kit.connected() as connection:
        connection.sendall(
            kit.chat(user="later") + live + kit.chat() + wrong + missing + kit.chat(user="later") + last
        )
        data = b""
        while piece := connection.recv(65536):
            data += piece
    statuses = [int(part[:3]) for part in data.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 200, 200, 404, 404, 200, 200]
    assert data.index(b'"status":"ok"') > data.index(b"kimi-k2.6")


def test_a_pipelined_request_may_come_to_its_end_later(kit: Kit) -> None:
    kit.upstream.acts["later"] = lambda connection: (time.sleep(0.2), connection.sendall(LAST))[1]
    last = kit.chat().replace(b"host:", b"connection: close\r\nhost:")
    with kit.connected() as connection:
        connection.sendall(kit.chat(user="later") + last[:-1])
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(last[-1:])
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")


def test_what_stands_behind_a_request_cannot_spoil_its_answer(kit: Kit) -> None:
    kit.upstream.acts["later"] = lambda connection: (time.sleep(0.2), connection.sendall(LAST))[1]
    got = kit.say(kit.chat(user="later") + b"\x00\x01 nonsense\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 ")
    assert got.count(b"HTTP/1.1") == 1
    flood = kit.say((kit.chat(user="later") + kit.chat() * 100)[:250_000])
    assert flood.startswith(b"HTTP/1.1 200 ")


def test_a_client_that_waits_for_100_is_told_to_go_on(kit: Kit) -> None:
    body = kit.chat().partition(b"\r\n\r\n")[2]
    with kit.connected() as connection:
        connection.sendall(kit.head("expect: 100-continue", length=len(body)))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")
    with kit.connected() as connection:
        connection.sendall(kit.head("expect: 100-continue", length=BODY_MAX + 1))
        got = read_all(connection)
        assert got.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in got


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_when_the_client_goes_the_upstream_is_closed_within_a_second(kit: Kit, stream: bool) -> None:
    ended = threading.Event()

    def speak(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if stream:
                connection.sendall(STREAM)
                while True:
                    connection.sendall(event("word "))
                    time.sleep(0.01)
            connection.recv(1)
        ended.set()

    kit.upstream.acts["speaks"] = speak
    with kit.connected() as connection:
        connection.sendall(kit.chat(user="speaks", stream=stream))
        if stream:
            assert connection.recv(100)
        else:
            time.sleep(0.1)
    begun = time.monotonic()
    assert ended.wait(5)
    assert time.monotonic() - begun < 1
    kit.gateway.booked()
    line = kit.gateway.desk.entries("ada")[-1]
    assert line.outcome == "client_gone"
    assert "estimated" in line.price_basis
    assert line.cost_nano
    kit.works()


def test_a_client_that_goes_while_it_sends_leaves_nothing(kit: Kit) -> None:
    for _ in range(5):
        with kit.connected() as connection:
            connection.sendall(kit.head(length=5_000_000) + b'{"model":"kimi-k2.6","x":"' + b"x" * 2_000_000)
    kit.works()


def test_a_slow_reader_holds_the_upstream_back(kit: Kit) -> None:
    total, poured = 60_000, 0
    words = event("word " * 200)

    def pour(connection: socket.socket) -> None:
        nonlocal poured
        connection.settimeout(30)
        with contextlib.suppress(OSError):
            connection.sendall(STREAM)
            while poured < total:
                connection.sendall(words)
                poured += 1
            connection.sendall(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")

    kit.upstream.acts["pours"] = pour
    with kit.connected() as connection:
        connection.sendall(kit.chat(user="pours", stream=True))
        time.sleep(1.5)
        held = poured
        assert held < total  # about 65 MB do not fit into the buffers between
        for _ in range(3):
            kit.works()
        end = b""
        while not end.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"):
            piece = connection.recv(1024 * 1024)
            assert piece
            end = end[-100:] + piece
    assert poured == total


def test_the_model_may_stand_behind_fifty_megabytes(kit: Kit) -> None:
    text = b"x" * 50_000_000
    body = b'{"messages":[{"role":"user","content":"%b"}],"stream":false,"model":"kimi-k2.6"}' % text
    got = kit.say(kit.head(length=len(body)), body)
    assert got.startswith(b"HTTP/1.1 200 ")
    assert kit.upstream.sizes[-1] == len(body)
    twice = body[:-1] + b',"MODEL":"kimi-k2.6"}'
    assert kit.say(kit.head(length=len(twice)), twice).startswith(b"HTTP/1.1 400 ")
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:3_000_000], body[3_000_000:]))
    sent = kit.head("transfer-encoding: chunked") + chunks + b"0\r\n\r\n"
    assert kit.say(sent).startswith(b"HTTP/1.1 200 ")
    streamed = body.replace(b'"stream":false', b'"stream":true ')
    kit.say(kit.head(length=len(streamed)), streamed)
    assert kit.upstream.sizes[-1] > len(streamed)  # the usage was asked for


def test_memory_stays_where_it_was(kit: Kit) -> None:
    """Descriptors too: after all the faults above nothing is open that need not be."""
    kit.works()
    before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
    for _ in range(50):
        kit.works()
        kit.say(kit.chat(model="wrong"))
        kit.say(b"nonsense\r\n\r\n")
    after = len(list(Path("/proc/self/fd").iterdir())) if before else 0
    assert after <= before + 5
