"""The till over a real database: what is at hand, what is fetched, what comes back, and what is never passed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from moongate.errors import StorageError
from moongate.facts.money import Money
from moongate.gateway import till as tills
from moongate.gateway.desk import Desk
from moongate.gateway.limits import Limits
from moongate.gateway.replies import Refusal
from moongate.gateway.seams import Caller, Hold, Outcome, Want
from moongate.gateway.till import Till

NOON = 1_790_000_000.0 // 86_400 * 86_400 + 43_200
Body = Callable[["Bench"], Coroutine[Any, Any, None]]


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Bench:
    """A till, its database's desk, and the one key that is tried."""

    def __init__(self, path: Path, balance: int, limits: Limits | None) -> None:
        self.path = path
        self.clock = Clock()
        self.desk = Desk(path, clock=self.clock)
        self.desk.create_account("ada", Money(nano=balance, currency="USD"))
        self.key, self.secret = self.desk.create_key("ada", "test", limits)
        self.till: Till

    @property
    def caller(self) -> Caller:
        found = self.till.caller(self.secret.encode())
        assert found is not None
        return found

    def want(self, nano: int = 10, tokens: int = 10, **more: Any) -> Want:
        fields = {"model": "m", "provider": "p", "currency": "USD", "at": self.clock.now} | more
        return Want(worst_nano=nano, worst_tokens=tokens, **fields)

    async def hold(self, nano: int = 10, tokens: int = 10, till: Till | None = None) -> Hold | Refusal:
        used = till or self.till
        caller = used.caller(self.secret.encode())
        assert caller is not None
        want = self.want(nano, tokens)
        return used.hold(caller, want) or await used.hold_slowly(caller, want)

    async def held(self, nano: int = 10, tokens: int = 10, till: Till | None = None) -> Hold:
        found = await self.hold(nano, tokens, till)
        assert isinstance(found, Hold), found
        return found

    async def refused(self, nano: int = 10, tokens: int = 10, till: Till | None = None) -> Refusal:
        found = await self.hold(nano, tokens, till)
        assert isinstance(found, Refusal), found
        return found

    @property
    def balance(self) -> int:
        return self.desk.account("ada").balance.nano


def answered(cost: int | None = 10, **more: Any) -> Outcome:
    fields: dict[str, Any] = {"model": "m", "provider": "p", "price_basis": "b", "outcome": "ok", "status": 200}
    return Outcome(cost_nano=cost, **(fields | more))


def usd(nano: int) -> Money:
    return Money(nano=nano, currency="USD")


@pytest.fixture
def work(tmp_path: Path) -> Callable[..., None]:
    """Run something with an open till."""

    def run(body: Body, *, balance: int = 1000, limits: Limits | None = None, **options: Any) -> None:
        async def main() -> None:
            bench = Bench(tmp_path / "gateway.sqlite3", balance, limits)
            with contextlib.closing(bench.desk):
                async with tills.opened(bench.path, clock=bench.clock, **options) as bench.till:
                    await body(bench)

        asyncio.run(main())

    return run


@contextlib.asynccontextmanager
async def another(bench: Bench) -> AsyncIterator[Till]:
    async with tills.opened(bench.path, clock=bench.clock) as till:
        yield till


def test_a_call_is_held_settled_and_in_the_ledger_once(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        hold = await bench.held(100)
        assert len(hold.request_id) == 32
        bench.till.settle(hold, answered(30, prompt_tokens=5, completion_tokens=2))
        bench.till.settle(hold, answered(30))
        bench.till.release(hold)
        await bench.till.flush()
        (line,) = bench.desk.entries()
        assert (line.request_id, line.cost_nano, line.usage.prompt_tokens) == (hold.request_id, 30, 5)
        assert (line.at, line.asked_model, line.account_id, line.key_id) == (NOON, "m", 1, bench.key.id)
        assert bench.balance == 970

    work(body)


def test_what_was_released_leaves_no_trace(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        bench.till.release(await bench.held(1000))
        bench.till.release(await bench.held(1000))
        await bench.till.flush()
        assert bench.desk.entries() == ()
        assert bench.balance == 1000

    work(body, limits=Limits(rpm=1))


def test_the_second_call_is_at_hand(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        bench.till.settle(await bench.held(), answered())
        assert isinstance(bench.till.hold(bench.caller, bench.want()), Hold)

    work(body)


def test_a_wrong_revoked_or_expired_key_opens_nothing(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        assert bench.till.caller(b"sk-mg-nothing") is None
        caller, want = bench.caller, bench.want()
        bench.clock.now = NOON + 60
        assert bench.till.caller(bench.secret.encode()) is None
        late = bench.want()
        assert bench.till.hold(caller, late) is None
        refusal = await bench.till.hold_slowly(caller, late)
        assert isinstance(refusal, Refusal) and refusal.status == 401
        bench.clock.now = NOON + 1
        assert bench.caller is caller
        assert isinstance(await bench.till.hold_slowly(caller, want), Hold)
        bench.desk.revoke(str(bench.key.id))
        bench.clock.now += tills.STALE_S
        assert bench.till.caller(bench.secret.encode()) is None

    work(body, limits=Limits(expires_at=NOON + 60))


def test_a_rotated_key_keeps_what_it_spent(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        bench.till.settle(await bench.held(60), answered(60))
        await bench.till.flush()
        old = bench.secret
        bench.key, bench.secret = bench.desk.rotate(str(bench.key.id))
        bench.clock.now += 1
        assert bench.till.caller(old.encode()) is None
        assert (await bench.refused(60)).code == "budget_day_spent"
        assert (await bench.held(40)).open

    work(body, limits=Limits(budget_day=usd(100)))


def test_a_price_in_another_currency_is_refused(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        await bench.held()
        refusal = bench.till.hold(bench.caller, bench.want(currency="CNY"))
        assert isinstance(refusal, Refusal) and refusal.status == 403

    work(body)


def test_held_money_is_a_transient_no_and_spent_money_a_final_one(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        first = await bench.held(100)
        busy = await bench.refused(100)
        assert (busy.status, busy.code, busy.headers) == (429, "balance_in_use", {"retry-after": "1"})
        bench.till.settle(first, answered(100))
        final = await bench.refused(100)
        assert (final.status, final.code, final.headers) == (429, "no_money", {})

    work(body, balance=100)


def test_a_call_that_settles_cheaper_makes_room_at_once(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        first = await bench.held(100)
        waiting = asyncio.create_task(bench.hold(60))
        await asyncio.sleep(0.05)
        bench.till.settle(first, answered(40))
        assert isinstance(await waiting, Hold)

    work(body, balance=100)


def test_the_last_of_a_balance_may_be_overdrawn_by_one_call_alone(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        first = await bench.held(10)
        assert (await bench.refused(150)).code == "balance_in_use"
        bench.till.settle(first, answered(0))
        alone = await bench.held(150)
        assert (await bench.refused(1)).code == "balance_in_use"
        bench.till.settle(alone, answered(150))
        assert (await bench.refused(0)).code == "no_money"
        assert bench.balance == -50
        bench.desk.top_up("ada", usd(70))
        assert (await bench.held(20)).open

    work(body, balance=100)


def test_calls_that_may_cost_more_than_there_is_follow_each_other_without_a_no(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        for _ in range(20):
            bench.till.settle(await bench.held(900), answered(10))
        assert (await bench.refused(900)).code == "no_money"

    work(body, balance=200)


def test_a_budget_is_never_passed_not_even_by_one_call(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        bench.till.settle(await bench.held(60), answered(50))
        final = await bench.refused(51)
        assert (final.code, final.headers) == ("budget_month_spent", {})
        assert "0.00000005 USD left" in final.message
        bench.till.settle(await bench.held(50), answered(50))
        assert (await bench.refused(0)).code == "budget_month_spent"

    work(body, limits=Limits(budget_month=usd(100)))


def test_a_budget_of_the_day_begins_anew_at_midnight_and_late_costs_count_for_the_day_that_held_them(
    work: Callable[..., None],
) -> None:
    async def body(bench: Bench) -> None:
        yesterday = await bench.held(100)
        bench.clock.now += 43_200
        today = await bench.held(100)
        bench.till.settle(yesterday, answered(100))
        bench.till.settle(today, answered(40))
        bench.till.settle(await bench.held(60), answered(60))
        assert (await bench.refused(1)).code == "budget_day_spent"
        await bench.till.flush()
        assert [(line.group["day"], line.cost_nano) for line in bench.desk.used()] == [
            ("2026-09-21", 100),
            ("2026-09-22", 100),
        ]

    work(body, limits=Limits(budget_day=usd(100)))


def test_requests_a_minute_refill_evenly_and_the_wait_is_told(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        for _ in range(6):
            bench.till.settle(await bench.held(), answered())
        refusal = await bench.refused()
        assert (refusal.code, refusal.headers) == ("rpm_reached", {"retry-after": "10"})
        assert "max RPM: 6" in refusal.message
        bench.clock.now += 10
        bench.till.settle(await bench.held(), answered())
        assert (await bench.refused()).code == "rpm_reached"

    work(body, limits=Limits(rpm=6))


def test_tokens_a_minute_count_what_was_used(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        bench.till.settle(await bench.held(tokens=5000), answered(prompt_tokens=100, completion_tokens=100))
        held = await bench.held(tokens=800)
        refusal = await bench.refused(tokens=60)
        assert (refusal.code, refusal.headers) == ("tpm_reached", {"retry-after": "4"})
        bench.till.release(held)
        assert (await bench.held(tokens=60)).open

    work(body, limits=Limits(tpm=1000))


def test_calls_at_once_are_bounded(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        held = [await bench.held() for _ in range(2)]
        assert (await bench.refused()).code == "concurrency_reached"
        bench.till.settle(held[0], answered())
        assert (await bench.held()).open

    work(body, limits=Limits(concurrency=2))


def test_a_limit_that_is_changed_holds_for_the_next_call(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        bench.till.settle(await bench.held(), answered())
        bench.desk.limit_key(str(bench.key.id), Limits(budget_day=usd(15)))
        bench.clock.now += 1
        assert (await bench.refused(10)).code == "budget_day_spent"
        bench.desk.limit_key(str(bench.key.id), Limits())
        bench.clock.now += 1
        assert (await bench.held(10)).open

    work(body)


def test_two_tills_share_what_there_is_and_one_can_have_it_all(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        async with another(bench) as other:
            mine = [await bench.held() for _ in range(50)]
            theirs = [await bench.held(till=other) for _ in range(50)]
            assert (await bench.refused(till=other)).code == "balance_in_use"
            assert (await bench.refused()).code == "balance_in_use"
            for hold in mine:
                bench.till.release(hold)
            theirs += [await bench.held(till=other) for _ in range(50)]
            for hold in theirs:
                other.settle(hold, answered())
            assert (await bench.refused(till=other)).code == "no_money"
            assert (await bench.refused()).code in ("no_money", "balance_in_use")
            await other.flush()
            assert (await bench.refused()).code == "no_money"
            assert bench.balance == 0

    work(body)


def test_what_a_closed_till_had_is_free_again(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        async with another(bench) as other:
            await bench.held(900, till=other)
        assert (await bench.held(1000)).open
        folder = bench.path.with_name("gateway-journals")
        assert len(list(folder.glob("*.lock"))) == 1

    work(body)


def test_a_waiting_call_that_is_given_up_holds_nothing(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        first = await bench.held(1000)
        waiting = asyncio.create_task(bench.hold(1000))
        await asyncio.sleep(0.02)
        bench.till.release(first)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (await bench.held(1000)).open

    work(body)


def test_who_waited_for_a_flush_and_left_takes_nothing_along(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        for _ in range(5):
            flushing, holding = asyncio.create_task(bench.till.flush()), asyncio.create_task(bench.hold(1000))
            await asyncio.sleep(0)
            flushing.cancel()
            await asyncio.gather(flushing, return_exceptions=True)
            held = await holding
            assert isinstance(held, Hold)
            bench.till.release(held)

    work(body)


def test_a_till_that_ended_says_so_at_once(work: Callable[..., None], tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path / "other.sqlite3", 1000, None)
        async with tills.opened(bench.path, clock=bench.clock) as bench.till:
            caller = bench.caller
        with pytest.raises(StorageError, match="closed"):
            await bench.till.hold_slowly(caller, bench.want())
        with pytest.raises(StorageError, match="closed"):
            await bench.till.flush()
        bench.desk.close()

    asyncio.run(main())


def test_the_journal_is_private_and_gone_at_the_end(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        folder = bench.path.with_name("gateway-journals")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
        bench.till.settle(await bench.held(), answered())

    work(body)


def test_content_is_kept_where_it_is_wanted_and_for_so_long(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        assert bench.till.keeps_content
        hold = await bench.held()
        bench.till.content(hold, b"a question", b"an answer")
        bench.till.settle(hold, answered())
        await bench.till.flush()
        kept = bench.path.with_name("gateway-content.sqlite3")
        assert kept.stat().st_mode & 0o777 == 0o600
        said = bench.desk.content(hold.request_id)
        assert said is not None
        assert (said.request, said.answer, said.is_cut) == (b"a question", b"an answer", False)
        bench.clock.now += 86_401
        await bench.till.flush()
        assert bench.desk.content(hold.request_id) is None
        files = b"".join(file.read_bytes() for file in kept.parent.glob("gateway-content*"))
        assert b"a question" not in files

    work(body, log_content=True, content_days=1)


def test_without_log_content_nothing_is_kept(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        assert not bench.till.keeps_content
        hold = await bench.held()
        bench.till.content(hold, b"a question", b"an answer")
        await bench.till.flush()
        assert bench.desk.content(hold.request_id) is None
        assert not bench.path.with_name("gateway-content.sqlite3").exists()

    work(body)


def test_what_was_kept_goes_on_time_also_when_nothing_is_kept_any_more(work: Callable[..., None]) -> None:
    async def body(bench: Bench) -> None:
        hold = await bench.held()
        bench.till.content(hold, b"a question", b"an answer")
        await bench.till.flush()
        bench.till.use(on_full="refuse", log_content=False, content_days=2)
        assert not bench.till.keeps_content
        bench.clock.now += 86_401
        await bench.till.flush()
        assert bench.desk.content(hold.request_id) is not None
        bench.clock.now += 86_401
        await bench.till.flush()
        assert bench.desk.content(hold.request_id) is None

    work(body, log_content=True, content_days=1)
