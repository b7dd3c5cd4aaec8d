"""Routes over real endpoints: lists fetched and kept, names found, keys limited, configurations changed at work."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from moongate.errors import (
    AuthenticationError,
    ListUnavailableError,
    ModelRefusedError,
)
from moongate.gateway.seams import Caller
from moongate.gateway.upstream import Source
from moongate.gateway.upstreams import Upstreams
from moongate.settings.load import Flags, load
from moongate.testing import Fault, MoonshotServer
from moongate.wire.limits import Limits

ANYBODY = Caller(key_id=1, account_id=1, account="ada", currency="USD")


def limited(**fields: Any) -> Caller:
    return Caller(key_id=2, account_id=1, account="ada", currency="USD", **fields)


class World:
    """Two accounts at two endpoints."""

    def __init__(self, main: MoonshotServer, spare: MoonshotServer) -> None:
        self.main, self.spare = main, spare
        self.sources = (self.source("main", main), self.source("spare", spare))

    def source(self, name: str, server: MoonshotServer, **more: Any) -> Source:
        said = {"MOONSHOT_BASE_URL": server.base_url, "MOONSHOT_API_KEY": server.key}
        settings = load(Flags(provider="moonshot", guard=more.pop("guard", None)), env=dict(os.environ) | said)
        return Source(name=name, settings=settings, **more)

    def run(self, do: Callable[[Upstreams], Awaitable[None]], sources: Any = None, routes: Any = None) -> None:
        async def running() -> None:
            upstreams = Upstreams(sources or self.sources, routes)
            try:
                await do(upstreams)
            finally:
                await upstreams.close()

        asyncio.run(running())


@pytest.fixture
def world() -> Iterator[World]:
    with ExitStack() as stack:
        main = stack.enter_context(MoonshotServer(models=["kimi-k2.6", "kimi-k3"]))
        spare = stack.enter_context(MoonshotServer(models=["kimi-k2.6", "kimi-k2.7-code"]))
        yield World(main, spare)


def first(route: Any) -> tuple[str, str]:
    return route.targets[0].upstream.name, route.targets[0].wire_id


def test_a_name_is_found_once_and_at_hand_from_then_on(world: World) -> None:
    async def do(upstreams: Upstreams) -> None:
        assert upstreams.at_hand("kimi-k3", ANYBODY) is None
        assert first(await upstreams.find("kimi-k3", ANYBODY)) == ("main", "kimi-k3")
        assert first(upstreams.at_hand("kimi-k3", ANYBODY)) == ("main", "kimi-k3")
        assert first(upstreams.at_hand("spare/kimi-k2.6", ANYBODY)) == ("spare", "kimi-k2.6")
        assert world.main.count("GET", "/v1/models") == 1
        with pytest.raises(ModelRefusedError, match="may mean 2 things"):
            await upstreams.find("kimi-k2.6", ANYBODY)

    world.run(do)


def test_one_upstream_has_bare_ids_and_the_guards_own_words(world: World) -> None:
    async def do(upstreams: Upstreams) -> None:
        assert first(await upstreams.find("kimi-k2.6", ANYBODY)) == ("main", "kimi-k2.6")
        for wrong in ("kimi-k2-6", "moonshot/kimi-k2.6", "main/kimi-k2.6"):
            with pytest.raises(ModelRefusedError) as refused:
                await upstreams.find(wrong, ANYBODY)
            assert refused.value.suggestions[0] == "kimi-k2.6"

    world.run(do, sources=world.sources[:1])


def test_a_missing_name_has_the_list_fetched_once_more(world: World) -> None:
    async def do(upstreams: Upstreams) -> None:
        await upstreams.find("kimi-k3", ANYBODY)
        world.spare.models = ["kimi-k2.6", "kimi-new"]
        with pytest.raises(ModelRefusedError):
            await upstreams.find("kimi-new", ANYBODY)  # the list was had a moment ago
        for upstream in upstreams.every:
            upstream.guard.catalog._clock = lambda: time.time() + 60
        assert first(await upstreams.find("kimi-new", ANYBODY)) == ("spare", "kimi-new")
        with pytest.raises(ModelRefusedError):
            await upstreams.find("kimi-k9", ANYBODY)
        assert [server.count("GET", "/v1/models") for server in (world.main, world.spare)] == [2, 2]

    world.run(do)


def test_a_key_sees_and_uses_what_it_may(world: World) -> None:
    async def do(upstreams: Upstreams) -> None:
        await upstreams.find("kimi-k3", ANYBODY)
        one = limited(providers=frozenset({"spare"}))
        assert {name for name, _ in upstreams.spellings(one)} == {
            "kimi-k2.6",
            "kimi-k2.7-code",
            "spare/kimi-k2.6",
            "spare/kimi-k2.7-code",
        }
        assert first(await upstreams.find("kimi-k2.6", one)) == ("spare", "kimi-k2.6")  # to this key, one thing
        assert first(await upstreams.find("kimi-k2.7-code", one)) == ("spare", "kimi-k2.7-code")
        assert upstreams.at_hand("kimi-k2.7-code", one) is not None
        with pytest.raises(ModelRefusedError, match="This key may not use 'kimi-k3'") as refused:
            await upstreams.find("kimi-k3", one)
        assert len(refused.value.suggestions) == 3
        assert set(refused.value.suggestions) <= {name for name, _ in upstreams.spellings(one)}
        assert upstreams.at_hand("kimi-k3", one) is None
        two = limited(models=frozenset({"kimi-k3"}))
        assert first(await upstreams.find("main/kimi-k3", two)) == ("main", "kimi-k3")

    world.run(do)


def test_a_fallback_is_left_out_for_a_key_that_may_not_use_it(world: World) -> None:
    async def do(upstreams: Upstreams) -> None:
        assert [t.upstream.name for t in (await upstreams.find("best", ANYBODY)).targets] == ["main", "spare"]
        one = limited(providers=frozenset({"spare"}))
        assert [t.upstream.name for t in (await upstreams.find("best", one)).targets] == ["spare"]

    world.run(do, routes={"best": ["main/kimi-k2.6", "spare/kimi-k2.6"]})


def test_an_endpoint_without_a_list_does_not_keep_the_others_from_serving(world: World) -> None:
    world.spare.inject(Fault("status", path="/models", times=99, status=500, body=b"{}"))

    async def do(upstreams: Upstreams) -> None:
        assert first(await upstreams.find("kimi-k2.6", ANYBODY)) == ("main", "kimi-k2.6")
        with pytest.raises(ListUnavailableError):
            await upstreams.find("spare/kimi-k2.6", ANYBODY)
        assert upstreams.ready
        assert "kimi-k2.6" in upstreams._at_hand  # nobody waits for it any longer

    world.run(do)


def test_without_any_list_the_reason_is_told(world: World) -> None:
    for server in (world.main, world.spare):
        server.accounts.default.keys[:] = ["sk-another"]

    async def do(upstreams: Upstreams) -> None:
        with pytest.raises(AuthenticationError):
            await upstreams.find("kimi-k2.6", ANYBODY)
        assert not upstreams.ready

    world.run(do)


def test_a_loose_guard_lets_the_unlisted_through_where_the_upstream_is_named(world: World) -> None:
    sources = [replace(source, settings=replace(source.settings, guard="off")) for source in world.sources]

    async def do(upstreams: Upstreams) -> None:
        route = await upstreams.find("main/kimi-secret", ANYBODY)
        assert first(route) == ("main", "kimi-secret")
        assert route.targets[0].tariff.currency is None
        with pytest.raises(ModelRefusedError):
            await upstreams.find("kimi-secret", ANYBODY)
        with pytest.raises(ModelRefusedError):
            await upstreams.find("main/kimi-secret", limited(models=frozenset({"kimi-k3"})))

    world.run(do, sources=sources)


def test_several_models_of_one_body_stay_at_one_upstream(world: World) -> None:
    async def do(upstreams: Upstreams) -> None:
        route = await upstreams.find_all(("main/kimi-k2.6", "kimi-k3"), ANYBODY)
        assert first(route) == ("main", "kimi-k2.6")
        assert list(route.targets[0].tariff.others) == ["kimi-k3"]
        for other in ("kimi-k2.7-code", "main/kimi-k3"):
            with pytest.raises(ModelRefusedError, match="goes to one upstream"):
                await upstreams.find_all(("main/kimi-k2.6", other), ANYBODY)

    world.run(do)


def test_another_configuration_is_taken_up_and_what_is_the_same_stays(world: World) -> None:
    async def do(upstreams: Upstreams) -> None:
        await upstreams.find("kimi-k3", ANYBODY)
        main, spare = upstreams.every
        spare.begins(0.0)  # a call is under way there
        changed = (world.sources[0], replace(world.sources[1], only=frozenset({"kimi-k2.7-code"})))
        upstreams.use(changed, {"code": ["spare/kimi-k2.7-code"]})
        assert upstreams.every == (main, spare)  # until the new list was had
        async with asyncio.timeout(10):
            while upstreams.every == (main, spare):
                assert first(upstreams.at_hand("spare/kimi-k2.6", ANYBODY)) == ("spare", "kimi-k2.6")
                await asyncio.sleep(0.01)
        assert upstreams.every[0] is main
        assert upstreams.every[1] is not spare
        assert first(upstreams.at_hand("kimi-k2.6", ANYBODY)) == ("main", "kimi-k2.6")
        assert first(await upstreams.find("code", ANYBODY)) == ("spare", "kimi-k2.7-code")
        with pytest.raises(ModelRefusedError):
            await upstreams.find("spare/kimi-k2.6", ANYBODY)
        spare.ended(1.0)

    world.run(do)


def test_calls_that_are_under_way_count_against_the_limits_of_the_next_configuration(world: World) -> None:
    async def changed(upstreams: Upstreams, *sources: Source) -> None:
        before = upstreams.every
        upstreams.use(sources, {})
        async with asyncio.timeout(10):
            while upstreams.every == before:
                await asyncio.sleep(0.01)

    async def do(upstreams: Upstreams) -> None:
        await upstreams.find("kimi-k3", ANYBODY)
        main, spare = world.sources
        (old, _) = upstreams.every
        assert old.lets_go(0.0) and old.lets_go(0.0)
        await changed(upstreams, replace(main, limits=Limits(concurrency=3)), spare)
        (new, _) = upstreams.every
        assert new.lets_go(1.0)
        assert not new.lets_go(1.0)
        assert not old.lets_go(1.0)  # who found the old one before
        old.returned(2.0, 5)
        assert new.lets_go(2.0)
        assert (old.calls, new.calls, new.throttle.in_flight) == (1, 2, 3)
        elsewhere = replace(world.source("main", world.spare), limits=Limits(concurrency=1))
        await changed(upstreams, elsewhere, spare)
        assert upstreams.every[0].lets_go(3.0)  # another account
        for upstream in (old, new, new):
            upstream.ended(4.0)

    world.run(do)


def test_a_list_that_was_fetched_anew_and_says_the_same_changes_nothing(world: World) -> None:
    async def do(upstreams: Upstreams) -> None:
        await upstreams.look()
        route = await upstreams.find("main/kimi-k3", ANYBODY)
        listing, spelled = upstreams.offers[0].listing, upstreams.spellings(ANYBODY)
        for upstream in upstreams.every:
            upstream.guard.catalog._clock = lambda: time.time() + 60
        with pytest.raises(ModelRefusedError):
            await upstreams.find("kimi-k9", ANYBODY)
        assert upstreams.offers[0].listing is not listing
        assert upstreams.spellings(ANYBODY) is spelled
        assert upstreams.at_hand("main/kimi-k3", ANYBODY).targets == route.targets

    world.run(do)


def test_the_last_of_several_configurations_counts(world: World) -> None:
    async def do(upstreams: Upstreams) -> None:
        await upstreams.find("kimi-k3", ANYBODY)
        main, spare = world.sources
        for break_after in (6, 7, 8):
            upstreams.use((main, replace(spare, break_after=break_after)), {})
        async with asyncio.timeout(10):
            while upstreams.every[1].source.break_after != 8:
                await asyncio.sleep(0.01)
        assert first(await upstreams.find("spare/kimi-k2.6", ANYBODY)) == ("spare", "kimi-k2.6")
        async with asyncio.timeout(10):
            while upstreams._leaving:
                await asyncio.sleep(0.01)

    world.run(do)


def test_a_name_that_others_may_list_too_waits_until_all_were_asked(world: World) -> None:
    world.spare.inject(Fault("slow", path="/models", seconds=0.5))

    async def do(upstreams: Upstreams) -> None:
        await upstreams.find("main/kimi-k2.6", ANYBODY)
        assert not upstreams.ready
        assert upstreams.at_hand("main/kimi-k3", ANYBODY) is not None
        assert upstreams.at_hand("kimi-k3", ANYBODY) is None
        assert upstreams.at_hand("best", ANYBODY) is None
        assert [t.upstream.name for t in (await upstreams.find("best", ANYBODY)).targets] == ["main", "spare"]
        assert upstreams.ready
        assert upstreams.at_hand("kimi-k3", ANYBODY) is not None

    world.run(do, routes={"best": ["main/kimi-k2.6", "spare/kimi-k2.6"]})


def test_lists_are_kept_fresh_without_anybody_asking(world: World) -> None:
    async def do(upstreams: Upstreams) -> None:
        keeping = asyncio.create_task(upstreams.keep())
        async with asyncio.timeout(10):
            while upstreams.at_hand("kimi-k3", ANYBODY) is None:
                await asyncio.sleep(0.01)
        assert all(upstream.listing for upstream in upstreams.every)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    world.run(do)


def test_a_list_that_is_too_old_is_not_at_hand(world: World) -> None:
    async def do(upstreams: Upstreams) -> None:
        await upstreams.find("kimi-k3", ANYBODY)
        upstreams.every[0].good_until = 1.0
        assert upstreams.at_hand("kimi-k3", ANYBODY) is None
        assert upstreams.at_hand("kimi-k2.7-code", ANYBODY) is not None
        assert await upstreams.find("kimi-k3", ANYBODY)
        assert upstreams.at_hand("kimi-k3", ANYBODY) is not None

    world.run(do)
