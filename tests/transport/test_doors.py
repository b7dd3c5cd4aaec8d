"""Both drivers against real sockets: what is sent how often, what is read how far, and where a key never goes.

`sync` and `aio` are twins, so every test here runs through each of them.
"""

from __future__ import annotations

import gzip
import itertools
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from moongate import errors as e
from moongate.facts.providers import Provider, at, built_in
from moongate.testing import Fault, MoonshotServer
from moongate.transport.network import Network
from moongate.wire import calls
from moongate.wire.calls import Call
from moongate.wire.retry import Policy

HELLO = [{"role": "user", "content": "晚上好"}]
ROUTE = "/chat/completions"
RowAt = Callable[..., Provider]


def _chat(row: Provider, *, stream: bool = False) -> Call[Any]:
    return calls.chat(row, calls.chat_body(model="kimi-k2.6", messages=HELLO, stream=stream), model="kimi-k2.6")


ONCE = [
    (Fault(status=500, times=None), e.ServerError),
    (Fault(status=503, times=None), e.ServerError),
    (Fault(status=502, times=None), e.ServerError),
    (Fault(status=408, times=None), e.TimedOutError),
    (Fault("html_504", times=None), e.ServerError),
    (Fault("reset", times=None), e.UnreachableError),
    (Fault("reset", at="middle", times=None), e.UnreachableError),
    (Fault("truncate", times=None), e.UnreachableError),
    (Fault("garbage", times=None), e.NotJsonError),
    (Fault("broken_utf8", times=None), e.NotJsonError),
    (Fault("refusal", name="quota", headers={"retry-after": "1"}, times=None), e.InsufficientBalanceError),
    (Fault("refusal", name="suspended", headers={"retry-after": "1"}, times=None), e.InsufficientBalanceError),
    (Fault("refusal", name="tpd", headers={"retry-after": "1"}, times=None), e.RateLimitedError),
    (Fault("refusal", name="rpm", headers={"retry-after": "60"}, times=None), e.RateLimitedError),
    (Fault("refusal", name="wrong_key", times=None), e.AuthenticationError),
    (Fault("refusal", name="content_filter", times=None), e.ContentFilterError),
]


@pytest.mark.parametrize(("fault", "error"), ONCE, ids=lambda v: getattr(v, "kind", None) or v.__name__)
def test_a_chat_that_may_be_charged_is_posted_once(
    driver: Any, moonshot_server: MoonshotServer, row_at: RowAt, fault: Fault, error: type[e.MoongateError]
) -> None:
    moonshot_server.inject(fault)
    with pytest.raises(error) as caught:
        driver.call(row_at(moonshot_server), moonshot_server.key, _chat(row_at(moonshot_server)))
    assert type(caught.value) is error and moonshot_server.count("POST") == 1
    account = moonshot_server.accounts.default
    assert not any(secret in str(caught.value) for secret in (account.key, account.org, account.ak))


def test_a_long_wait_is_reported_not_slept(driver: Any, moonshot_server: MoonshotServer, row_at: RowAt) -> None:
    moonshot_server.inject(Fault("refusal", name="rpm", headers={"retry-after": "3599"}))
    with pytest.raises(e.RateLimitedError, match="Try again in 3599 s") as caught:
        driver.call(row_at(moonshot_server), moonshot_server.key, _chat(row_at(moonshot_server)))
    assert caught.value.retry_after_s == 3599.0 and moonshot_server.count("POST") == 1


AGAIN = [
    Fault("refusal", name="rpm", headers={"retry-after": "0"}, times=2),
    Fault("refusal", name="concurrency", headers={"retry-after": "1"}),
    Fault("refusal", name="overloaded", times=2),
]


@pytest.mark.parametrize("fault", AGAIN, ids=lambda fault: fault.name)
@pytest.mark.parametrize("stream", [False, True])
def test_what_was_not_taken_is_sent_again(
    driver: Any, moonshot_server: MoonshotServer, row_at: RowAt, fault: Fault, stream: bool
) -> None:
    moonshot_server.inject(fault)
    row = row_at(moonshot_server)
    if stream:
        assert driver.stream(row, moonshot_server.key, _chat(row, stream=True)).endswith(b"data: [DONE]\n\n")
    else:
        assert driver.call(row, moonshot_server.key, _chat(row)).content == "晚上好"
    assert moonshot_server.count("POST", ROUTE) == 1 + (fault.times or 0)


def test_a_refused_connection_is_tried_again(driver: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    row = at(built_in()["moonshot"], f"http://127.0.0.1:{port}/v1")
    with pytest.raises(e.UnreachableError, match="could not be reached") as caught:
        driver.call(row, "sk-x", _chat(row))
    assert caught.value.sent is False


@pytest.mark.parametrize("fault", [Fault(status=500), Fault("html_504"), Fault("reset"), Fault("truncate")])
def test_a_list_is_asked_again(driver: Any, moonshot_server: MoonshotServer, row_at: RowAt, fault: Fault) -> None:
    moonshot_server.inject(fault)
    row = row_at(moonshot_server)
    body = driver.call(row, moonshot_server.key, calls.list_body(row, has_key=True))
    assert b"kimi-k2.6" in body and moonshot_server.count("GET", "/models") == 2


def test_a_timed_out_call_is_not_sent_again(driver: Any, moonshot_server: MoonshotServer, row_at: RowAt) -> None:
    moonshot_server.inject(Fault("stall", times=None))
    row = row_at(moonshot_server)
    for call in (_chat(row), calls.list_body(row, has_key=True)):
        with pytest.raises(e.TimedOutError):
            driver.call(row, moonshot_server.key, call, network=Network(read_timeout_s=0.1))
    assert (moonshot_server.count("POST"), moonshot_server.count("GET")) == (1, 1)


@pytest.mark.parametrize("kind", ["huge", "endless"])
def test_a_list_without_end_is_read_to_its_bound(
    driver: Any, moonshot_server: MoonshotServer, row_at: RowAt, kind: Any
) -> None:
    moonshot_server.inject(Fault(kind, path="/models", times=None))
    row = row_at(moonshot_server)
    with pytest.raises(e.TooLargeError, match="more than 32 MiB"):
        driver.call(row, moonshot_server.key, calls.list_body(row, has_key=True))
    assert moonshot_server.count("GET") == 1


def test_a_list_that_drips_past_its_bound(driver: Any, raw: Any) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    server = raw(itertools.chain([head], itertools.repeat(b" ", 200)), 0.02)
    row = at(built_in()["moonshot"], server.url)
    with pytest.raises(e.TimedOutError, match=r"longer than 0\.1 s"):
        network = Network(read_timeout_s=5, total_timeout_s=0.1)
        driver.call(row, "sk-x", calls.list_body(row, has_key=True), network=network, policy=Policy(tries=2))
    assert len(server.requests) == 1


@pytest.mark.parametrize("call", ["list", "chat", "stream"])
def test_a_redirect_is_not_followed(driver: Any, moonshot_server: MoonshotServer, row_at: RowAt, call: str) -> None:
    with MoonshotServer() as thief:
        moonshot_server.inject(Fault("redirect", url=thief.base_url + "/models", times=None))
        row = row_at(moonshot_server)
        with pytest.raises(e.BaseUrlError, match="follows none"):
            if call == "stream":
                driver.stream(row, moonshot_server.key, _chat(row, stream=True))
            else:
                wanted = _chat(row) if call == "chat" else calls.list_body(row, has_key=True)
                driver.call(row, moonshot_server.key, wanted)
        assert thief.requests == () and len(moonshot_server.requests) == 1


def test_a_key_stays_on_its_origin(driver: Any, moonshot_server: MoonshotServer, row_at: RowAt) -> None:
    row = at(built_in()["moonshot"], "http://127.0.0.1:9/v1")
    with pytest.raises(e.BaseUrlError, match="the key stays here"):
        driver.call(row, moonshot_server.key, calls.list_body(row_at(moonshot_server), has_key=True))
    assert moonshot_server.requests == ()


def test_a_public_list_gets_no_key(driver: Any, row_at: RowAt) -> None:
    with MoonshotServer(dialect="aimlapi") as server:
        row = row_at(server, "aimlapi")
        driver.call(row, server.key, calls.list_body(row, has_key=True))
        assert "authorization" not in server.requests[0].headers


def _replied(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"content-length: {len(body)}", "connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_compressed_answers_are_read(driver: Any, raw: Any) -> None:
    server = raw([_replied(gzip.compress(b'{"data":[]}'), "content-encoding: gzip")])
    row = at(built_in()["moonshot"], server.url)
    assert driver.call(row, "sk-x", calls.list_body(row, has_key=True)) == b'{"data":[]}'


def test_a_bomb_is_bounded_after_decompression(driver: Any, raw: Any) -> None:
    bomb = gzip.compress(b" " * (64 * 2**20))
    assert len(bomb) < 100_000
    server = raw([_replied(bomb, "content-encoding: gzip")])
    row = at(built_in()["moonshot"], server.url)
    with pytest.raises(e.TooLargeError):
        driver.call(row, "sk-x", calls.list_body(row, has_key=True))


def test_what_cannot_be_decompressed(driver: Any, raw: Any) -> None:
    server = raw([_replied(b"no gzip at all", "content-encoding: gzip")])
    row = at(built_in()["moonshot"], server.url)
    with pytest.raises(e.NotJsonError, match="decompressed"):
        driver.call(row, "sk-x", _chat(row))
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [b"", b"\x00\x01\x02\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\n",
                                    b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"])  # fmt: skip
def test_what_is_no_http_answer(driver: Any, raw: Any, answer: bytes) -> None:
    server = raw([answer])
    row = at(built_in()["moonshot"], server.url)
    with pytest.raises(e.UnreachableError) as caught:
        driver.call(row, "sk-x", _chat(row))
    assert caught.value.sent and len(server.requests) == 1


def test_a_failed_stream_is_read_whole(driver: Any, moonshot_server: MoonshotServer, row_at: RowAt) -> None:
    row = row_at(moonshot_server)
    body = calls.chat_body(model="kimi-k9", messages=HELLO, stream=True)
    with pytest.raises(e.ModelNotPermittedError, match="Not found the model"):
        driver.stream(row, moonshot_server.key, calls.chat(row, body, model="kimi-k9"))


def test_a_stream_that_is_reset_says_so(driver: Any, moonshot_server: MoonshotServer, row_at: RowAt) -> None:
    moonshot_server.inject(Fault("reset", at="middle"))
    row = row_at(moonshot_server)
    with pytest.raises(e.UnreachableError):
        driver.stream(row, moonshot_server.key, _chat(row, stream=True))
    assert moonshot_server.count("POST") == 1


def test_headers_carry_the_key_and_the_type(driver: Any, moonshot_server: MoonshotServer, row_at: RowAt) -> None:
    row = row_at(moonshot_server)
    driver.call(row, moonshot_server.key, _chat(row))
    sent = moonshot_server.requests[0]
    assert sent.headers["authorization"] == f"Bearer {moonshot_server.key}"
    assert sent.headers["content-type"] == "application/json" and sent.headers["user-agent"] == "moongate"
    assert json.loads(sent.body)["model"] == "kimi-k2.6"
