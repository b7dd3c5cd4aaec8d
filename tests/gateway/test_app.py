"""Every route of the gateway over real sockets: what it lists is what it serves, and nobody gets in without a key."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from moongate.facts.money import Money
from moongate.facts.providers import custom
from moongate.testing import Account, Fault, MoonshotServer
from moongate.wire.listing import listing_from


def test_the_list_has_moonshots_fields_and_the_prices(client: Any) -> None:
    got = client.ask("GET", "/v1/models")
    assert got.status == 200
    first, second = got.json()["data"]
    assert set(second) == {
        "id",
        "object",
        "created",
        "owned_by",
        "context_length",
        "supports_image_in",
        "supports_video_in",
        "supports_reasoning",
    }
    assert first["id"] == "kimi-k2.6"
    assert first["context_length"] == 262144
    assert first["pricing"]["prompt"] == "0.00000095"
    assert first["pricing"]["currency"] == "USD"


def test_moongate_reads_the_prices_of_its_own_gateway(client: Any) -> None:
    row = custom("mine", base_url=client.running.base_url, like="moonshot")
    listing = listing_from(client.ask("GET", "/v1/models").body, row, fetched_at=0.0)
    price = listing.by_id["kimi-k2.6"].price
    assert price is not None
    assert price.cost(prompt_tokens=10**6, completion_tokens=10**6).amount == "4.95"
    assert listing.by_id["kimi-free"].price is None


def test_every_listed_id_is_served_and_nothing_else(client: Any, kit: Any, upstream: MoonshotServer) -> None:
    for row in client.ask("GET", "/v1/models").json()["data"]:
        assert client.chat(kit.body(model=row["id"])).json()["model"] == row["id"]
    upstream.forget()
    for wrong in ("kimi-k2-6", "moonshotai/kimi-k2.6", "Kimi-K2.6", "moonshot/kimi-k2.6"):
        got = client.chat(kit.body(model=wrong))
        assert got.status == 404
        assert got.error["type"] == "resource_not_found_error"
        assert got.error["message"].startswith(f"Not found the model {wrong} or Permission denied")
        assert "kimi-k2.6" in got.error["suggestions"]
        assert (got.error["param"], got.error["code"]) == ("model", "model_refused")
    assert upstream.count("POST") == 0
    assert client.running.model_ids == ("kimi-k2.6", "kimi-free")


def test_declared_aliases_are_listed_because_they_are_served(tmp_path: Path, kit: Any) -> None:
    rows = [{"id": "kimi-k2.6", "aliases": ["kimi-newest"], "context_length": 8192}]
    with (
        MoonshotServer(models=rows) as upstream,
        kit.gateway(kit.settings(upstream, tmp_path)) as client,
    ):
        assert [row["id"] for row in client.ask("GET", "/v1/models").json()["data"]][:1] == ["kimi-k2.6"]
        assert client.chat(kit.body(model="kimi-k2.6")).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("GET", "/v1/users/me/balance"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/tokenizers/estimate-token-count"),
    ],
)
def test_without_the_right_key_every_route_says_401(client: Any, kit: Any, method: str, path: str) -> None:
    body = kit.body() if method == "POST" else None
    for header in (None, "", "Basic abc", "Bearer", "Bearer  "):
        got = client.ask(method, path, body, headers={"authorization": header})
        assert (got.status, got.error["type"]) == (401, "incorrect_api_key_error")
        assert got.error["message"] == "Incorrect API key provided"
    for header in ("Bearer sk-wrong", f"Bearer {client.secret}x", "Bearer " + "x" * 5000, "Bearer k\xe9y"):
        got = client.ask(method, path, body, headers={"authorization": header})
        assert (got.status, got.error["type"]) == (401, "invalid_authentication_error")
        assert got.error["message"] == "Invalid Authentication"


def test_a_revoked_key_ends_at_once(client: Any) -> None:
    assert client.ask("GET", "/v1/models").status == client.chat().status == 200
    client.running.desk.revoke("1")
    time.sleep(0.03)  # how long what is known of the keys may serve
    assert client.ask("GET", "/v1/models").status == client.chat().status == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/nothing"),
        ("GET", "/v1/chat/completions"),
        ("GET", "/v1/models/"),
        ("GET", "/v1/models/kimi-k2.6"),
        ("DELETE", "/v1/models"),
        ("POST", "/v1/chat/completions/"),
        ("POST", "/chat/completions"),
    ],
)
def test_what_is_no_route_is_said_before_the_key_is_looked_at(client: Any, method: str, path: str) -> None:
    got = client.ask(method, path, {} if method == "POST" else None, headers={"authorization": None})
    assert got.status == 404
    body = got.json()
    assert (body["error"], body["code"], body["method"], body["url"]) == ("url.not_found", 5, method, path)


def test_the_balance_is_exact_and_the_callers_own(client: Any) -> None:
    desk = client.running.desk
    desk.create_account("eve", Money.of("0.000000001", "USD"))
    _, secret = desk.create_key("eve")
    got = client.ask("GET", "/v1/users/me/balance", headers={"authorization": f"Bearer {secret}"})
    assert got.body == (
        b'{"code":0,"data":{"available_balance":0.000000001,"voucher_balance":0,"cash_balance":0.000000001},'
        b'"scode":"0x0","status":true}'
    )
    assert client.ask("GET", "/v1/users/me/balance").json()["data"]["available_balance"] == 10


def test_tokens_are_estimated_by_the_upstream_and_guarded(client: Any, kit: Any, upstream: MoonshotServer) -> None:
    path = "/v1/tokenizers/estimate-token-count"
    body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hi"}]}
    assert client.ask("POST", path, body).json()["data"]["total_tokens"] > 0
    upstream.forget()
    refused = client.ask("POST", path, body | {"model": "kimi-k2-6"})
    assert (refused.status, refused.error["suggestions"][0]) == (404, "kimi-k2.6")
    assert refused.error["message"].startswith("Not found the model kimi-k2-6 or Permission denied")
    assert client.ask("POST", path, {"model": "kimi-k2.6"}).status == 400
    assert client.ask("POST", path, {"model": "kimi-k2.6", "messages": "hi"}).status == 400
    assert upstream.count("POST") == 0
    assert client.ledger == []


def test_health_tells_a_live_process_from_one_that_can_serve(tmp_path: Path, kit: Any) -> None:
    with MoonshotServer(models=kit.priced) as upstream:
        upstream.inject(Fault("status", path="/models", times=2, status=503, body=b"{}"))
        with kit.gateway(kit.settings(upstream, tmp_path)) as client:
            without = {"authorization": None}
            assert client.ask("GET", "/health/live", headers=without).json() == {"status": "ok"}
            assert client.ask("GET", "/health/ready", headers=without).status == 503
            assert "not been had" in client.ask("GET", "/", headers=without).body.decode()
            got = client.ask("GET", "/v1/models")
            assert (got.status, got.error["type"]) == (503, "server_unavailable")
    with (
        MoonshotServer(models=kit.priced) as upstream,
        kit.gateway(kit.settings(upstream, tmp_path)) as client,
    ):
        kit.eventually(lambda: client.ask("GET", "/health/ready").status == 200)


def test_the_page_is_plain_and_shows_neither_key_nor_account(client: Any, upstream: MoonshotServer, kit: Any) -> None:
    kit.eventually(lambda: client.ask("GET", "/health/ready").status == 200)
    got = client.ask("GET", "/", headers={"authorization": None})
    page = got.body.decode()
    assert "kimi-k2.6" in page
    assert "0.95 USD" in page
    assert "no price known" in page
    assert "listed" in page
    assert "<script" not in page
    for secret in (client.secret, upstream.key, "ada", "sk-mg"):
        assert secret not in page
    policy = got.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_upstreams_wrong_key_is_the_operators_matter(tmp_path: Path, kit: Any) -> None:
    with MoonshotServer(models=kit.priced) as upstream:
        settings = kit.settings(upstream, tmp_path)
        with kit.gateway(settings) as client:
            kit.eventually(lambda: client.ask("GET", "/health/ready").status == 200)
            upstream.accounts.default.keys[:] = ["sk-another"]
            got = client.chat()
            assert (got.status, got.error["type"], got.error["code"]) == (503, "server_unavailable", "wrong_key")
            assert settings.key is not None
            assert settings.key.reveal() not in got.body.decode()


def test_another_currency_is_refused_and_not_converted(tmp_path: Path, kit: Any) -> None:
    with (
        MoonshotServer(models=kit.priced) as upstream,
        kit.gateway(kit.settings(upstream, tmp_path), balance=Money.of(10, "CNY")) as client,
    ):
        got = client.chat()
        assert (got.status, got.error["type"]) == (403, "permission_denied_error")
        assert "this account is in CNY, the model's price is in USD" in got.error["message"]
        assert client.chat(kit.body(model="kimi-free")).status == 200
        assert upstream.count("POST") == 1


def test_no_answer_names_the_upstreams_key_or_organisation(tmp_path: Path, kit: Any) -> None:
    account = Account(tier=0)
    with (
        MoonshotServer(models=kit.priced, accounts=[account]) as upstream,
        kit.gateway(kit.settings(upstream, tmp_path)) as client,
    ):
        answers = [client.chat() for _ in range(5)]
        assert [got.status for got in answers] == [200, 200, 200, 429, 429]
        assert answers[-1].headers["retry-after"] == "1"
        everything = b"".join(got.body + json.dumps(got.headers).encode() for got in answers)
        for secret in (account.key, account.org, account.ak):
            assert secret.encode() not in everything
