"""A job through a provider's batch API: uploaded, created, watched, fetched, and never created twice.

A door: it carries out what `state` decides. The intent of every upload and create is on the disk before the request
leaves; where its answer is lost, the provider's own lists tell, by the job's tag in the file name and the metadata.
Where they cannot tell, the job rests and the user decides. `fetching` takes the results over.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, cast

from moongate import errors
from moongate.batch import commands as cmd
from moongate.batch import events as ev
from moongate.batch import state as st
from moongate.batch.fetching import Fetching
from moongate.batch.journal import Journal
from moongate.batch.names import Names
from moongate.batch.parts import beyond, file_of, kept_back, worst_by_part
from moongate.batch.spending import Tariff
from moongate.batch.split import stretch
from moongate.batch.upstream import Upstream
from moongate.facts.batches import ENDED, MOVING, Batch, Status
from moongate.wire import batchcalls, filecalls
from moongate.wire.filecalls import Source

log = logging.getLogger("moongate")
JOB, PART = "moongate_job", "moongate_part"  # keys of a batch's metadata
_MAYBE = (errors.UnavailableError,)


@dataclass(frozen=True, kw_only=True)
class Pacing:
    """How patient a run is. Times are in seconds."""

    poll_s: float = 5.0  # between two looks at a batch, at first
    longest_poll_s: float = 60.0
    settle_s: float = 10.0  # how long a request whose answer was lost may take to show up in the provider's lists
    patience: int = 10  # failures in a row before the job rests


class RemoteRun:
    """One life of a remote job: from its journal's state to the end, or to a rest. `error` is why it rests.

    Raises UsageError for a cap that cannot be kept, because no price is known.
    """

    def __init__(
        self,
        journal: Journal,
        names: Names,
        upstream: Upstream,
        tariff: Tariff,
        pacing: Pacing | None = None,
    ) -> None:
        tariff.bound(journal.state.cap_nano)
        self.pacing = pacing or Pacing()
        self.error: errors.MoongateError | None = None
        self._journal, self._upstream, self._tariff = journal, upstream, tariff
        self._worst: dict[int, int] = {}  # what each part may cost at most, where there is a cap
        self._failures = 0
        self._poll_s = self.pacing.poll_s
        self._resting: tuple[st.Why, str] | None = None
        opened = journal.state.opened
        assert opened is not None  # noqa: S101 - the first event of every journal
        self._opened = opened
        self._fetching = Fetching(journal, names, upstream, tariff, model=opened.model)

    @property
    def state(self) -> st.State:
        """The job as it is on the disk."""
        return self._journal.state

    @property
    def resting(self) -> bool:
        """Whether it was asked to rest."""
        return self._resting is not None

    async def run(self, *, until: Literal["created", "ended"] = "ended") -> AsyncGenerator[st.State]:
        """Work until every part is created, or the job ended, or rests; yield its state after every step."""
        self._woken = asyncio.Event()
        self._journal.note(ev.Begun(at=time.time()))
        await self._weigh()
        while self._resting is None and (commands := self._due(until)):
            await self._attempt(commands)
            yield self.state
        if self._resting is not None:
            why, message = self._resting
            self._journal.note(ev.Stopped(why=why, message=message, at=time.time()))
        yield self.state

    def stop(self, why: st.Why = "interrupted", message: str = "") -> None:
        """Let the job rest after the step that is under way. What was created goes on at the provider."""
        if self._resting is None:
            self._resting = (why, message or "It was interrupted; what was created goes on at the provider.")
        self._woken.set()

    def cancel(self) -> None:
        """Give the job up, and go on: to cancel its batches at the provider, and take over what they finished."""
        self._journal.note(ev.Cancelled(at=time.time()))
        self._poll_s = self.pacing.poll_s
        self._woken.set()

    def cut(self) -> None:
        """The same: a step is one request."""
        self.stop()

    def _due(self, until: str) -> tuple[cmd.Command, ...]:
        commands = st.todo(self.state)
        if until == "created" and not self.state.cancelled:
            commands = tuple(command for command in commands if isinstance(command, _CREATING))
        commands = self._within_cap(commands)
        acts = tuple(command for command in commands if not isinstance(command, cmd.Watch))
        return acts[:1] or commands

    async def _weigh(self) -> None:
        """Work out what the parts may cost at most, where a cap says that it matters for one that is to leave."""
        state = self.state
        if state.cap_nano is not None and any(isinstance(command, _CREATING) for command in st.todo(state)):
            self._worst = await asyncio.to_thread(worst_by_part, self._journal.folder, state, self._tariff)

    def _within_cap(self, commands: tuple[cmd.Command, ...]) -> tuple[cmd.Command, ...]:
        """Leave out the parts that the cap keeps back; the job rests when nothing under way can make room."""
        back = kept_back(self.state, self._worst) if self._worst else ()
        left = tuple(c for c in commands if not (isinstance(c, cmd.Upload | cmd.Create) and c.part in back))
        if back and commands and not left:
            self.stop("budget", beyond(self.state, self._worst, back[0], self._tariff.currency))
        return left

    async def _attempt(self, commands: tuple[cmd.Command, ...]) -> None:
        """Do the next step, or look at every batch under way; errors are counted, and may let the job rest."""
        try:
            for command in commands:
                await _ACTS[type(command)](self, cast(Any, command))
            if isinstance(commands[0], cmd.Watch):
                await self._pause(self._poll_s)
                self._poll_s = min(self._poll_s * 1.5, self.pacing.longest_poll_s)
            self._failures = 0
        except errors.StorageError:
            raise
        except errors.MoongateError as error:
            await self._failed(error)

    async def _failed(self, error: errors.MoongateError) -> None:
        self._failures += 1
        why = _WHY.get(
            type(error), "refused" if isinstance(error, errors.ProviderError | errors.UsageError) else None
        )
        if why is None and self._failures >= self.pacing.patience:
            why = "unavailable"
        if why is not None:
            self.error = error
            self.stop(why, str(error))
            return
        log.warning("%s", error)
        told = error.retry_after_s if isinstance(error, errors.RateLimitedError) else None
        await self._pause(min(told or self.pacing.poll_s * self._failures, self.pacing.longest_poll_s))

    # --- uploads and creates ---

    async def _upload(self, command: cmd.Upload) -> None:
        place = self.state.parts[command.part]
        part, path = place.part, file_of(self._journal.folder, place.part)
        source = Source(filename=place.name, size=part.size, open=lambda: stretch(path, part.offset, part.size))
        call = filecalls.upload(
            self._upstream.row, source, purpose="batch", boundary=f"moongate-{secrets.token_hex(16)}"
        )
        self._journal.note(ev.UploadMeant(part=part.number, at=time.time()))
        file = await self._act(self._upstream.call(call), lambda: ev.UploadFailed(part=part.number))
        self._journal.note(ev.Uploaded(part=part.number, file_id=file.id))

    async def _find_upload(self, command: cmd.FindUpload) -> None:
        place = self.state.parts[command.part]
        files = await self._upstream.call(filecalls.listed(self._upstream.row))
        found = next((file for file in files if (file.filename, file.bytes) == (place.name, place.part.size)), None)
        if found is not None:
            self._journal.note(ev.Uploaded(part=command.part, file_id=found.id))
        elif not await self._settling(place):
            self._journal.note(ev.UploadFailed(part=command.part))

    async def _create(self, command: cmd.Create) -> None:
        place, number = self.state.parts[command.part], command.part
        call = batchcalls.create(
            self._upstream.row,
            input_file_id=place.file_id or "",
            completion_window=self._opened.window,
            metadata={JOB: self._opened.tag, PART: str(number)},
        )
        self._journal.note(ev.CreateMeant(part=number, at=time.time()))
        batch = await self._act(self._upstream.call(call), lambda: ev.CreateFailed(part=number))
        self._journal.note(ev.Created(part=number, batch_id=batch.id))

    async def _find_batch(self, command: cmd.FindBatch) -> None:
        place = self.state.parts[command.part]
        try:
            found = await self._found(place)
        except (errors.NotJsonError, errors.UnknownRouteError, errors.NotOfferedError) as error:
            log.warning("The list of batches cannot tell: %s", error)
            self._journal.note(ev.CreateLost(part=command.part))
            return
        if found is not None:
            self._journal.note(ev.Created(part=command.part, batch_id=found.id))
        elif not await self._settling(place):
            self._journal.note(ev.CreateFailed(part=command.part))

    async def _found(self, place: st.PartState) -> Batch | None:
        """Look through all of the provider's batches for one that is made of this part's file, or bears its mark."""
        async for batch in self._batches():
            marked = (batch.metadata or {}).get(JOB) == self._opened.tag
            if batch.input_file_id == place.file_id or (
                marked and (batch.metadata or {}).get(PART) == str(place.part.number)
            ):
                return batch
        return None

    async def _batches(self) -> AsyncIterator[Batch]:
        after, seen = None, set[str]()
        while True:
            page = await self._upstream.call(batchcalls.listed(self._upstream.row, after=after, limit=100))
            new = [batch for batch in page.data if batch.id not in seen]
            for batch in new:
                yield batch
            seen.update(batch.id for batch in new)
            if not page.has_more or not new:
                return
            after = page.data[-1].id

    async def _ask(self, command: cmd.Ask) -> None:
        self.stop(
            "uncertain",
            f"Whether the batch of part {command.part} exists cannot be found out: the answer was lost, and "
            f"{self._upstream.row.title} keeps no mark of it. Look into its console; then watch the job with "
            "--uncertain again (create it) or --uncertain drop (leave it).",
        )

    async def _act(self, call: Awaitable[Any], failed: Callable[[], ev.AnyEvent]) -> Any:
        """Send what was meant. A certain no is written down; of anything else the lists will tell."""
        try:
            return await call
        except errors.MoongateError as error:
            if not error.sent or not isinstance(error, _MAYBE) or isinstance(error, errors.RateLimitedError):
                self._journal.note(failed())
            raise

    async def _settling(self, place: st.PartState) -> bool:
        """Wait a little where a request may still be on its way; say whether that was the case."""
        left = place.since + self.pacing.settle_s - time.time()
        if left <= 0:
            return False
        await self._pause(min(left + 0.05, max(self.pacing.settle_s / 5, 0.1)))
        return True

    # --- batches under way ---

    async def _watch(self, command: cmd.Watch) -> None:
        place = self.state.parts[command.part]
        batch = await self._upstream.call(batchcalls.retrieve(self._upstream.row, place.batch_id or ""))
        seen = ev.Seen(
            part=command.part,
            status=_status(batch),
            completed=batch.counts.completed,
            failed=batch.counts.failed,
            output_file_id=batch.output_file_id,
            error_file_id=batch.error_file_id,
        )
        known = (place.status, place.completed, place.failed, place.output_file_id, place.error_file_id)
        told = (seen.status, seen.completed, seen.failed, seen.output_file_id, seen.error_file_id)
        if told != known or batch.ended:
            self._journal.note(seen)
            self._poll_s = self.pacing.poll_s

    async def _cancel(self, command: cmd.Cancel) -> None:
        place = self.state.parts[command.part]
        self._journal.note(ev.CancelMeant(part=command.part))
        with suppress(errors.BadRequestError):  # it ended meanwhile: watching tells
            await self._upstream.call(batchcalls.cancel(self._upstream.row, place.batch_id or ""))

    async def _fetch(self, command: cmd.Fetch) -> None:
        await self._fetching.fetch(command)

    async def _conclude(self, command: cmd.Conclude) -> None:
        self._fetching.conclude(command)

    async def _finish(self, command: cmd.Finish) -> None:
        self._journal.note(ev.Finished(at=time.time()))

    async def _pause(self, seconds: float) -> None:
        """Wait, but not when the job is to rest or to be given up."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        if self._resting is None:
            self._woken.clear()


def _status(batch: Batch) -> Status:
    """Return a batch's state; one that nobody documented counts as in progress."""
    return cast(Status, batch.status) if batch.status in ENDED | MOVING else "in_progress"


_CREATING = (cmd.Upload, cmd.FindUpload, cmd.Create, cmd.FindBatch, cmd.Ask)
_WHY: dict[type[errors.MoongateError], st.Why] = {
    errors.InsufficientBalanceError: "money",
    errors.AuthenticationError: "refused",
}
_ACTS: dict[type[Any], Callable[[RemoteRun, Any], Awaitable[None]]] = {
    cmd.Upload: RemoteRun._upload,
    cmd.FindUpload: RemoteRun._find_upload,
    cmd.Create: RemoteRun._create,
    cmd.FindBatch: RemoteRun._find_batch,
    cmd.Ask: RemoteRun._ask,
    cmd.Watch: RemoteRun._watch,
    cmd.Cancel: RemoteRun._cancel,
    cmd.Fetch: RemoteRun._fetch,
    cmd.Conclude: RemoteRun._conclude,
    cmd.Finish: RemoteRun._finish,
}
