"""One account: what its failures and limits do to the next call, its prepared headers, its plain calls."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from moongate import errors
from moongate.gateway.upstream import Source, Upstream
from moongate.settings.load import Flags, load
from moongate.testing import Fault, MoonshotServer
from moongate.wire import calls
from moongate.wire.limits import Limits

MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.fixture
def server() -> Iterator[MoonshotServer]:
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        yield server


@pytest.fixture
def upstream(server: MoonshotServer) -> Upstream:
    said = {"MOONSHOT_BASE_URL": server.base_url, "MOONSHOT_API_KEY": server.key}
    settings = load(Flags(provider="moonshot"), env=dict(os.environ) | said)
    return Upstream(Source(name="main", settings=settings, limits=Limits(rpm=100)))


def test_failures_in_a_row_shut_it_for_a_while_and_one_call_tries_again(upstream: Upstream) -> None:
    for _ in range(5):
        assert upstream.wait(10.0) == 0.0
        upstream.begins(10.0)
        upstream.ended(10.0, error=errors.UnreachableError())
    assert upstream.wait(10.0) == 5.0
    upstream.begins(15.0)
    assert upstream.wait(15.0) > 0
    upstream.ended(15.0, gone=True)
    assert upstream.wait(15.0) == 0.0
    upstream.begins(15.0)
    upstream.ended(16.0, tokens=10)
    assert upstream.breaker.state(16.0) == "closed"
    assert upstream.throttle.in_flight == 0


@pytest.mark.parametrize(
    "error", [errors.BadRequestError(), errors.ModelNotPermittedError(), errors.OverloadedError()]
)
def test_what_the_endpoint_says_no_to_is_no_failure_of_it(upstream: Upstream, error: errors.MoongateError) -> None:
    for _ in range(9):
        upstream.begins(1.0)
        upstream.ended(1.0, error=error)
    assert upstream.wait(1.0) == 0.0


def test_a_limit_that_was_told_is_kept(upstream: Upstream) -> None:
    upstream.begins(10.0)
    upstream.ended(10.0, error=errors.RateLimitedError("x", retry_after_s=7, provider_message="max RPM: 1"))
    assert upstream.wait(11.0) == 6.0
    assert upstream.throttle.limits.rpm == 1


def test_its_headers_carry_its_key_once(upstream: Upstream, server: MoonshotServer) -> None:
    lines = upstream.headers.decode().split("\r\n")
    assert lines[0] == f"authorization: Bearer {server.key}"
    assert "accept-encoding: identity" in lines
    assert lines[-1] == ""
    assert upstream.target == b"/v1/chat/completions"


def test_a_plain_call_goes_over_its_own_connections(upstream: Upstream, server: MoonshotServer) -> None:
    async def counted() -> int:
        try:
            return await upstream.call(calls.estimate(upstream.row, model="kimi-k2.6", messages=MESSAGES))
        finally:
            await upstream.close()

    assert asyncio.run(counted()) > 0
    server.inject(Fault("status", status=401, body=b'{"error": {"message": "Invalid Authentication"}}'))
    with pytest.raises(errors.AuthenticationError):
        asyncio.run(_again(upstream))


async def _again(upstream: Upstream) -> None:
    fresh = Upstream(upstream.source)
    try:
        await fresh.call(calls.balance(fresh.row))
    finally:
        await fresh.close()
