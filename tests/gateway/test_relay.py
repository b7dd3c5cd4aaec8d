"""Chats through the gateway: passed on at once, metered exactly, charged once, whatever goes wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from moongate.facts.money import Money
from moongate.testing import Account, Answer, Fault, MoonshotServer

LONG = "a long story " * 20


def cost(usage: dict[str, Any]) -> int:
    """Return what a call costs at the prices of the tests' list, in nano-dollars."""
    cached = usage.get("cached_tokens", 0)
    return (usage["prompt_tokens"] - cached) * 950 + cached * 160 + usage["completion_tokens"] * 4000


def test_a_plain_answer_passes_through_as_it_came(client: Any, upstream: MoonshotServer) -> None:
    got = client.chat()
    assert got.status == 200
    assert got.json()["choices"][0]["message"]["content"] == "hello"
    assert got.json()["model"] == "kimi-k2.6"
    (call,) = [request for request in upstream.requests if request.method == "POST"]
    assert call.headers["authorization"] == f"Bearer {upstream.key}"
    assert client.secret not in str(call.headers)


def test_a_plain_call_is_metered_exactly(client: Any) -> None:
    usage = client.chat().json()["usage"]
    (line,) = client.ledger
    assert client.balance == Money(nano=10 * 10**9 - cost(usage), currency="USD")
    assert (line.outcome, line.status, line.cost_nano, line.currency) == ("ok", 200, cost(usage), "USD")
    assert (line.model, line.asked_model, line.provider) == ("kimi-k2.6", "kimi-k2.6", "moonshot")
    assert line.usage.prompt_tokens == usage["prompt_tokens"]
    assert line.usage.reasoning_tokens == usage["completion_tokens_details"]["reasoning_tokens"]
    assert "live list" in line.price_basis


@pytest.mark.parametrize("wanted", [True, False, None])
def test_a_streamed_call_costs_what_the_plain_one_does(client: Any, kit: Any, wanted: bool | None) -> None:
    plain = client.chat().json()
    options = {} if wanted is None else {"stream_options": {"include_usage": wanted}}
    got = client.chat(kit.body(stream=True, **options))
    assert got.headers["content-type"].startswith("text/event-stream")
    assert got.headers["x-accel-buffering"] == "no"
    assert got.headers["cache-control"] == "no-cache"
    assert got.body.endswith(b"data: [DONE]\n\n")
    assert got.text == "hello"
    finish = [event for event in got.events if event["choices"] and event["choices"][0]["finish_reason"]]
    extra = [event for event in got.events if not event["choices"]]
    assert finish[0]["choices"][0]["usage"] == plain["usage"]
    assert [event["usage"] for event in extra] == ([plain["usage"]] if wanted else [])
    first, second = client.ledger
    assert first.cost_nano == second.cost_nano == cost(plain["usage"])
    assert first.usage == second.usage


def test_a_model_without_a_price_is_metered_and_costs_nothing(client: Any, kit: Any) -> None:
    assert client.chat(kit.body(model="kimi-free")).status == 200
    (line,) = client.ledger
    assert (line.cost_nano, line.price_basis) == (None, "no price known")
    assert line.usage.completion_tokens > 0
    assert client.balance == Money.of(10, "USD")


def test_events_pass_while_the_upstream_still_speaks(client: Any, kit: Any, upstream: MoonshotServer) -> None:
    upstream.replies = [Answer(LONG, pause_s=0.02)]
    with client.opened("POST", "/v1/chat/completions", kit.body(stream=True)) as response:
        assert response.readline().startswith(b"data: {")
        assert client.ledger == []  # not settled: the upstream has not ended
        assert response.read().endswith(b"data: [DONE]\n\n")
    assert len(client.ledger) == 1  # settled before the last byte


@pytest.mark.parametrize("kind", ["drip", "slow", "half_utf8", "duplicate_usage"])
def test_harmless_ways_to_send_a_stream(client: Any, kit: Any, upstream: MoonshotServer, kind: Any) -> None:
    plain = client.chat(kit.body("grüße 月")).json()
    upstream.inject(Fault(kind, path="/chat/completions"))
    got = client.chat(kit.body("grüße 月", stream=True))
    assert got.text == "grüße 月"
    assert got.body.endswith(b"data: [DONE]\n\n")
    assert client.ledger[-1].cost_nano == cost(plain["usage"])


def test_a_client_that_leaves_ends_the_upstreams_stream_and_pays_for_what_came(tmp_path: Path, kit: Any) -> None:
    one_at_a_time = Account(tier=0)
    with (
        MoonshotServer(models=kit.priced, accounts=[one_at_a_time]) as upstream,
        kit.gateway(kit.settings(upstream, tmp_path)) as client,
    ):
        upstream.replies = [Answer("word " * 4000, pause_s=0.02)]
        with client.opened("POST", "/v1/chat/completions", kit.body(stream=True, max_tokens=9000)) as response:
            assert response.readline().startswith(b"data: {")
        kit.eventually(lambda: client.ledger)
        (line,) = client.ledger
        assert line.outcome == "client_gone"
        assert "estimated" in line.price_basis
        assert 0 < line.cost_nano < 1_000_000
        assert client.balance.nano == 10 * 10**9 - line.cost_nano
        kit.eventually(lambda: client.chat().status == 200)  # the upstream allows one call at a time: it saw the end


@pytest.mark.parametrize("kind", ["reset", "truncate", "no_done", "error_in_stream", "broken_utf8"])
def test_a_stream_that_breaks_ends_with_an_error_and_without_done(
    client: Any, kit: Any, upstream: MoonshotServer, kind: Any
) -> None:
    upstream.replies = [Answer(LONG)]
    upstream.inject(Fault(kind, path="/chat/completions", at="middle"))
    got = client.chat(kit.body(stream=True))
    assert got.status == 200
    assert b"[DONE]" not in got.body
    error = got.events[-1]["error"]
    assert error["type"] in ("unexpected_output", "server_unavailable", "server_error", "engine_overloaded_error")
    (line,) = client.ledger
    assert line.outcome not in ("ok", "client_gone")
    assert line.cost_nano > 0


MAPPED = [
    ("overloaded", 429, "engine_overloaded_error", "The engine is currently overloaded, please try again later"),
    ("rpm", 429, "rate_limit_reached_error", "max RPM"),
    ("concurrency", 429, "rate_limit_reached_error", "max concurrency"),
    ("tpm", 429, "rate_limit_reached_error", "TPM rate limit"),
    ("tpd", 429, "rate_limit_reached_error", "TPD rate limit"),
    ("quota", 429, "exceeded_current_quota_error", "insufficient balance"),
    ("suspended", 429, "exceeded_current_quota_error", "insufficient balance"),
    ("content_filter", 400, "content_filter", "The request was rejected because it was considered high risk"),
    ("messages_empty", 400, "invalid_request_error", "Invalid request: messages must not be empty"),
    ("model_not_found", 404, "resource_not_found_error", "Not found the model kimi-k2.6 or Permission denied"),
    ("not_open", 403, "permission_denied_error", "The API you are accessing is not open"),
    ("wrong_key", 503, "server_unavailable", "The gateway cannot use"),
    ("unexpected", 500, "server_error", "failed"),
    ("unavailable", 503, "server_unavailable", "failed"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("name", "status", "kind", "words"), MAPPED, ids=[row[0] for row in MAPPED])
def test_the_upstreams_errors_arrive_in_moonshots_words(
    client: Any, kit: Any, upstream: MoonshotServer, name: str, status: int, kind: str, words: str, stream: bool
) -> None:
    fields = {"model": "kimi-k2.6"} if name == "model_not_found" else {}
    if fields:
        upstream.accounts.default.denied.add("kimi-k2.6")
    else:
        upstream.inject(Fault("refusal", name=name, path="/chat/completions", headers={"retry-after": "7"}))
    got = client.chat(kit.body(stream=stream))
    assert (got.status, got.error["type"]) == (status, kind)
    assert words in got.error["message"]
    assert set(got.error) == {"message", "type", "code", "param", "suggestions"}
    for secret in (upstream.key, upstream.accounts.default.org, upstream.accounts.default.ak):
        assert secret not in got.body.decode()
    if "rate_limit" in kind or "overloaded" in kind:
        assert got.headers["retry-after"] == "7"
    (line,) = client.ledger
    assert (line.cost_nano, line.status) == (0, status)
    assert line.outcome == got.error["code"]
    assert client.balance == Money.of(10, "USD")


def test_an_upstream_that_never_took_the_key_is_told_from_the_gateway(
    upstream: MoonshotServer, kit: Any, tmp_path: Path
) -> None:
    upstream.inject(Fault("refusal", name="wrong_key", path="/models", times=None))
    with kit.gateway(kit.settings(upstream, tmp_path)) as client:
        got = client.chat()
    assert got.status == 503
    assert got.error["message"].startswith("The gateway cannot use its upstream as it is configured (wrong_key)")


@pytest.mark.parametrize(
    ("fault", "status"),
    [("html_504", 500), ("garbage", 502), ("redirect", 503), ("reset", 503)],
)
def test_what_is_no_answer_at_all_is_told_and_not_charged(
    client: Any, upstream: MoonshotServer, fault: Any, status: int
) -> None:
    upstream.inject(Fault(fault, path="/chat/completions", url="https://example.invalid/"))
    got = client.chat()
    assert got.status in (status, 504)
    assert got.error["message"]
    assert client.ledger[0].cost_nano == 0
    assert upstream.count("POST") == 1  # sent once: it may have been charged


def test_a_prompt_that_does_not_fit_is_told_with_the_numbers(client: Any, kit: Any) -> None:
    got = client.chat(kit.body(model="kimi-free", max_tokens=9000))
    assert got.status == 400
    assert got.error["message"].startswith(
        "Invalid request: Your request exceeded model token limit: 8192 (requested: "
    )


@pytest.mark.parametrize("owed", [0, -1])
def test_an_empty_balance_answers_as_moonshot_does(tmp_path: Path, kit: Any, owed: int) -> None:
    with (
        MoonshotServer(models=kit.priced) as upstream,
        kit.gateway(kit.settings(upstream, tmp_path), balance=Money(nano=owed, currency="USD")) as client,
    ):
        for model in ("kimi-k2.6", "kimi-free"):
            got = client.chat(kit.body(model=model))
            assert (got.status, got.error["type"]) == (429, "exceeded_current_quota_error")
            words = "check your account balance" if owed == 0 else "is suspended due to insufficient balance"
            assert words in got.error["message"]
            assert "retry-after" not in got.headers
        assert upstream.count("POST") == 0
        amounts = client.ask("GET", "/v1/users/me/balance").body
        assert b'"available_balance":0,' in amounts
        client.running.desk.top_up("ada", Money.of(1, "USD"))
        assert client.chat().status == 200


def test_many_calls_at_once_never_overdraw_by_more_than_one_of_them_costs(tmp_path: Path, kit: Any) -> None:
    most = 1000 * 4000 + (400 + 256) * 950  # nano-dollars that one call of the tests can cost
    start = Money(nano=2 * most, currency="USD")
    with (
        MoonshotServer(models=kit.priced) as upstream,
        kit.gateway(kit.settings(upstream, tmp_path), balance=start) as client,
    ):
        upstream.replies = lambda request: Answer("x " * 3000, delay_s=0.02)
        with ThreadPoolExecutor(max_workers=12) as pool:
            answers = list(pool.map(lambda _: client.chat(), range(36)))
        paid = sum(cost(got.json()["usage"]) for got in answers if got.status == 200)
        refused = [got for got in answers if got.status != 200]
        assert client.balance.nano == start.nano - paid
        assert client.balance.nano > -most
        assert refused
        assert {got.status for got in refused} == {429}
        kinds = {got.error["type"] for got in refused}
        assert kinds <= {"rate_limit_reached_error", "exceeded_current_quota_error"}
        for got in refused:
            waits = got.error["type"] == "rate_limit_reached_error"
            assert ("retry-after" in got.headers) == waits


def test_the_ledger_holds_no_content(client: Any, kit: Any) -> None:
    client.chat(kit.body("a very secret prompt", stream=True))
    client.chat(kit.body("a very secret prompt"))
    files = b"".join(file.read_bytes() for file in client.running.desk.path.parent.rglob("*") if file.is_file())
    assert b"secret prompt" not in files
    assert client.secret.encode() not in files


def test_the_operators_own_price_is_metered(upstream: Any, kit: Any, tmp_path: Path) -> None:
    own = '[prices.moonshot."kimi-k2.6"]\ninput = 100\noutput = "200"'
    with kit.gateway(kit.settings(upstream, tmp_path, gateway=own)) as client:
        usage = client.chat().json()["usage"]
        (line,) = client.ledger
    assert line.price_basis == "your price in gateway.toml"
    assert line.cost_nano == (usage["prompt_tokens"] * 100 + usage["completion_tokens"] * 200) * 1000


def test_the_request_id_is_the_ledgers_and_the_callers_own_comes_back(client: Any, kit: Any) -> None:
    plain = client.chat(headers={"x-request-id": "mine-1"})
    streamed = client.chat(kit.body(stream=True), headers={"x-request-id": "mine-2"})
    assert [got.headers["x-request-id"] for got in (plain, streamed)] == ["mine-1", "mine-2"]
    client.running.booked()
    told = [got.headers["msh-request-id"] for got in (plain, streamed)]
    assert [line.request_id for line in client.running.desk.entries()] == told
    assert "x-request-id" not in client.chat(headers={"x-request-id": "x" * 200}).headers
