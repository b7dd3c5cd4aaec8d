"""Between till and books, round by round: what is settled goes into the ledger, slices come and go.

A round is one job of the books' thread, for everything at once: at most every few milliseconds while calls wait,
every 100 ms while there are any, and rarely when there are none.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from moongate.errors import StorageError
from moongate.gateway import replies
from moongate.gateway.books import Books, Report
from moongate.gateway.content import Content
from moongate.gateway.leases import Ask, Grant
from moongate.gateway.pots import NANO, Pot, PotName
from moongate.gateway.replies import Refusal
from moongate.gateway.seams import Caller, Hold, Want
from moongate.gateway.slices import Slices
from moongate.gateway.unwritten import Unwritten

log = logging.getLogger("moongate.gateway")

T = TypeVar("T")
BUSY_S = 0.1  # between two rounds while calls come
AGAIN_S = 0.01  # while some wait
QUIET_S = 0.5  # while nothing is leased
COMPLAIN_EVERY_S = 10.0
PATIENCE_S = 0.25  # how long a call waits for what others may give back


class Draws(Protocol):
    """What a round needs of a till."""

    def hold(self, caller: Caller, want: Want) -> Hold | Refusal | None:
        """Set aside what a call may take, if it is at hand."""

    def draw(self, caller: Caller, want: Want) -> Hold:
        """Set it aside whatever is at hand."""

    def release(self, hold: Hold) -> None:
        """Give it all back."""

    def rotate(self) -> None:
        """Begin a new journal if it is time."""


class Waiting:
    """A call that waits."""

    __slots__ = ("caller", "result", "until", "want")

    def __init__(self, caller: Caller, want: Want, result: asyncio.Future[Hold | Refusal], until: float) -> None:
        self.caller = caller
        self.want = want
        self.result = result
        self.until = until


class Rounds:
    """The calls that wait for their slices, and the task that fetches them."""

    def __init__(
        self,
        till: Draws,
        slices: Slices,
        books: Books,
        thread: ThreadPoolExecutor,
        unwritten: Unwritten,
        content: Content,
    ) -> None:
        self._till = till
        self._slices = slices
        self._books = books
        self._thread = thread
        self._unwritten = unwritten
        self._content = content
        self._waiting: list[Waiting] = []
        self._flushing: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._ended = False
        self._complained = float("-inf")

    async def wait(self, caller: Caller, want: Want) -> Hold | Refusal:
        """Return a hold once its slices are there, or why there is none. Raises StorageError."""
        self._check_open()
        result: asyncio.Future[Hold | Refusal] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(caller, want, result, time.monotonic() + PATIENCE_S))
        self._wake.set()
        try:
            return await result
        except asyncio.CancelledError:
            if result.done() and not result.cancelled() and isinstance(held := result.result(), Hold):
                self._till.release(held)
            raise

    async def run(self) -> None:
        """Go round and round, until cancelled."""
        try:
            while True:
                pause = AGAIN_S if self._waiting else QUIET_S if self._slices.quiet else BUSY_S
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                self._wake.clear()
                await self._round()
        finally:
            self._end()

    async def flush(self) -> None:
        """Wait for a whole round. Raises StorageError."""
        self._check_open()
        flushed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flushing.append(flushed)
        self._wake.set()
        await flushed

    async def close(self) -> None:
        """Book everything, and leave the books, after `run` has ended. Raises StorageError."""
        self._end()
        self._unwritten.give_up()
        await self._in_thread(self._content.close)
        await self._in_thread(self._books.close)

    async def _round(self) -> None:
        """Go round once. Only `run` does: who waits may be cancelled, and what was granted must arrive."""
        flushing, self._flushing = self._flushing, []
        waiting = [one for one in self._waiting if not one.result.done()]
        gives, asks = self._slices.order((one.caller.pots, one.want) for one in waiting)
        try:
            self._unwritten.retry()
            self._till.rotate()
            report = await self._in_thread(lambda: self._books.round(gives, asks))
        except StorageError as error:
            self._slices.undo(gives)
            self._failed(error, waiting)
            self._flushed(flushing, error)
            return
        self._unwritten.recovered()
        self._traded(asks, report)
        if self._content.due:
            await self._in_thread(self._content.write)
        self._flushed(flushing, None)

    async def _in_thread(self, do: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, do)

    def _check_open(self) -> None:
        if self._ended:
            raise StorageError("The gateway's books are closed.", advice="Its log says why; start it again.")

    def _end(self) -> None:
        """Leave nobody waiting for a round that does not come."""
        self._ended = True
        closed = StorageError("The gateway's books are closed.")
        self._refuse(self._waiting, closed)
        self._flushed(self._flushing, closed)

    def _flushed(self, flushing: Sequence[asyncio.Future[None]], error: StorageError | None) -> None:
        for flushed in flushing:
            if not flushed.done():
                flushed.set_result(None) if error is None else flushed.set_exception(error)

    def _traded(self, asks: Sequence[Ask], report: Report) -> None:
        grants = {asked.pot: grant for asked, grant in zip(asks, report.grants, strict=True)}
        for name, grant in grants.items():
            self._slices.granted(name, grant)
        now, still = time.monotonic(), []
        for one in self._waiting:
            if one.result.done():
                continue
            found = self._till.hold(one.caller, one.want) or self._verdict(one, grants, now)
            still.append(one) if found is None else one.result.set_result(found)
        self._waiting = still
        if self._slices.yield_up(report.wanted):
            self._wake.set()

    def _verdict(self, one: Waiting, grants: Mapping[PotName, Grant], now: float) -> Hold | Refusal | None:
        """Return the last call that a balance has room for, a refusal, or None: wait on."""
        short = self._short(one)
        for pot, need in short:
            grant = grants.get(pot.name)
            if grant is None:
                continue
            if len(short) == 1 and grant.is_rest and pot.held == 0 and pot.free > 0:
                return self._till.draw(one.caller, one.want)
            if pot.unit == NANO and (grant.left <= 0 or (need > grant.left and pot.name.kind != "balance")):
                return replies.spent(one.caller.account, pot.name.kind, grant.left, need, one.caller.currency)
        if not short:
            return None
        waits = [(grants[pot.name].wait_s if pot.name in grants else 0.0, pot) for pot, _ in short]
        wait_s, pot = max(waits, key=lambda wait: wait[0])
        if now < one.until and wait_s <= PATIENCE_S:
            return None
        return replies.in_use(one.caller.account, pot.name.kind, limit=pot.limit, wait_s=max(wait_s, 1.0))

    def _short(self, one: Waiting) -> list[tuple[Pot, int]]:
        needs = [(pot, pot.need(one.want.worst_nano or 1, one.want.worst_tokens)) for pot in one.caller.pots.pots]
        return [(pot, need) for pot, need in needs if need > pot.free]

    def _failed(self, error: StorageError, waiting: Sequence[Waiting]) -> None:
        """Go on without books if that is what is wanted of a full disk; else nobody who waits can be served."""
        is_full = self._unwritten.blames(error)
        if is_full and self._unwritten.goes_on:
            for one in waiting:
                for pot, need in self._short(one):
                    self._slices.credit(pot, need - pot.free)
                if not one.result.done() and (found := self._till.hold(one.caller, one.want)) is not None:
                    one.result.set_result(found)
            return
        if not is_full and time.monotonic() - self._complained >= COMPLAIN_EVERY_S:
            self._complained = time.monotonic()
            log.error("the gateway's books cannot be kept at the moment: %s", error)
        self._refuse(waiting, error)

    def _refuse(self, waiting: Sequence[Waiting], error: StorageError) -> None:
        for one in waiting:
            if not one.result.done():
                one.result.set_exception(error)
        self._waiting = [one for one in self._waiting if not one.result.done()]
