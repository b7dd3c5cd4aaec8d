"""A job from end to end, for programs without an event loop: the work is done in a thread while the caller iterates.

job = Job.run(client, "questions.jsonl", "answers.jsonl", max_cost="1.50")
for progress in job:
    print(progress.done, "of", progress.total)
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any, Literal, Self

from moongate.batch.job import AsyncJob
from moongate.batch.loop import run
from moongate.batch.output import write_results
from moongate.batch.report import Progress
from moongate.batch.source import Source
from moongate.batch.state import State
from moongate.batch.upstream import Host
from moongate.errors import MoongateError


class Job:
    """`AsyncJob` for programs without an event loop: the work is done in a thread while the caller iterates."""

    def __init__(self, job: AsyncJob) -> None:
        self._job = job
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def run(cls, client: Host, source: Source, output: str | Path, **options: Any) -> Self:
        """Return the local job of a batch file and its output; see `AsyncJob.run`."""
        return cls(asyncio.run(AsyncJob.run(client, source, output, **options)))

    @classmethod
    def submit(cls, client: Host, source: Source, **options: Any) -> Self:
        """Return the remote job of a batch file; see `AsyncJob.submit`."""
        return cls(asyncio.run(AsyncJob.submit(client, source, **options)))

    @classmethod
    def find(cls, client: Host, name: str, **options: Any) -> Self:
        """Return a job by its name; see `AsyncJob.find`."""
        return cls(AsyncJob.find(client, name, **options))

    @property
    def name(self) -> str:
        """The job's name."""
        return self._job.name

    @property
    def folder(self) -> Path:
        """The job's folder."""
        return self._job.folder

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
        return self._threaded(self._job.__aiter__())

    def created(self) -> Iterator[Progress]:
        """Carry a remote job on until every part is a batch at the provider, or it rests."""
        return self._threaded(self._job.created())

    def stop(self) -> None:
        """Let the job rest; see `AsyncJob.stop`."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._job.stop)

    def cancel(self) -> State:
        """Give the job up; see `AsyncJob.cancel`."""
        return asyncio.run(self._job.cancel())

    def retry(self, *, uncertain: bool = False) -> State:
        """Open failed lines again; see `AsyncJob.retry`."""
        return asyncio.run(self._job.retry(uncertain=uncertain))

    def decide(self, what: Literal["again", "drop"]) -> State:
        """Say what becomes of uncertain batches; see `AsyncJob.decide`."""
        return asyncio.run(self._job.decide(what))

    def clean(self) -> int:
        """Delete an ended remote job's files at the provider; see `AsyncJob.clean`."""
        return asyncio.run(self._job.clean())

    def results(self, output: str | Path) -> int:
        """Write what there is; see `AsyncJob.results`."""
        return write_results(self._job.folder, Path(output))

    def _threaded(self, states: AsyncGenerator[Progress]) -> Iterator[Progress]:
        told: queue.SimpleQueue[Progress | BaseException | None] = queue.SimpleQueue()
        thread = threading.Thread(target=lambda: run(self._through(states, told)), name="moongate-batch")
        thread.start()
        try:
            while (item := told.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.stop()
            thread.join()

    async def _through(
        self, states: AsyncGenerator[Progress], told: queue.SimpleQueue[Progress | BaseException | None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            async for shown in states:
                told.put(shown)
        except BaseException as error:  # noqa: BLE001 - a worker's edge: raised again where the caller iterates
            told.put(error)
        finally:
            self._loop = None
            told.put(None)
