"""Injected faults as a client meets them on the socket."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import h11
import httpx2
import pytest

from moongate.testing import Answer, Chaos, Fault, MoonshotServer

Ask = Callable[..., Any]
Body = Callable[..., dict[str, object]]


@contextlib.contextmanager
def answering(server: MoonshotServer, body: dict[str, object]) -> Iterator[http.client.HTTPResponse]:
    """Send a chat call and hand over the answer as soon as its headers are there."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=0.5)) as connection:
        headers = {"authorization": f"Bearer {server.key}"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        with connection.getresponse() as answer:
            yield answer


def test_reset_before_the_headers(server: MoonshotServer, ask: Ask) -> None:
    server.inject(Fault("reset"))
    with pytest.raises(ConnectionResetError):
        ask(server, "GET", "/models")
    assert ask(server, "GET", "/models").status == 200


@pytest.mark.parametrize("stream", [True, False])
def test_reset_in_the_middle_costs_money(server: MoonshotServer, body: Body, stream: bool) -> None:
    server.inject(Fault("reset", at="middle"))
    with pytest.raises(ConnectionResetError), answering(server, body("x" * 999, stream=stream)) as answer:
        assert answer.status == 200
        answer.read()
    assert server.accounts.default.spent > 0


def test_reset_at_the_start_costs_nothing_unless_accepted(server: MoonshotServer, ask: Ask, body: Body) -> None:
    for accepted in (None, True):
        server.inject(Fault("reset", accepted=accepted))
        with pytest.raises(ConnectionResetError):
            ask(server, "POST", "/chat/completions", body())
        assert (server.accounts.default.spent > 0) is bool(accepted)


@pytest.mark.parametrize("at", ["start", "middle"])
def test_stall(server: MoonshotServer, body: Body, at: Any) -> None:
    server.inject(Fault("stall", at=at))
    with pytest.raises(TimeoutError), answering(server, body(stream=True)) as answer:
        assert at == "middle"
        answer.read()


def test_truncated_stream_and_body(server: MoonshotServer, body: Body) -> None:
    server.inject(Fault("truncate", times=2))
    for stream in (True, False):
        with pytest.raises(http.client.IncompleteRead) as caught, answering(server, body(stream=stream)) as answer:
            answer.read()
        assert b"[DONE]" not in caught.value.partial
        assert caught.value.partial


def test_garbage_html_and_any_status(server: MoonshotServer, ask: Ask) -> None:
    server.inject(Fault("garbage"), Fault("html_504"))
    server.inject(Fault(status=418, body={"a": 1}, headers={"x-a": "b"}), Fault(status=503, body="oops"))
    garbage, html, chosen, text = (ask(server, "GET", "/models") for _ in range(4))
    assert garbage.status == 200 and garbage.body.startswith(b"<!doctype")
    assert html.status == 504 and html.headers["content-type"].startswith("text/html")
    assert (chosen.status, chosen.json(), chosen.headers["x-a"]) == (418, {"a": 1}, "b")
    assert (text.status, text.body) == (503, b"oops")


def test_a_refusal_by_name(server: MoonshotServer, ask: Ask) -> None:
    server.inject(Fault("refusal", name="overloaded", headers={"retry-after": "1"}))
    answer = ask(server, "GET", "/models")
    assert answer.status == 429
    assert answer.json()["error"] == {
        "message": "The engine is currently overloaded, please try again later",
        "type": "engine_overloaded_error",
    }
    assert answer.headers["retry-after"] == "1"


def test_redirect(server: MoonshotServer, ask: Ask) -> None:
    server.inject(Fault("redirect", url="http://127.0.0.1:1/elsewhere"))
    answer = ask(server, "GET", "/models")
    assert (answer.status, answer.headers["location"]) == (307, "http://127.0.0.1:1/elsewhere")


def test_a_huge_list_is_made_while_it_is_sent(server: MoonshotServer) -> None:
    server.inject(Fault("huge", size_bytes=3_000_000))
    with httpx2.stream("GET", f"{server.base_url}/models") as answer:
        value = json.loads(answer.read())
    assert len(value["data"]) > 30_000
    assert "content-length" not in answer.headers


def test_an_endless_list_can_be_left(server: MoonshotServer, ask: Ask) -> None:
    server.inject(Fault("endless"))
    with httpx2.stream("GET", f"{server.base_url}/models") as answer:
        got = 0
        for piece in answer.iter_bytes():
            got += len(piece)
            if got > 2_000_000:
                break
    assert ask(server, "GET", "/models").status == 200


def test_slow(server: MoonshotServer, ask: Ask) -> None:
    server.inject(Fault("slow", seconds=0.3))
    with pytest.raises(TimeoutError):
        ask(server, "GET", "/models", timeout=0.05)


def test_drip_and_half_characters_are_harmless(server: MoonshotServer, ask: Ask, body: Body) -> None:
    for kind in ("drip", "half_utf8"):
        for stream in (True, False):
            server.inject(Fault(kind))
            answer = ask(server, "POST", "/chat/completions", body("月がきれい", stream=stream))
            if stream:
                text = "".join(e["choices"][0]["delta"].get("content", "") for e in answer.events)
            else:
                text = answer.json()["choices"][0]["message"]["content"]
            assert text == "月がきれい"


def test_half_utf8_really_cuts(server: MoonshotServer) -> None:
    server.replies = [Answer("月", reasoning="")]
    server.inject(Fault("half_utf8"))
    body = json.dumps({"model": "kimi-k2.6", "stream": True, "messages": [{"role": "user", "content": "x"}]})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(f"{head}authorization: Bearer {server.key}\r\n\r\n{body}".encode())
        raw = b"".join(iter(lambda: client.recv(65536), b""))
    first, second, third = "月".encode()
    assert bytes([first]) + b"\r\n" in raw
    assert bytes([second, third]) in raw


def test_broken_utf8_is_broken(server: MoonshotServer, ask: Ask, body: Body) -> None:
    for stream in (True, False):
        server.inject(Fault("broken_utf8"))
        answer = ask(server, "POST", "/chat/completions", body(stream=stream))
        with pytest.raises(UnicodeDecodeError):
            answer.body.decode()


def test_streams_that_say_too_much_or_too_little(server: MoonshotServer, ask: Ask, body: Body) -> None:
    asked = body(stream=True, stream_options={"include_usage": True})
    server.inject(Fault("duplicate_usage"), Fault("no_done"), Fault("error_in_stream"))
    twice, undone, failed = (ask(server, "POST", "/chat/completions", asked) for _ in range(3))
    assert sum("usage" in event for event in twice.events) == 2
    assert undone.events and b"[DONE]" not in undone.body
    assert failed.events[-1]["error"]["type"] == "engine_overloaded_error"
    assert b"[DONE]" not in failed.body


def test_an_error_in_openrouters_stream_has_its_shape(ask: Ask, body: Body) -> None:
    with MoonshotServer(dialect="openrouter") as server:
        server.inject(Fault("error_in_stream"), Fault("error_in_stream", body={"error": "mine"}))
        asked = body(model="moonshotai/kimi-k3", stream=True)
        first, second = (ask(server, "POST", "/chat/completions", asked).events[-1] for _ in range(2))
    assert first["choices"][0]["finish_reason"] == "error" and first["error"]["code"] == 502
    assert second == {"error": "mine"}


def test_an_answer_that_cannot_be_sent_is_told_to_the_test(ask: Ask) -> None:
    with pytest.raises(h11.LocalProtocolError), MoonshotServer() as server:
        server.inject(Fault(status=200, headers={"x": "a\nb"}))
        with pytest.raises(http.client.RemoteDisconnected):
            ask(server, "GET", "/models")


def test_faults_match_method_path_and_number(server: MoonshotServer, ask: Ask) -> None:
    server.inject(Fault(status=500, method="GET", path="/models", skip=1, times=2))
    assert ask(server, "GET", "/users/me/balance").status == 200
    assert [ask(server, "GET", "/models").status for _ in range(4)] == [200, 500, 500, 200]


def test_a_fault_may_stay_until_it_is_healed(server: MoonshotServer, ask: Ask) -> None:
    server.inject(Fault(status=500, path="/models*", times=None))
    assert [ask(server, "GET", "/models").status for _ in range(3)] == [500] * 3
    server.heal()
    assert ask(server, "GET", "/models").status == 200


def test_chaos_repeats_itself(ask: Ask) -> None:
    def run(seed: int) -> list[int]:
        with MoonshotServer() as server:
            server.inject(Chaos(seed, rate=0.5, kinds=("garbage", "html_504", "status")))
            return [ask(server, "GET", "/models").status for _ in range(20)]

    assert run(1) == run(1) != run(2)
    assert set(run(1)) > {200}
