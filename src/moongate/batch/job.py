"""A job from end to end, for programs: `AsyncJob`, and `Job` for those without an event loop.

    job = Job.run(client, "questions.jsonl", "answers.jsonl", max_cost="1.50")
    for progress in job:
        print(progress.done, "of", progress.total)

`run` works a file off through ordinary chats. Iterating carries the job on: until it ends, or rests, which
`progress.stopped` says. Made again with the same arguments, a job goes on where it was.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, closing
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Self

from moongate.batch import events as ev
from moongate.batch import journal as kept
from moongate.batch.folders import FOLDER, clear, folder_of, name_for
from moongate.batch.journal import Journal
from moongate.batch.lines import read, survey
from moongate.batch.local import LocalRun, Options
from moongate.batch.report import Progress, progress
from moongate.batch.spending import Tariff
from moongate.batch.state import State
from moongate.batch.upstream import Host, Upstream
from moongate.batch.verdicts import Policy, Rule
from moongate.errors import MoongateError, UsageError
from moongate.facts.money import Money
from moongate.store.atomic import replacing

CONCURRENCY, EMBEDDED = 256, 4  # calls at once where nothing else is said


class AsyncJob:
    """A job of a client's. Iterate to carry it on.

    `state` is what the disk says, `error` the error for which it rests, if it does for one.
    """

    def __init__(self, client: Host, folder: Path, options: Options | None = None) -> None:
        self.folder = folder
        self.error: MoongateError | None = None
        self._client = client
        self._options = options or Options(concurrency=CONCURRENCY)
        self._run: LocalRun | None = None

    @classmethod
    async def run(
        cls,
        client: Host,
        source: str | Path,
        output: str | Path,
        *,
        concurrency: int | None = None,
        max_cost: str | Decimal | None = None,
        deadline_s: float | None = None,
        uncertain: Rule = "resend",
        new: bool = False,
    ) -> Self:
        """Return the local job of a batch file and its output, made now or taken up again; `new` starts over.

        `max_cost` is in the currency of the model's price, and is never passed. `uncertain` says what becomes of a
        line of which a try may have been charged without its answer. Raises UsageError for a file that is none, that
        changed since, or whose job another process works on; ModelRefusedError for an id that is not listed.
        """
        path, target = Path(source).absolute(), Path(output).absolute()
        row = client.provider
        folder = client.data_dir / FOLDER / name_for(path.stem, "local", str(path), str(target), row.name)
        options = Options(
            concurrency=concurrency or (EMBEDDED if row.name == "local" else CONCURRENCY),
            max_cost_nano=_nano(max_cost),
            deadline_s=deadline_s,
            policy=Policy(uncertain=uncertain),
        )
        job = cls(client, folder, options)
        upstream = client.upstream()
        try:
            if new:
                await asyncio.to_thread(clear, folder)
            await job._open(path, target, upstream)
        finally:
            await upstream.close()
        return job

    @classmethod
    def find(cls, client: Host, name: str, options: Options | None = None) -> Self:
        """Return a job by its name. Raises UsageError when there is none."""
        return cls(client, folder_of(client.data_dir, name), options)

    @property
    def name(self) -> str:
        """The job's name."""
        return self.folder.name

    @property
    def state(self) -> State:
        """The job as it is on the disk, also while another process works on it."""
        return kept.look(self.folder)

    async def __aiter__(self) -> AsyncGenerator[Progress]:
        """Carry the job on until it ends or rests, and yield its progress now and then."""
        with closing(await asyncio.to_thread(Journal, self.folder)) as journal:
            if journal.state.ended:
                await self._written(journal.state)
                yield self._progress(journal.state)
                return
            upstream = self._client.upstream(connections=self._options.concurrency)
            try:
                async with aclosing(self._carried_on(journal, upstream)) as told:
                    async for shown in told:
                        yield shown
            finally:
                await upstream.close()

    def stop(self) -> None:
        """Let the job rest: nothing more leaves, what is under way is waited for. A second time gives that up too."""
        if self._run is not None:
            if self._run.resting:
                self._run.cut()
            self._run.stop()

    async def cancel(self) -> State:
        """Give the job up. Finished lines keep their results."""
        return await asyncio.to_thread(self._noted, ev.Cancelled(at=time.time()))

    async def retry(self, *, uncertain: bool = False) -> State:
        """Open failed lines again, those that may have been charged only when `uncertain`; iterating sends them."""
        return await asyncio.to_thread(self._noted, ev.Retried(uncertain=uncertain))

    async def results(self, output: str | Path) -> int:
        """Write what there is to `output`, failures to its `.errors.jsonl`; return how many answers there are."""
        return await asyncio.to_thread(write_results, self.folder, Path(output))

    async def _open(self, path: Path, target: Path, upstream: Upstream) -> None:
        """Make the job, or see that it is still the same one."""
        found = await asyncio.to_thread(survey, path)
        if len(found.models) != 1:
            raise UsageError(
                f"{str(path)!r} names {len(found.models)} models: {', '.join(found.models)}.",
                advice="One model per file: `moongate batch validate` shows the lines.",
            )
        model = await upstream.permit(found.models[0])
        with closing(await asyncio.to_thread(Journal, self.folder)) as journal:
            known = journal.state.opened
            if known is not None:
                _same(known, found.sha256, path)
                return
            price = upstream.price(model)
            journal.note(
                ev.Opened(
                    job=self.name,
                    mode="local",
                    provider=upstream.row.name,
                    base_url=upstream.row.base_url,
                    model=found.models[0],
                    input=str(path),
                    sha256=found.sha256,
                    total=found.total,
                    at=time.time(),
                    output=str(target),
                    currency=price.currency if price else "",
                    basis=price.basis if price else "",
                )
            )

    async def _carried_on(self, journal: Journal, upstream: Upstream) -> AsyncGenerator[Progress]:
        opened = journal.state.opened
        assert opened is not None  # noqa: S101 - `_open` wrote it
        model = await upstream.permit(opened.model)
        tariff = Tariff(upstream.price(model), model)
        self._run = run = LocalRun(journal, read(Path(opened.input)), upstream, tariff, self._options)
        began, done = time.monotonic(), journal.state.tally.completed + journal.state.tally.failed
        async with aclosing(run.run()) as states:
            async for state in states:
                if state.ended:
                    await self._written(state)
                yield self._progress(state, began=began, done=done)
        self.error = run.error

    async def _written(self, state: State) -> None:
        """Write the output of a job that ended: the last thing that a kill may have kept an earlier life from."""
        if state.opened is not None and state.opened.output:
            await asyncio.to_thread(write_results, self.folder, Path(state.opened.output))

    def _noted(self, event: ev.AnyEvent) -> State:
        with closing(Journal(self.folder)) as journal:
            journal.note(event)
            return journal.state

    def _progress(self, state: State, *, began: float | None = None, done: int = 0) -> Progress:
        tally = state.tally
        finished = tally.completed + tally.failed - done
        left_s = None
        if began is not None and finished > 0:
            left_s = (time.monotonic() - began) / finished * (tally.total - tally.completed - tally.failed)
        return progress(state, left_s=left_s)


class Job:
    """`AsyncJob` for programs without an event loop: the work is done in a thread while the caller iterates."""

    def __init__(self, job: AsyncJob) -> None:
        self._job = job
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def run(cls, client: Host, source: str | Path, output: str | Path, **options: Any) -> Self:
        """Return the local job of a batch file and its output; see `AsyncJob.run`."""
        return cls(asyncio.run(AsyncJob.run(client, source, output, **options)))

    @classmethod
    def find(cls, client: Host, name: str, options: Options | None = None) -> Self:
        """Return a job by its name."""
        return cls(AsyncJob.find(client, name, options))

    @property
    def name(self) -> str:
        """The job's name."""
        return self._job.name

    @property
    def state(self) -> State:
        """The job as it is on the disk."""
        return self._job.state

    @property
    def error(self) -> MoongateError | None:
        """Why the job rests, if for an error."""
        return self._job.error

    def __iter__(self) -> Iterator[Progress]:
        """Carry the job on until it ends or rests, and yield its progress now and then. Leaving early stops it."""
        told: queue.SimpleQueue[Progress | BaseException | None] = queue.SimpleQueue()
        thread = threading.Thread(target=lambda: asyncio.run(self._through(told)), name="moongate-batch")
        thread.start()
        try:
            while (item := told.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.stop()
            thread.join()

    def stop(self) -> None:
        """Let the job rest; see `AsyncJob.stop`."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._job.stop)

    def cancel(self) -> State:
        """Give the job up."""
        return asyncio.run(self._job.cancel())

    def retry(self, *, uncertain: bool = False) -> State:
        """Open failed lines again; see `AsyncJob.retry`."""
        return asyncio.run(self._job.retry(uncertain=uncertain))

    def results(self, output: str | Path) -> int:
        """Write what there is; see `AsyncJob.results`."""
        return write_results(self._job.folder, Path(output))

    async def _through(self, told: queue.SimpleQueue[Progress | BaseException | None]) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            async for shown in self._job:
                told.put(shown)
        except BaseException as error:  # noqa: BLE001 - a worker's edge: raised again where the caller iterates
            told.put(error)
        finally:
            self._loop = None
            told.put(None)


def write_results(folder: Path, output: Path) -> int:
    """Write a job's answers to `output` in input order, and its failures beside it; return the number of answers."""
    errors = output.with_name(output.name + ".errors.jsonl")
    count = _write(output, (line for _, line in kept.results(folder, ok=True)))
    failures = kept.results(folder, ok=False)
    first = next(failures, None)
    if first is None:
        errors.unlink(missing_ok=True)
    else:
        _write(errors, (line for _, line in _chained(first, failures)))
    return count


def _chained(first: tuple[int, bytes], rest: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    yield first
    yield from rest


def _write(path: Path, lines: Iterator[bytes]) -> int:
    count = 0
    with replacing(path) as file:
        for line in lines:
            file.write(line)
            count += 1
    return count


def _same(known: ev.Opened, sha256: str, path: Path) -> None:
    if known.sha256 != sha256:
        raise UsageError(
            f"{str(path)!r} has changed since job {known.job!r} began with it.",
            advice="Put it back as it was to go on, or start over with --new.",
        )


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
