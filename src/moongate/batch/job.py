"""A job from end to end, for programs with an event loop; `blocking` has its twin for those without.

    job = await AsyncJob.run(client, "questions.jsonl", "answers.jsonl", max_cost="1.50")
    async for progress in job:
        print(progress.done, "of", progress.total)

`run` works a file off through ordinary chats, `submit` through the provider's batch API. Iterating carries the job
on: until it ends, or rests, which `progress.stopped` says. Made again with the same arguments, a job goes on where it
was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, closing
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal, Self

from msgspec.structs import replace

from moongate.batch import events as ev
from moongate.batch import journal as kept
from moongate.batch import wish
from moongate.batch.folders import folder_of
from moongate.batch.input import Recipe
from moongate.batch.journal import Journal
from moongate.batch.lines import read
from moongate.batch.local import LocalRun, Options
from moongate.batch.names import Names
from moongate.batch.opening import check_unchanged, open_local, open_remote
from moongate.batch.output import check_place, write_results
from moongate.batch.posting import post
from moongate.batch.records import Limits
from moongate.batch.remote import Pacing, RemoteRun
from moongate.batch.reopening import reopen
from moongate.batch.report import Progress, progress
from moongate.batch.source import Source
from moongate.batch.spending import Tariff
from moongate.batch.state import State
from moongate.batch.upstream import Host, Upstream
from moongate.batch.verdicts import Policy, Rule
from moongate.errors import BusyError, MoongateError, UsageError
from moongate.facts.batches import WINDOW
from moongate.facts.money import Money
from moongate.wire import filecalls

CONCURRENCY, EMBEDDED = 256, 4  # calls at once where nothing else is said
Until = Literal["created", "ended"]


class AsyncJob:
    """A job of a client's. Iterate to carry it on.

    `state` is what the disk says, `error` the error for which it rests, if it does for one.
    """

    def __init__(
        self,
        client: Host,
        folder: Path,
        options: Options | None = None,
        *,
        pacing: Pacing | None = None,
        first: tuple[ev.AnyEvent, ...] = (),
    ) -> None:
        """Take a folder's job up; `first` is written down before it is carried on."""
        self.folder = folder
        self.error: MoongateError | None = None
        self._client = client
        self._options = options or Options(concurrency=CONCURRENCY)
        self._pacing = pacing or Pacing()
        self._first = first
        self._life: LocalRun | RemoteRun | None = None

    @classmethod
    async def run(
        cls,
        client: Host,
        source: Source,
        output: str | Path,
        *,
        recipe: Recipe | None = None,
        rules: bool = True,
        concurrency: int | None = None,
        max_cost: str | Decimal | None = None,
        deadline_s: float | None = None,
        uncertain: Rule = "resend",
        new: bool = False,
    ) -> Self:
        """Return the local job of an input and its output, made now or taken up again; `new` starts over.

        `source` is a batch file, or with a `recipe` a file of rows or an iterable. Without `rules`, parameters are
        the provider's to judge. `max_cost` is in the currency of the model's price, and is never passed. `uncertain`
        says what becomes of a line of which a try may have been charged without its answer.

        Raises UsageError for an input with a fault in any line, that changed since, or whose job another process
        works on, and for an output that cannot be written; ModelRefusedError for a model that is not listed.
        """
        cap, place = _nano(max_cost), Path(output).absolute()
        check_place(place, source)
        options = Options(
            concurrency=concurrency or (EMBEDDED if client.provider.name == "local" else CONCURRENCY),
            deadline_s=deadline_s,
            policy=Policy(uncertain=uncertain),
        )
        folder = await open_local(client, source, place, recipe=recipe, rules=rules, new=new)
        return cls(client, folder, options, first=(ev.Capped(nano=cap),))

    @classmethod
    async def submit(
        cls,
        client: Host,
        source: Source,
        *,
        recipe: Recipe | None = None,
        rules: bool = True,
        window: str = WINDOW,
        limits: Limits | None = None,
        max_cost: str | Decimal | None = None,
        new: bool = False,
        pacing: Pacing | None = None,
    ) -> Self:
        """Return the remote job of an input, made now, or found again where it is not submitted whole.

        `source`, `recipe` and `rules` as for `run`. `created` submits it, iterating carries it on to its results.
        No part is submitted that may pass `max_cost`, counting what earlier ones cost, or may cost while they run.
        Raises UsageError for an input with a fault in any line, or that is submitted already, unless `new`;
        ModelRefusedError for a model that is not listed.
        """
        limits, cap = limits or Limits(), _nano(max_cost)
        folder = await open_remote(client, source, recipe=recipe, rules=rules, window=window, limits=limits, new=new)
        return cls(client, folder, pacing=pacing, first=(ev.Capped(nano=cap),))

    @classmethod
    def find(
        cls,
        client: Host,
        name: str,
        options: Options | None = None,
        *,
        max_cost: str | Decimal | None = None,
        pacing: Pacing | None = None,
    ) -> Self:
        """Return a job by its name, with its cap, or another. Raises UsageError when there is none."""
        first = () if max_cost is None else (ev.Capped(nano=_nano(max_cost)),)
        return cls(client, folder_of(client.data_dir, name), options, pacing=pacing, first=first)

    @property
    def name(self) -> str:
        """The job's name."""
        return self.folder.name

    @property
    def state(self) -> State:
        """The job as it is on the disk, also while another process works on it."""
        return kept.look(self.folder)

    def __aiter__(self) -> AsyncGenerator[Progress]:
        """Carry the job on until it ends or rests, and yield its progress now and then."""
        return self._lived("ended")

    def created(self) -> AsyncGenerator[Progress]:
        """Carry a remote job on until every part of it is a batch at the provider, or it rests."""
        return self._lived("created")

    def stop(self) -> None:
        """Let the job rest: nothing more leaves, what is under way is waited for. A second time gives that up too."""
        if self._life is not None:
            if self._life.resting:
                self._life.cut()
            self._life.stop()

    async def cancel(self) -> State:
        """Give the job up; iterating cancels a remote one at the provider. Finished lines keep their results.

        Where another process works on it, that one is told, which takes about a second, and does the rest; so does
        whoever iterates over this very object.
        """
        told = False
        while not told or wish.left(self.folder):
            try:
                return await asyncio.to_thread(self._given_up)
            except BusyError:
                if not told:
                    await asyncio.to_thread(wish.leave, self.folder)
                    told = True
            if self._life is not None:
                break
            await asyncio.sleep(wish.LOOK_EVERY_S)
        return self.state

    async def retry(self, *, uncertain: bool = False) -> State:
        """Open failed lines again, those that may have been charged only when `uncertain`; iterating sends them.

        Raises UsageError for a remote job that has not ended.
        """
        return await asyncio.to_thread(self._retried, uncertain)

    async def decide(self, what: Literal["again", "drop"]) -> State:
        """Say what becomes of batches of which nobody knows whether they exist: created again, or left."""
        return await asyncio.to_thread(self._decided, what)

    async def results(self, output: str | Path) -> int:
        """Write what there is to `output`, failures to its `.errors.jsonl`; return how many answers there are."""
        return await asyncio.to_thread(write_results, self.folder, Path(output))

    async def clean(self) -> int:
        """Delete the files of an ended remote job at the provider; return how many. Its results here are kept.

        Raises UsageError for a job that has not ended.
        """
        state = self.state
        self._mine(state)
        if not state.ended:
            raise UsageError(f"Job {self.name!r} has not ended.", advice="Watch it to its end, or cancel it.")
        found = [id_ for place in state.parts for id_ in (place.file_id, place.output_file_id, place.error_file_id)]
        upstream = self._client.upstream()
        try:
            return sum([await _deleted(upstream, id_) for id_ in found if id_])
        finally:
            await upstream.close()

    async def _lived(self, until: Until) -> AsyncGenerator[Progress]:
        with closing(await asyncio.to_thread(Journal, self.folder)) as journal:
            self._mine(journal.state)
            self._prepared(journal)
            try:
                if journal.state.ended:
                    await self._written(journal.state)
                    yield progress(journal.state)
                    return
                async with aclosing(self._carried_on(journal, until)) as told:
                    async for shown in told:
                        yield shown
            finally:
                self._life = None
                await asyncio.to_thread(post, self.folder, self._client.ledger)

    def _prepared(self, journal: Journal) -> None:
        """Write down what comes first, and that an earlier life was to be given up, if anybody wished that."""
        if not journal.state.ended:
            journal.note(*self._first)
        if wish.left(self.folder):
            journal.note(ev.Cancelled(at=time.time()))
            wish.clear(self.folder)

    async def _carried_on(self, journal: Journal, until: Until) -> AsyncGenerator[Progress]:
        opened = self._mine(journal.state)
        upstream = self._client.upstream(connections=self._options.concurrency)
        try:
            model = await upstream.permit(opened.model)
            tariff = Tariff(upstream.price(model, batch=opened.mode == "remote"), model)
            lived = self._remote if opened.mode == "remote" else self._local
            async with aclosing(lived(journal, upstream, tariff, until)) as told:
                async for shown in told:
                    yield shown
        finally:
            await upstream.close()

    async def _local(
        self, journal: Journal, upstream: Upstream, tariff: Tariff, until: Until
    ) -> AsyncGenerator[Progress]:
        opened = self._mine(journal.state)
        life = LocalRun(journal, read(self.folder / opened.input), upstream, tariff, self._options)
        self._life = life
        async for shown in self._told(life, life.run()):
            yield shown

    async def _remote(
        self, journal: Journal, upstream: Upstream, tariff: Tariff, until: Until
    ) -> AsyncGenerator[Progress]:
        if any(place.stage in ("planned", "uploading") for place in journal.state.parts):
            await asyncio.to_thread(check_unchanged, self.folder, self._mine(journal.state))
        with closing(Names(self.folder)) as names:
            life = RemoteRun(journal, names, upstream, tariff, self._pacing)
            self._life = life
            async for shown in self._told(life, life.run(until=until)):
                yield shown

    async def _told(self, life: LocalRun | RemoteRun, states: AsyncGenerator[State]) -> AsyncGenerator[Progress]:
        began, first = time.monotonic(), progress(life.state).done
        heeding = asyncio.create_task(self._heed(life))
        try:
            async with aclosing(states):
                async for state in states:
                    if state.ended:
                        await self._written(state)
                    shown = progress(state)
                    left, done = shown.total - shown.done, shown.done - first
                    left_s = (time.monotonic() - began) / done * left if done > 0 else None
                    yield replace(shown, left_s=left_s)
        finally:
            heeding.cancel()
            if life.state.cancelled or life.state.ended:
                wish.clear(self.folder)
        self.error = life.error

    async def _heed(self, life: LocalRun | RemoteRun) -> None:
        """Give the job up when another process, or this one, wishes it."""
        while not wish.left(self.folder):
            await asyncio.sleep(wish.LOOK_EVERY_S)
        life.cancel()
        if life.state.cancelled:
            wish.clear(self.folder)

    async def _written(self, state: State) -> None:
        """Write the output of a job that ended: the last thing that a kill may have kept an earlier life from."""
        if state.opened is not None and state.opened.output:
            await asyncio.to_thread(write_results, self.folder, Path(state.opened.output))

    def _mine(self, state: State) -> ev.Opened:
        """Return how the job began. Raises UsageError for a job of another provider than the client's."""
        row, opened = self._client.provider, state.opened
        if opened is None:
            raise UsageError(f"Job {self.name!r} was never begun.", advice="Start it over with --new.")
        elsewhere = opened.mode == "remote" and opened.base_url != row.base_url
        if opened.provider != row.name or elsewhere:
            raise UsageError(
                f"Job {self.name!r} belongs to {opened.provider} ({opened.base_url}), not to {row.name}.",
                advice=f"Name the provider it was made for: -p {opened.provider}.",
            )
        return opened

    def _given_up(self) -> State:
        with closing(Journal(self.folder)) as journal:
            journal.note(ev.Cancelled(at=time.time()))
            wish.clear(self.folder)
            return journal.state

    def _retried(self, uncertain: bool) -> State:
        with closing(Journal(self.folder)) as journal:
            wish.clear(self.folder)
            reopen(journal, self._mine(journal.state), uncertain=uncertain)
            return journal.state

    def _decided(self, what: Literal["again", "drop"]) -> State:
        with closing(Journal(self.folder)) as journal:
            event = ev.CreateFailed if what == "again" else ev.CreateDropped
            lost = [place.part.number for place in journal.state.parts if place.stage == "lost"]
            journal.note(*(event(part=number) for number in lost))
            return journal.state


async def _deleted(upstream: Upstream, file_id: str) -> bool:
    """Delete a file; one that is gone already counts as nothing."""
    try:
        return await upstream.call(filecalls.delete(upstream.row, file_id))
    except MoongateError as error:
        if error.status != 404:
            raise
        return False


def _nano(amount: str | Decimal | None) -> int | None:
    if amount is None:
        return None
    try:
        value = Decimal(amount)
        if value.is_finite() and value >= 0:
            return Money.of(value, "").nano
    except InvalidOperation:
        pass
    raise UsageError(f"{str(amount)!r} is no amount of money.", advice="Write it like 1.50.")
