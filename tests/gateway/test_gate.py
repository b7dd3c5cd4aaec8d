"""What a web page, a stranger or a broken client cannot do."""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import Any

import pytest

from moongate.testing import MoonshotServer

GOOD = "https://www.typingmind.com"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_only_json_gets_through(client: Any, kit: Any, upstream: MoonshotServer, kind: str | None) -> None:
    got = client.chat(headers={"content-type": kind})
    assert (got.status, got.error["type"]) == (415, "invalid_request_error")
    assert upstream.count("POST") == 0
    assert client.chat(headers={"content-type": "application/json; charset=utf-8"}).status == 200


def test_an_encoded_body_is_refused(client: Any, upstream: MoonshotServer) -> None:
    assert client.chat(headers={"content-encoding": "gzip"}).status == 415
    assert client.chat(headers={"content-encoding": "identity"}).status == 200
    assert upstream.count("POST") == 1


@pytest.mark.parametrize("path", ["/", "/health/live", "/v1/models", "/nothing"])
def test_another_hosts_name_is_refused_everywhere(client: Any, path: str) -> None:
    port = client.address[1]
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "user@127.0.0.1", ""):
        got = client.ask("GET", path, headers={"host": host})
        assert (got.status, got.error["type"]) == (403, "permission_denied_error")
    for host in ("localhost", f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        assert client.ask("GET", path, headers={"host": host}).status != 403


def test_a_foreign_origin_is_refused_even_on_loopback(client: Any, upstream: MoonshotServer) -> None:
    for origin in ("https://evil.example", "null", "http://localhost:3000", client.running.base_url):
        got = client.chat(headers={"origin": origin})
        assert got.status == 403
        assert "access-control-allow-origin" not in got.headers
        asked = {"origin": origin, "access-control-request-method": "POST"}
        assert client.ask("OPTIONS", "/v1/chat/completions", headers=asked).status == 403
    assert upstream.count("POST") == 0


def test_a_configured_origin_is_let_in_with_a_preflight(tmp_path: Path, kit: Any) -> None:
    with (
        MoonshotServer(models=kit.priced) as upstream,
        kit.gateway(kit.settings(upstream, tmp_path, gateway=f'cors_origins = ["{GOOD}/"]')) as client,
    ):
        asked = {
            "origin": GOOD,
            "authorization": None,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type,x-stainless-os",
            "access-control-request-private-network": "true",
        }
        preflight = client.ask("OPTIONS", "/v1/chat/completions", headers=asked)
        assert (preflight.status, preflight.body) == (204, b"")
        assert preflight.headers["access-control-allow-origin"] == GOOD
        assert "x-stainless-os" in preflight.headers["access-control-allow-headers"]
        assert preflight.headers["access-control-allow-private-network"] == "true"
        for body in (kit.body(), kit.body(stream=True), kit.body(model="wrong")):
            got = client.chat(body, headers={"origin": GOOD})
            assert got.headers["access-control-allow-origin"] == GOOD
            assert got.headers["vary"] == "Origin"
        assert client.chat(headers={"origin": GOOD + ".evil.example"}).status == 403


def test_a_body_that_is_too_large_is_413(tmp_path: Path, kit: Any) -> None:
    with (
        MoonshotServer(models=kit.priced) as upstream,
        kit.gateway(kit.settings(upstream, tmp_path, gateway="max_body_bytes = 5000")) as client,
    ):
        assert client.chat(kit.body("x" * 4000)).status == 200
        for size in (5000, 9000):
            got = client.chat(kit.body("x" * size))
            assert (got.status, got.error["message"]) == (413, "Request exceeds the maximum size")
        assert _chunked(client, [b"x" * 900] * 20) == 413
        assert _announced(client, 500_000) == 413
        assert upstream.count("POST") == 1


def _chunked(client: Any, pieces: list[bytes]) -> int:
    connection = http.client.HTTPConnection(*client.address, timeout=20)
    headers = {"authorization": f"Bearer {client.secret}", "content-type": "application/json"}
    try:
        connection.request("POST", "/v1/chat/completions", iter(pieces), headers, encode_chunked=True)
        with connection.getresponse() as response:
            return response.status
    finally:
        connection.close()


def _announced(client: Any, size: int) -> int:
    """Return the status that a body gets which is announced and never sent."""
    connection = http.client.HTTPConnection(*client.address, timeout=20)
    try:
        connection.putrequest("POST", "/v1/chat/completions")
        for name, value in (("authorization", f"Bearer {client.secret}"), ("content-type", "application/json")):
            connection.putheader(name, value)
        connection.putheader("content-length", str(size))
        connection.endheaders()
        with connection.getresponse() as response:
            return response.status
    finally:
        connection.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'{"messages": []}',
        b'{"model": "kimi-k2.6", "model": "kimi-free", "messages": []}',
        b'{"model": "kimi-k2.6", "Model": "other", "messages": []}',
        b'{"model": ["kimi-k2.6"]}',
        b'{"model": "kimi-k2.6", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model": "kimi-k2.6", "x": \xff}',
        b'\xef\xbb\xbf{"model": "kimi-k2.6"}',
    ],
)
def test_what_can_be_read_in_two_ways_or_not_at_all_is_400(
    client: Any, upstream: MoonshotServer, body: bytes
) -> None:
    got = client.chat(body)
    assert (got.status, got.error["type"]) == (400, "invalid_request_error")
    assert upstream.count("POST") == 0
    assert client.ledger == []


@pytest.mark.parametrize("key", ["max_tokens", "stream", "n", "stream_options", "max_completion_tokens"])
def test_a_key_that_decides_over_money_is_taken_once_and_as_it_is_written(
    client: Any, upstream: MoonshotServer, key: str
) -> None:
    for other in (key, key.upper(), key.title()):
        body = f'{{"model":"kimi-k2.6","{key}":null,"{other}":null,"messages":[{{"role":"user","content":"h"}}]}}'
        got = client.chat(body.encode())
        assert (got.status, got.error["type"]) == (400, "invalid_request_error")
    assert upstream.count("POST") == 0


def test_a_body_travels_as_the_bytes_it_came_in(client: Any, upstream: MoonshotServer) -> None:
    body = b' {"model" : "kimi-k2.6","x":[1.0,2e3], "messages":[{"role":"user","content":"h\\u00e9"}],"x":2 }\n'
    assert client.chat(body).status == 200
    assert upstream.requests[-1].body == body
    assert client.chat(body.replace(b'"x":2', b'"stream":true')).status == 200
    sent = upstream.requests[-1].body
    assert sent.startswith(body[:60])
    assert upstream.requests[-1].json()["stream_options"] == {"include_usage": True}
