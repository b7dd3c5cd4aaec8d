"""The server as a whole: start, keys, routes, records, many connections, nothing left behind."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from moongate.testing import Account, Answer, Fault, MoonshotServer, serve

Ask = Callable[..., Any]
Body = Callable[..., dict[str, object]]


def test_the_base_url_is_on_loopback(server: MoonshotServer) -> None:
    assert server.base_url == f"http://127.0.0.1:{server.port}/v1"
    assert server.key.startswith("sk-test-")


def test_keys_differ_between_servers(server: MoonshotServer) -> None:
    with MoonshotServer() as other:
        assert other.key != server.key


def test_closing_ends_the_thread_and_frees_the_port() -> None:
    with MoonshotServer() as server:
        port = server.port
        assert any(thread.name.endswith(str(port)) for thread in threading.enumerate())
    assert not any(thread.name.endswith(str(port)) for thread in threading.enumerate())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    server.close()


def test_a_server_that_never_started_can_be_closed() -> None:
    MoonshotServer().close()


def test_closing_does_not_wait_for_stalled_clients(ask: Ask) -> None:
    with MoonshotServer() as server:
        server.inject(Fault("stall"))
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
            while not server.requests:
                threading.Event().wait(0.005)
            server.close()
            assert not any(thread.name.endswith(str(server.port)) for thread in threading.enumerate())


def test_requests_are_recorded_in_order(server: MoonshotServer, ask: Ask, body: Body) -> None:
    ask(server, "GET", "/models?a=1&a=2&b=")
    ask(server, "POST", "/chat/completions", body("hi"), headers={"X-Thing": "one"})
    first, second = server.requests
    assert (first.method, first.path, dict(first.query)) == ("GET", "/v1/models", {"a": "1", "b": ""})
    assert second.headers["x-thing"] == "one"
    assert second.json()["messages"][0]["content"] == "hi"
    assert server.count("POST", "/v1/chat/completions") == server.count("POST", "/chat/completions") == 1
    assert server.count() == 2
    server.forget()
    assert server.requests == ()


def test_an_unknown_route_is_refused_before_the_key(server: MoonshotServer, ask: Ask) -> None:
    answer = ask(server, "POST", "/responses", {}, key=None)
    assert answer.status == 404
    assert answer.body.decode() == (
        '{"code":5,"error":"url.not_found","message":"没找到对象","method":"POST","scode":"0x5",'
        '"status":false,"ua":"","url":"/v1/responses"}'
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/chat/completions"), ("POST", "/models"), ("GET", "/models/kimi-k2.6"), ("PUT", "/files")],
)
def test_a_wrong_method_gets_the_same_answer(server: MoonshotServer, ask: Ask, method: str, path: str) -> None:
    assert ask(server, method, path).json()["error"] == "url.not_found"


def test_the_four_kinds_of_wrong_key(ask: Ask) -> None:
    with MoonshotServer(region="cn") as server:
        international = server.accounts.add(Account(region="ai"))
        code = server.accounts.add(Account(region="cn", product="code"))
        assert code.key.startswith("sk-kimi-")
        nothing = ask(server, "GET", "/models", key=None)
        wrong = [ask(server, "GET", "/models", key=key) for key in ("sk-x", international.key, code.key)]
    assert nothing.status == 401
    assert nothing.json() == {"error": {"message": "Incorrect API key provided", "type": "incorrect_api_key_error"}}
    for answer in wrong:
        assert answer.status == 401
        assert answer.json() == {
            "error": {"message": "Invalid Authentication", "type": "invalid_authentication_error"}
        }


def test_an_unknown_model(server: MoonshotServer, ask: Ask, body: Body) -> None:
    answer = ask(server, "POST", "/chat/completions", body(model="kimi-not-exist"))
    assert answer.status == 404
    assert answer.json() == {
        "error": {
            "message": "Not found the model kimi-not-exist or Permission denied",
            "type": "resource_not_found_error",
        }
    }


def test_a_listed_model_may_still_be_denied(server: MoonshotServer, ask: Ask, body: Body) -> None:
    server.accounts.default.denied.add("kimi-k2.6")
    assert "kimi-k2.6" in [row["id"] for row in ask(server, "GET", "/models").json()["data"]]
    assert "or Permission denied" in ask(server, "POST", "/chat/completions", body()).message


def test_models_can_vanish_while_it_runs(server: MoonshotServer, ask: Ask, body: Body) -> None:
    server.models = ("kimi-k3",)
    assert server.models == ("kimi-k3",)
    assert ask(server, "POST", "/chat/completions", body()).status == 404


def test_replies_can_be_a_script_or_a_function(server: MoonshotServer, ask: Ask, body: Body) -> None:
    def say(request: Any) -> str:
        return str(len(request["messages"]))

    server.replies = ["one", Answer("two", reasoning="because")]
    said = [ask(server, "POST", "/chat/completions", body()).json()["choices"][0] for _ in range(3)]
    assert [choice["message"]["content"] for choice in said] == ["one", "two", "hello"]
    assert said[1]["message"]["reasoning_content"] == "because"
    server.replies = say
    assert ask(server, "POST", "/chat/completions", body()).json()["choices"][0]["message"]["content"] == "1"


def test_a_function_that_fails_is_told_to_the_test(ask: Ask, body: Body) -> None:
    def fail(request: Any) -> str:
        raise LookupError("no such answer")

    with pytest.raises(LookupError, match="no such answer"), MoonshotServer(replies=fail) as server:
        assert ask(server, "POST", "/chat/completions", body()).status == 500
        assert len(server.failures) == 1


def test_too_large_a_body_gets_413(ask: Ask) -> None:
    with MoonshotServer(body_max_bytes=1000) as server:
        answer = ask(server, "POST", "/chat/completions", b"x" * 500_000)
        assert answer.status == 413
        assert answer.message == "Request exceeds the maximum size"
        assert len(server.requests[0].body) <= 1000


def test_five_hundred_connections_at_once() -> None:
    with MoonshotServer() as server:
        sockets = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(500)]
        request = f"GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {server.key}\r\n\r\n"
        for one in sockets:
            one.sendall(request.encode())
        answers = [one.recv(15) for one in sockets]
        for one in sockets:
            one.close()
    assert answers == [b"HTTP/1.1 200 \r\n"[:15]] * 500


def test_one_connection_carries_many_requests(server: MoonshotServer, body: Body) -> None:
    with httpx2.Client(base_url=server.base_url, headers={"authorization": f"Bearer {server.key}"}) as client:
        statuses = [client.post("/chat/completions", json=body(stream=bool(i % 2))).status_code for i in range(6)]
    assert statuses == [200] * 6


def test_expect_continue_is_answered(server: MoonshotServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(b"POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\nexpect: 100-continue\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        client.sendall(b"x")
        assert client.recv(100).startswith(b"HTTP/1.1 401")


def test_nonsense_gets_400(server: MoonshotServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(b"nonsense\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400")


def test_an_open_door_needs_no_key(ask: Ask, body: Body) -> None:
    with MoonshotServer(dialect="openai", open_door=True) as server:
        assert ask(server, "POST", "/chat/completions", body(), key=None).status == 200


def test_serve_runs_a_dialect(ask: Ask) -> None:
    with serve("openrouter", 0) as server:
        assert server.base_url.endswith("/api/v1")
        assert ask(server, "GET", "/models", key=None).status == 200
