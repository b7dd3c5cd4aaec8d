"""Tiers that bite: in flight, per minute, tokens per minute and per day."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from moongate.testing import TIERS, Account, Answer, FixedClock, MoonshotServer, Readings

Ask = Callable[..., Any]
Body = Callable[..., dict[str, object]]


def server_of(tier: int, **more: Any) -> tuple[MoonshotServer, FixedClock, Account]:
    clock, account = FixedClock(), Account(tier=tier)
    return MoonshotServer(accounts=[account], clock=clock, **more), clock, account


def test_the_documented_numbers() -> None:
    assert [tier.rpm for tier in TIERS] == [3, 200, 500, 5000, 5000, 10000]
    assert [tier.concurrency for tier in TIERS] == [1, 50, 100, 200, 400, 1000]


@pytest.mark.parametrize("scope", ["user", "user+model"])
def test_older_texts_name_another_scope(ask: Ask, body: Body, scope: Any) -> None:
    server, _, _ = server_of(0, readings=Readings(limit_scope=scope))
    with server:
        told = [ask(server, "POST", "/chat/completions", body(max_tokens=9)) for _ in range(4)][-1]
    assert f"request reached {scope} max RPM: 3" in told.message


def test_requests_per_minute(ask: Ask, body: Body) -> None:
    server, clock, account = server_of(0)
    with server:
        statuses = [ask(server, "POST", "/chat/completions", body(max_tokens=9)).status for _ in range(3)]
        refused = ask(server, "POST", "/chat/completions", body(max_tokens=9))
        clock.advance(61)
        after = ask(server, "POST", "/chat/completions", body(max_tokens=9))
    assert statuses == [200] * 3 and after.status == 200
    assert refused.status == 429
    assert refused.headers["retry-after"] == refused.headers["x-retry-after"] == "1"
    assert refused.json()["error"] == {
        "message": f"Your account {account.org}<{account.ak}> request reached organization max RPM: 3, "
        "please try again after 1 seconds",
        "type": "rate_limit_reached_error",
    }


def test_retry_after_may_tell_what_is_left(ask: Ask, body: Body) -> None:
    server, clock, _ = server_of(0, readings=Readings(retry_after="window"))
    with server:
        for _ in range(3):
            ask(server, "POST", "/chat/completions", body(max_tokens=9))
        clock.advance(20)
        assert ask(server, "POST", "/chat/completions", body(max_tokens=9)).headers["retry-after"] == "40"


def test_lists_and_balances_are_not_limited(ask: Ask) -> None:
    server, _, _ = server_of(0)
    with server:
        assert [ask(server, "GET", "/models").status for _ in range(5)] == [200] * 5


def test_requests_in_flight(ask: Ask, body: Body) -> None:
    server, _, account = server_of(0, replies=[Answer("slow", delay_s=0.4), Answer("quick")])
    with server:
        first = threading.Thread(target=ask, args=(server, "POST", "/chat/completions", body()))
        first.start()
        while not server.count("POST"):
            threading.Event().wait(0.005)
        refused = ask(server, "POST", "/chat/completions", body())
        first.join()
        after = ask(server, "POST", "/chat/completions", body())
    assert refused.message == (
        f"Your account {account.org}<{account.ak}> request reached organization max concurrency: 1, "
        "please try again after 1 seconds"
    )
    assert after.json()["choices"][0]["message"]["content"] == "quick"


def test_tokens_per_minute_count_what_could_be_produced(ask: Ask, body: Body) -> None:
    server, clock, account = server_of(1)
    with server:
        asked = body(model="kimi-k3", max_completion_tokens=999_990)
        statuses = [ask(server, "POST", "/chat/completions", asked).status for _ in range(2)]
        refused = ask(server, "POST", "/chat/completions", asked)
        clock.advance(60)
        after = ask(server, "POST", "/chat/completions", asked)
    assert (*statuses, after.status) == (200, 200, 200)
    assert refused.message == (
        f"Your account {account.org}<{account.ak}> request reached organization TPM rate limit, "
        "current:2999979, limit:2000000"
    )


def test_tokens_per_day(ask: Ask, body: Body) -> None:
    server, clock, account = server_of(0)
    asked = body(model="kimi-k3", max_completion_tokens=499_990)
    with server:
        for _ in range(3):
            assert ask(server, "POST", "/chat/completions", asked).status == 200
            clock.advance(61)
        refused = ask(server, "POST", "/chat/completions", asked)
        clock.advance(86_400)
        after = ask(server, "POST", "/chat/completions", asked)
    assert refused.message == (
        f"Your account {account.org}<{account.ak}> request reached organization TPD rate limit,"
        "current:1999972, limit:1500000"
    )
    assert after.status == 200


def test_a_refused_request_leaves_no_trace_in_flight(ask: Ask, body: Body) -> None:
    server, clock, _ = server_of(0)
    with server:
        assert ask(server, "POST", "/chat/completions", body(n=2)).status == 400
        clock.advance(61)
        assert ask(server, "POST", "/chat/completions", body(max_tokens=9)).status == 200


@pytest.mark.parametrize(("reading", "allowed"), [("3/1", 3), ("20/3", 20)])
def test_the_two_readings_of_tier_0(ask: Ask, body: Body, reading: Any, allowed: int) -> None:
    server, _, _ = server_of(0, readings=Readings(tier0=reading))
    with server:
        statuses = [ask(server, "POST", "/chat/completions", body(max_tokens=9)).status for _ in range(21)]
    assert statuses.count(200) == allowed


def test_limits_are_per_account(ask: Ask, body: Body) -> None:
    server, _, _ = server_of(0)
    with server:
        other = server.accounts.add(Account(tier=0))
        for _ in range(4):
            ask(server, "POST", "/chat/completions", body(max_tokens=9))
        assert ask(server, "POST", "/chat/completions", body(max_tokens=9), key=other.key).status == 200


def test_headers_that_the_help_centre_promises(ask: Ask, body: Body) -> None:
    server, _, _ = server_of(0, readings=Readings(limit_headers=True))
    with server:
        told = ask(server, "POST", "/chat/completions", body(max_tokens=9)).headers
    assert (told["x-ratelimit-limit"], told["x-ratelimit-remaining"]) == ("3", "2")
