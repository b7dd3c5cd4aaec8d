"""A request whose head is known gets what the parser would give it, and is known no longer than that holds."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from moongate.gateway import known
from moongate.gateway.known import Known
from moongate.gateway.seams import Caller

BODY = json.dumps(
    {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}, separators=(",", ":")
).encode()
SILENCE_S = 0.3
BEGINS = re.compile(rb"(?=HTTP/1\.1 [1-5])")
VARIES = re.compile(rb"\r\n(?:date|msh-request-id|x-moongate-overhead-ms): [^\r]*|\"id\":\"[^\"]*\"|\"created\":\d+")


class Wire:
    """One connection to the gateway, as bytes."""

    def __init__(self, client: Any) -> None:
        self.secret = client.secret
        self.socket = socket.create_connection(client.address, timeout=15)
        self.known = client.running._worker._porter.known

    def request(self, *more: str, length: object = None, body: bytes = BODY, target: str = "") -> bytes:
        lines = [
            f"POST /v1/chat/completions{target} HTTP/1.1",
            "Host: localhost",
            f"Authorization: Bearer {self.secret}",
            "Content-Type: application/json",
            f"Content-Length: {len(body) if length is None else length}",
            *more,
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def say(self, *pieces: bytes, answers: int = 1) -> list[bytes]:
        """Send, and return so many answers, or those that came before the gateway closed; 0: see that none comes."""
        for piece in pieces:
            self.socket.sendall(piece)
        data = b""
        self.socket.settimeout(15 if answers else SILENCE_S)
        with contextlib.suppress(TimeoutError):
            while _whole_in(data) < max(answers, 1) and (piece := self.socket.recv(65536)):
                data += piece
        return [VARIES.sub(b"", part) for part in BEGINS.split(data)[1:]]


def _whole_in(data: bytes) -> int:
    parts = [part.partition(b"\r\n\r\n") for part in BEGINS.split(data)[1:]]
    lengths = [re.search(rb"content-length: (\d+)", head) for head, _, _ in parts]
    return sum(bool(n and len(body) >= int(n[1])) for n, (_, _, body) in zip(lengths, parts, strict=True))


@pytest.fixture
def wires(client: Any) -> Iterator[Any]:
    opened: list[Wire] = []

    def wire() -> Wire:
        opened.append(Wire(client))
        return opened[-1]

    yield wire
    for each in opened:
        each.socket.close()


def test_a_repeated_head_is_known_whatever_the_length_of_the_body(wires: Any) -> None:
    wire = wires()
    first = wire.say(wire.request())
    assert len(wire.known) == 1
    longer = BODY.replace(b'"hi"', b'"how are you?"')
    assert wire.say(wire.request())[0].splitlines()[:5] == first[0].splitlines()[:5]
    assert wire.say(wire.request(body=longer))[0].startswith(b"HTTP/1.1 200 ")
    assert wires().say(wire.request())[0].startswith(b"HTTP/1.1 200 ")  # another connection
    assert len(wire.known) == 1


# What follows on a head that is known, and might be taken for it
LOOKALIKES: dict[str, Any] = {
    "the same": lambda wire: wire.request(),
    "a body that is too short": lambda wire: wire.request(length=len(BODY) + 5),
    "a body and more": lambda wire: wire.request(length=len(BODY) - 5),
    "zeros before": lambda wire: wire.request(length=f"00{len(BODY)}"),
    "a sign": lambda wire: wire.request(length=f"+{len(BODY)}"),
    "an underscore": lambda wire: wire.request(length="1_0", body=b"x" * 10),
    "a blank before": lambda wire: wire.request(length=f" {len(BODY)}"),
    "a blank behind": lambda wire: wire.request(length=f"{len(BODY)} "),
    "no digits": lambda wire: wire.request(length=""),
    "no body": lambda wire: wire.request(length=0, body=b""),
    "two lengths": lambda wire: wire.request(f"Content-Length: {len(BODY)}"),
    "a length and chunks": lambda wire: wire.request("Transfer-Encoding: chunked"),
    "two hosts": lambda wire: wire.request("Host: localhost"),
    "another host": lambda wire: wire.request().replace(b"Host: localhost", b"Host: evil.example"),
    "another key": lambda wire: wire.request().replace(wire.secret.encode(), b"sk-mg-wrong"),
    "another kind": lambda wire: wire.request().replace(b"application/json", b"text/plain"),
    "another origin": lambda wire: wire.request("Origin: https://evil.example"),
    "encoded": lambda wire: wire.request("Content-Encoding: gzip"),
    "an end": lambda wire: wire.request("Connection: close"),
    "old HTTP": lambda wire: wire.request().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "an expectation": lambda wire: wire.request("Expect: a miracle"),
    "an offer": lambda wire: wire.request("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings"),
    "a name of its own": lambda wire: wire.request("X-Request-Id: one"),
    "a query": lambda wire: wire.request(target="?a=b"),
    "two at once": lambda wire: wire.request() + wire.request(),
    "another route behind": lambda wire: wire.request() + b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "a head in the body": lambda wire: wire.request(body=wire.request()),
    "blank lines before": lambda wire: b"\r\n\r\n" + wire.request(),
    "bare line feeds": lambda wire: wire.request().replace(b"\r\n", b"\n"),
    "no JSON": lambda wire: wire.request(body=b"x" * len(BODY)),
    "an unknown model": lambda wire: wire.request(body=BODY.replace(b"kimi-k2.6", b"kimi-k9")),
}


ANSWERS = {"a body that is too short": 0, "a body and more": 2, "two at once": 2, "another route behind": 2}  # else 1


def test_both_roads_lead_to_the_same_answers(wires: Any) -> None:
    """Each request comes whole while its head is known, and in pieces, which only the parser puts together."""
    heads = wires().known
    for name, make in LOOKALIKES.items():
        warm, parsed = wires(), wires()
        for _ in range(2):
            assert warm.say(warm.request())[0].startswith(b"HTTP/1.1 200 "), name
        sent = make(warm)
        answers = ANSWERS.get(name, 1)
        by_bytes = warm.say(sent, answers=answers)
        assert len(by_bytes) == answers, name
        heads.forget()
        assert by_bytes == parsed.say(sent[:-1], sent[-1:], answers=answers), name


def test_a_key_that_is_revoked_opens_nothing_though_its_head_was_known(wires: Any, client: Any, kit: Any) -> None:
    wire = wires()
    assert wire.say(wire.request()) == wire.say(wire.request())
    assert len(wire.known) == 1
    client.running.desk.revoke(str(client.running.desk.keys()[0].id))
    kit.eventually(lambda: wires().say(wire.request())[0].startswith(b"HTTP/1.1 401 "))
    assert wire.say(wire.request())[0].startswith(b"HTTP/1.1 401 ")
    assert len(wire.known) == 0


def test_another_configuration_forgets_all(wires: Any, client: Any) -> None:
    wire = wires()
    wire.say(wire.request())
    porter = client.running._worker._porter
    porter.use(porter.options)
    assert len(wire.known) == 0


class Keys:
    """The till as far as heads need it."""

    def __init__(self) -> None:
        self.number = 0
        self.caller = Caller(key_id=1, account_id=1, account="ada", currency="USD")

    def revision(self) -> int:
        return self.number

    def caller_of(self, key_id: int) -> Caller | None:
        return self.caller if key_id == 1 else None


def _learned(known: Known, keys: Keys, *, path: bytes = b"/") -> bytes:
    data = b"POST %b HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}" % path
    known.remember(data, {b"content-length": b"2"}, keys.caller, b"")
    return data


def test_what_is_remembered_is_bounded_and_ends_with_its_key() -> None:
    keys, now = Keys(), [0.0]
    heads = Known(keys, lambda: now[0])  # type: ignore[arg-type]
    data = _learned(heads, keys)
    assert heads.recall(data, 2) is not None
    assert heads.recall(data, 1) is None  # a body may not be so long any more
    keys.caller.expires_at = 10.0
    now[0] = 10.0
    assert heads.recall(data, 2) is None
    for number in range(known.HEADS + 10):
        _learned(heads, keys, path=b"/%d" % number)
    assert len(heads) <= known.HEADS
    keys.number += 1
    keys.caller.expires_at = None
    assert heads.recall(b"POST /1030 HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}", 2) is None
    _learned(heads, keys, path=b"/" + b"x" * known.HEAD_BYTES)
    assert len(heads) == 0


def test_a_caller_who_is_gone_is_not_remembered() -> None:
    keys = Keys()
    heads = Known(keys, lambda: 0.0)  # type: ignore[arg-type]
    gone = Caller(key_id=2, account_id=1, account="ada", currency="USD")
    heads.remember(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}", {b"content-length": b"2"}, gone, b"")
    assert len(heads) == 0


def test_every_call_on_the_short_road_is_settled(wires: Any, client: Any) -> None:
    wire = wires()
    for _ in range(3):
        assert wire.say(wire.request())[0].startswith(b"HTTP/1.1 200 ")
    assert [line.outcome for line in client.ledger] == ["ok"] * 3
