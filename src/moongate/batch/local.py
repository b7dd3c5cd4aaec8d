"""A job through ordinary chats: as many at once as the provider bears, every line's intent and result journalled.

A door: it holds the clock and the loop. What the end of a try means is `verdicts`, how many may leave `throttle`,
what they may cost `spending`, what it all amounts to `state`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

import msgspec

from moongate.batch import events as ev
from moongate.batch.answers import failed_line
from moongate.batch.journal import Journal
from moongate.batch.marks import DONE, FAILED, SENT
from moongate.batch.records import Line, Outcome
from moongate.batch.spending import Purse, Tariff, asked_in
from moongate.batch.state import State, Why
from moongate.batch.throttle import Throttle
from moongate.batch.upstream import Sender
from moongate.batch.verdicts import Again, End, Policy, Rest, judge
from moongate.batch.writer import Writer
from moongate.errors import MoongateError, RequestRefusedError, StorageError
from moongate.facts.chat import Usage
from moongate.wire.limits import Pace, limits_in, weight
from moongate.wire.replies import Reply

TICK_S = 0.2
ASK_AGAIN_S = 1.0  # the longest wait before limits are looked at again: another call may have ended meanwhile
NO_USAGE = Usage()
CAP_REACHED = (
    "The cap on the cost is reached: the next line might pass it. "
    "A higher cap goes on; max_tokens in every line makes the most that it may cost less."
)
HOPELESS = 25  # lines in a row that the provider failed on, without one answer in between


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a job runs. Times are in seconds."""

    concurrency: int = 256  # calls under way at most
    deadline_s: float | None = None  # no line leaves later than this after the start
    grace_s: float = 60.0  # how long a stop waits for what is under way
    policy: Policy = field(default_factory=Policy)


class LocalRun:
    """One life of a local job: from its journal's state to the end, or to a rest.

    `error` is what made it rest, if an error did. Raises UsageError for a cap that cannot be kept, because no price
    is known.
    """

    def __init__(
        self,
        journal: Journal,
        lines: Iterable[Line],
        upstream: Sender,
        tariff: Tariff,
        options: Options | None = None,
    ) -> None:
        self.options = options or Options()
        tariff.bound(journal.state.cap_nano)
        self.error: MoongateError | None = None
        self._journal, self._upstream, self._tariff = journal, upstream, tariff
        self._lines = self._waiting(lines)
        self._throttle = Throttle(most=self.options.concurrency)
        self._pace = Pace()
        tally = journal.state.tally
        self._purse = Purse(journal.state.cap_nano, tally.cost_nano + tally.doubt_nano)
        self._model = journal.state.opened.model if journal.state.opened else ""
        self._intents: dict[int, asyncio.Future[None]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._failing = 0  # lines in a row that ended without the provider's answer
        self._resting: tuple[Why, str] | None = None
        self._given_up = False

    @property
    def state(self) -> State:
        """The job as it is on the disk."""
        return self._journal.state

    @property
    def limit(self) -> int:
        """How many calls may be under way now."""
        return self._throttle.limit

    @property
    def resting(self) -> bool:
        """Whether it was asked to rest."""
        return self._resting is not None

    async def run(self) -> AsyncGenerator[State]:
        """Work until the job ends or rests; yield its state now and then, and once more at the end."""
        self._journal.note(ev.Begun(at=time.time()))
        self._clock = asyncio.get_running_loop().time
        self._rest_now, self._freed = asyncio.Event(), asyncio.Event()
        self._writer = Writer(self._journal, told=self._told, failed=self._disk_failed)
        ends = self._deadline()
        try:
            self._grow()
            while self._workers:
                await asyncio.wait(self._workers, timeout=TICK_S)
                self._reap()
                yield self.state
        finally:
            if ends is not None:
                ends.cancel()
            await self._end()
        yield self.state

    def stop(self, why: Why = "interrupted", message: str = "") -> None:
        """Let nothing more leave; what is under way is waited for, at most `grace_s` seconds."""
        self._rest(why, message or "It was interrupted.")

    def cancel(self) -> None:
        """Give the job up: as a stop, after which nothing goes on."""
        self._given_up = True
        self.stop()

    def cut(self) -> None:
        """Give up what is under way: its fate is uncertain."""
        self.stop()
        for worker in self._workers:
            worker.cancel()

    # --- lines, one after another ---

    def _waiting(self, lines: Iterable[Line]) -> Iterator[Line]:
        """Yield the lines without a result. The marks are those of the moment: no line ends before it was sent."""
        for line in lines:
            if not self._journal.state.marks[line.index] & (DONE | FAILED | SENT):
                yield line

    def _grow(self) -> None:
        while len(self._workers) < self._throttle.limit and self._resting is None:
            line = next(self._lines, None)
            if line is None:
                return
            self._workers.add(asyncio.create_task(self._work(line)))

    async def _work(self, line: Line | None) -> None:
        """Bring lines to their end, one after another, as long as there is room for this worker."""
        while line is not None and self._resting is None:
            await self._one(line)
            if len(self._workers) > self._throttle.limit:
                break
            self._grow()
            line = next(self._lines, None) if self._resting is None else None
        self._workers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _one(self, line: Line) -> None:
        """Send a line until it ends, or the job rests."""
        try:
            self._upstream.check(line.body)
            asked = asked_in(line.body)
            if asked.stream:
                raise RequestRefusedError("A line of a batch cannot be streamed, so nothing was sent.")
        except (MoongateError, msgspec.DecodeError) as error:
            self._refuse(line, error)
            return
        worst = self._tariff.worst_nano(line.body, asked)
        tries = 0
        while await self._may_leave(line, worst):
            tries += 1
            sent_at = self._clock()
            if await self._tried(line, worst, tries, sent_at):
                return

    async def _tried(self, line: Line, worst: int, tries: int, sent_at: float) -> bool:
        """Send a line once; say whether it is done with, for now or for good."""
        outcome: Reply | MoongateError
        try:
            outcome = await self._upstream.send(line.body)
        except MoongateError as error:
            outcome = error
        verdict = judge(
            outcome,
            line,
            self._upstream.row,
            model=self._model,
            tries=tries,
            policy=self.options.policy,
            jitter=random.random(),  # noqa: S311 - spreads waits, keeps no secret
            secrets=self._upstream.secrets,
        )
        if isinstance(verdict, End):
            self._settle(line, verdict, worst, tries)
            return True
        self._give_back(line, verdict, worst)
        if isinstance(verdict, Rest):
            self.error = self.error or verdict.error
            self._rest(verdict.why, str(verdict.error))
            return True
        self._slow_down(line, verdict, sent_at)
        await self._pause(max(verdict.wait_s, self._throttle.opens_at - self._clock()))
        return False

    async def _may_leave(self, line: Line, worst: int) -> bool:
        """Wait for money, for the pace and for the intent to be on the disk; say whether the line may leave."""
        while not self._purse.reserve(worst):
            if self._purse.reserved_nano == 0:
                self._rest("budget", CAP_REACHED)
            if self._resting is not None:
                return False
            self._freed.clear()
            await self._freed.wait()
        await self._in_turn(line)
        if self._resting is None and await self._intended(line.index, worst):
            return True
        self._free(worst, 0)
        return False

    async def _in_turn(self, line: Line) -> None:
        """Wait as long as the limits that were told, and a Retry-After, say; then the line counts as under way."""
        now = self._clock()
        if self._throttle.opens_at > now:
            await self._pause(self._throttle.opens_at - now)
        while (wait := self._pace.enter(self._clock(), self._weight(line))) is not None and self._resting is None:
            await self._pause(min(wait.seconds, ASK_AGAIN_S))

    def _weight(self, line: Line) -> int:
        return weight(line.body, self._model) if self._pace.limits.tpm else 0

    async def _intended(self, index: int, worst: int) -> bool:
        """Have it on the disk that a line is about to leave; say whether it still should."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._intents[index] = written
        self._writer.put(ev.Sent(indexes=(index,), nano=worst))
        try:
            await written
        except StorageError:  # the job rests for it
            self._resting = self._resting or ("storage", "")
        if self._resting is not None:  # it has not left: no doubt about it
            self._writer.put(ev.Returned(index=index, kind="", nano=worst))
            return False
        return True

    # --- ends of tries ---

    def _settle(self, line: Line, end: End, worst: int, tries: int) -> None:
        usage = end.usage or NO_USAGE
        cost = self._tariff.cost_nano(usage) if end.usage is not None else None
        outcome = Outcome(
            index=line.index,
            kind=end.kind,
            status=end.status,
            offset=self._writer.place(len(end.line)),
            size=len(end.line),
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=usage.cached_tokens,
            cost_nano=cost,
            tries=tries,
            uncertain=end.doubt,
        )
        self._writer.put(ev.Settled(outcome=outcome, nano=worst), end.line)
        unknown = end.doubt or (not end.kind and cost is None)
        self._free(worst, worst if unknown else cost or 0)
        if not end.kind:
            self._failing = 0
            self._throttle.answered()
        elif end.doubt:
            self._failing += 1
            if self._failing >= HOPELESS:
                self._rest("unavailable", f"The provider failed on {HOPELESS} lines in a row.")

    def _refuse(self, line: Line, error: Exception) -> None:
        """Settle a line that cannot be sent."""
        said = error if isinstance(error, MoongateError) else RequestRefusedError(f"The body is not usable: {error}.")
        text = failed_line(line.custom_id, said)
        place = self._writer.place(len(text))
        outcome = Outcome(index=line.index, kind=said.kind, tries=0, offset=place, size=len(text))
        self._writer.put(ev.Settled(outcome=outcome), text)

    def _give_back(self, line: Line, verdict: Again | Rest, worst: int) -> None:
        doubt = isinstance(verdict, Again) and verdict.doubt
        self._writer.put(ev.Returned(index=line.index, kind=verdict.error.kind, doubt=doubt, nano=worst))
        self._free(worst, worst if doubt else 0)

    def _free(self, worst: int, cost: int) -> None:
        self._pace.leave()
        self._purse.settle(worst, cost)
        self._freed.set()

    def _slow_down(self, line: Line, verdict: Again, sent_at: float) -> None:
        refusal = verdict.throttled
        if refusal is None:
            return
        said = refusal.provider_message or ""
        self._pace.learn(said, self._clock(), self._weight(line))
        self._throttle.refused(
            self._clock(),
            sent_at=sent_at,
            retry_after_s=refusal.retry_after_s,
            concurrency=limits_in(said).concurrency,
        )

    # --- rest and end ---

    def _rest(self, why: Why, message: str) -> None:
        if self._resting is None:
            self._resting = (why, message)
        self._rest_now.set()
        self._freed.set()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the moment when the job comes to rest."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rest_now.wait(), seconds)

    def _deadline(self) -> asyncio.TimerHandle | None:
        if self.options.deadline_s is None:
            return None
        loop = asyncio.get_running_loop()
        return loop.call_later(self.options.deadline_s, self._rest, "deadline", "The deadline has passed.")

    def _reap(self) -> None:
        """Take finished workers away; an error of ours ends the run."""
        done = {worker for worker in self._workers if worker.done()}
        self._workers -= done
        for worker in done:
            if not worker.cancelled():
                worker.result()
        self._grow()

    async def _end(self) -> None:
        """Wait for what is under way, within bounds, and write down how this life of the job ended."""
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=self.options.grace_s)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)
            self._workers.clear()
        failed = await self._writer.close()
        if failed is not None:
            self.error = failed
            return
        tally, now = self.state.tally, time.time()
        if tally.completed + tally.failed == tally.total:
            self._journal.note(ev.Finished(at=now))
        elif self._given_up:
            self._journal.note(ev.Cancelled(at=now))
        else:
            why, message = self._resting or ("interrupted", "It was interrupted.")
            self._journal.note(ev.Stopped(why=why, message=message, at=now))

    def _told(self, events: tuple[ev.AnyEvent, ...]) -> None:
        """Take in what is on the disk now, and let the lines leave whose intent is."""
        self._journal.apply(events)
        for event in events:
            if isinstance(event, ev.Sent):
                for index in event.indexes:
                    written = self._intents.pop(index, None)
                    if written is not None and not written.done():
                        written.set_result(None)

    def _disk_failed(self, error: StorageError) -> None:
        """Rest: nothing may leave whose intent cannot be written down."""
        self.error = self.error or error
        self._rest("storage", str(error))
        for written in self._intents.values():
            if not written.done():
                written.set_exception(error)
        self._intents.clear()
