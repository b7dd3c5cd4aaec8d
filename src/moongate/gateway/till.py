"""The till of one worker: whose key it is, what a call may take, what it took. Nothing here waits for a disk but the
one write of a settled call into the journal.

All of it belongs to the loop's thread. What is not at hand is fetched from the books in `rounds`, by a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from moongate.errors import StorageError
from moongate.gateway import replies, seams
from moongate.gateway.books import JOURNAL_MAX, Books
from moongate.gateway.callers import Callers
from moongate.gateway.content import Content, beside
from moongate.gateway.journal import framed
from moongate.gateway.pots import SLOTS, Purse, day_of, end_of
from moongate.gateway.replies import Refusal
from moongate.gateway.rounds import Rounds
from moongate.gateway.seams import Caller, Hold, Outcome, Row, Want
from moongate.gateway.slices import Slices
from moongate.gateway.unwritten import OnFull, Unwritten

log = logging.getLogger("moongate.gateway")

STALE_S = 0.02  # how old what is known of the keys may be
ONE_NANO = 1  # what a call without a known price holds: none begins where there is nothing


class Till:
    """Keys, money and limits. Use `opened`."""

    def __init__(
        self,
        books: Books,
        thread: ThreadPoolExecutor,
        *,
        on_full: OnFull,
        content: Content,
        clock: Callable[[], float],
    ) -> None:
        self._books = books
        self._clock = clock
        self._looked = 0.0
        self._revision = 0
        self._count = 0
        self._stamp = secrets.token_hex(12)
        self._encode = msgspec.json.Encoder().encode
        self._callers = Callers(books.path)
        self._journal = books.next_journal()
        self._slices = Slices()
        self._unwritten = Unwritten(self._append, on_full)
        self._content = content
        self._rounds = Rounds(self, self._slices, books, thread, self._unwritten, content)

    def caller(self, secret: bytes) -> Caller | None:
        """Return whose key a secret is; None for one that opens nothing. Raises StorageError."""
        now = self._clock()
        if not self._looked <= now < self._looked + STALE_S:
            self._look(now)
        found = self._callers.by_digest.get(sha256(secret).digest())
        if found is not None and found.expires_at is not None and found.expires_at <= now:
            return None
        return found

    def caller_of(self, key_id: int) -> Caller | None:
        """Return who calls with a key that is known by its id; None once it opens nothing. Raises StorageError."""
        now = self._clock()
        if not self._looked <= now < self._looked + STALE_S:
            self._look(now)
        found = self._callers.of(key_id)
        return None if found is None or (found.expires_at or now + 1) <= now else found

    def revision(self) -> int:
        """Return a number that is another one once a key was revoked or changed. Raises StorageError."""
        now = self._clock()
        if not self._looked <= now < self._looked + STALE_S:
            self._look(now)
        return self._revision

    def hold(self, caller: Caller, want: Want) -> Hold | Refusal | None:
        """Set aside what a call may take, if it is at hand; None means: ask `hold_slowly`."""
        if want.at >= caller.until or self._unwritten.shut:
            return None
        if want.currency is not None and want.currency != caller.currency:
            return replies.forbidden(f"this account is in {caller.currency}, the model's price is in {want.currency}")
        purse: Purse = caller.pots
        nano = want.worst_nano or ONE_NANO
        if nano > purse.balance.free:
            return None
        if purse.others:
            for pot in purse.money:
                if nano > pot.free:
                    return None
            for pot in purse.counts:
                if pot.free < 1:
                    return None
            if purse.tokens is not None and purse.tokens.need(nano, want.worst_tokens) > purse.tokens.free:
                return None
            return self.draw(caller, want)
        balance = purse.balance
        balance.free -= nano
        balance.held += nano
        balance.drawn += nano
        self._count = count = self._count + 1
        return Hold(f"{self._stamp}{count:08x}", caller, want, nano, want.worst_tokens, purse, time.monotonic())

    async def hold_slowly(self, caller: Caller, want: Want) -> Hold | Refusal:
        """Set it aside after a look at the books, waiting a moment for others to give back. Raises StorageError."""
        self._unwritten.check()
        if want.at >= caller.until:
            if caller.expires_at is not None and want.at >= caller.expires_at:
                return replies.WRONG_KEY
            day = day_of(want.at)
            caller.pots = self._slices.purse(caller, self._callers.limits(caller), day)
            caller.until = end_of(day, caller.expires_at)
        return self.hold(caller, want) or await self._rounds.wait(caller, want)

    def draw(self, caller: Caller, want: Want) -> Hold:
        """Take what a call may take from its pots, whatever is in them."""
        purse: Purse = caller.pots
        nano, tokens = want.worst_nano or ONE_NANO, want.worst_tokens
        balance = purse.balance
        balance.free -= nano
        balance.held += nano
        balance.drawn += nano
        if purse.others:
            for pot in purse.money:
                pot.draw(nano)
            for pot in purse.counts:
                pot.draw(1)
            if purse.tokens is not None:
                tokens = purse.tokens.need(nano, tokens)
                purse.tokens.draw(tokens)
        self._count = count = self._count + 1
        return Hold(f"{self._stamp}{count:08x}", caller, want, nano, tokens, purse, time.monotonic())

    def settle(self, hold: Hold, outcome: Outcome) -> None:
        """Write the call's line, and give back what it did not take. Raises StorageError as configured."""
        row = self.row(hold, outcome)
        failure = self.write([row]) if row is not None else None
        if failure is not None:
            raise failure

    def row(self, hold: Hold, outcome: Outcome) -> Row | None:
        """Return the call's row for the journal, and give back what it did not take; None if that is done already."""
        if not hold.open:
            return None
        hold.open = False
        want, caller, purse = hold.want, hold.caller, hold.pots
        if purse.others:
            tokens = outcome.prompt_tokens + outcome.completion_tokens
            self._give_back(hold, outcome.cost_nano or 0, tokens, took=True)
        else:
            balance = purse.balance
            balance.held -= hold.nano
            balance.free += hold.nano - (outcome.cost_nano or 0)
        return (
            want.at,
            caller.account_id,
            caller.key_id,
            hold.request_id,
            outcome.model,
            want.model,
            outcome.provider,
            outcome.prompt_tokens,
            outcome.completion_tokens,
            outcome.cached_tokens,
            outcome.reasoning_tokens,
            outcome.cost_nano,
            caller.currency,
            outcome.price_basis,
            int((time.monotonic() - hold.started) * 1000),
            outcome.outcome,
            outcome.status,
            purse.day,
            purse.budgets,
        )

    def write(self, rows: Sequence[Row]) -> StorageError | None:
        """Write rows, all or none; what the disk does not take is kept. Return why no answer may go out then."""
        payload = self._encode(rows if len(rows) > 1 else rows[0])
        try:
            self._journal.append(b"%08x %b\n" % (crc32(payload), payload))
        except OSError as error:
            return self._unwritten.keep_all([framed(self._encode(row)) for row in rows], error)
        return None

    def release(self, hold: Hold) -> None:
        """Give everything back: nothing was sent, and nothing is written."""
        if hold.open:
            hold.open = False
            self._give_back(hold, 0, 0, took=False)

    @property
    def keeps_content(self) -> bool:
        """Whether `log_content` is on, so that the answer's bytes are worth collecting."""
        return self._content.on

    def content(self, hold: Hold, request: bytes, answer: bytes) -> None:
        """Keep what was said, if `keeps_content`; returns at once."""
        self._content.keep(hold, request, answer)

    def use(self, *, on_full: OnFull, log_content: bool, content_days: float) -> None:
        """Go by other settings from now on."""
        self._unwritten.goes_on = on_full == "go_on"
        self._content.on, self._content.days = log_content, content_days

    @property
    def trouble(self) -> str | None:
        """What keeps calls from being written down, if anything does."""
        return self._unwritten.trouble

    @property
    def refuses(self) -> bool:
        """Whether no call may begin because of it."""
        return self._unwritten.shut

    async def flush(self) -> None:
        """Wait until what this worker has settled so far is in the ledger. Raises StorageError."""
        await self._rounds.flush()

    def rotate(self) -> None:
        """Begin a new journal when this one has grown long."""
        if self._journal.size > JOURNAL_MAX:
            self._journal = self._books.next_journal()

    async def run(self) -> None:
        """Keep books and till in step, until cancelled."""
        await self._rounds.run()

    async def close(self) -> None:
        """Book everything and give everything back. Raises StorageError."""
        self._callers.close()
        await self._rounds.close()

    def _append(self, line: bytes) -> None:
        self._journal.append(line)

    def _look(self, now: float) -> None:
        for gone in self._callers.look():
            self._revision += 1
            if gone.pots is not None:
                self._slices.yield_up(pot.name for pot in gone.pots.others)
        self._looked = now

    def _give_back(self, hold: Hold, nano: int, tokens: int, *, took: bool) -> None:
        purse: Purse = hold.pots
        balance = purse.balance
        balance.held -= hold.nano
        balance.free += hold.nano - nano
        if purse.others:
            for pot in purse.money:
                pot.put_back(hold.nano, hold.nano - nano)
            for pot in purse.counts:  # a place among the calls at once is free again, a request is not
                pot.put_back(1, int(pot.unit == SLOTS or not took))
            if purse.tokens is not None:
                purse.tokens.put_back(hold.tokens, hold.tokens - tokens)


@contextlib.asynccontextmanager
async def opened(
    path: Path,
    *,
    on_full: OnFull = "refuse",
    log_content: bool = False,
    content_days: float = 7,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Till]:
    """Yield a till over the database at `path`, and keep it in step with the books for the length of the block.

    With `log_content` what is said is kept, for `content_days`. Raises StorageError.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="moongate-books")
    loop = asyncio.get_running_loop()
    try:
        books = await loop.run_in_executor(thread, lambda: Books(path, clock=clock))
        content = Content(beside(path), on=log_content, days=content_days, clock=clock)
        till = Till(books, thread, on_full=on_full, content=content, clock=clock)
        running = asyncio.create_task(till.run(), name="moongate-till")
        running.add_done_callback(_told_why)
        try:
            yield till
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await till.close()
    finally:
        thread.shutdown(wait=True)


def _told_why(ended: asyncio.Task[None]) -> None:
    if not ended.cancelled() and ended.exception() is not None:
        log.critical("the gateway's books are closed by a fault: no call can begin", exc_info=ended.exception())


if TYPE_CHECKING:
    _conforms: type[seams.Till] = Till
