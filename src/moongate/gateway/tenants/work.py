"""Carries out the batches of all accounts: each one checked, worked off line by line, its results made into files.

Every worker of a gateway looks for batches that have not ended; whoever locks a batch's folder works on it. What a
line's end means, how many leave at once and what survives a kill is `moongate.batch`'s; a batch that was under way
is taken up again by whichever worker comes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import aclosing, closing
from functools import partial
from heapq import merge
from operator import itemgetter
from typing import Literal

from moongate.batch import events as ev
from moongate.batch.answers import unanswered_line
from moongate.batch.journal import Journal
from moongate.batch.lines import read
from moongate.batch.local import LocalRun, Options
from moongate.batch.marks import DONE, DOUBT, FAILED, SENT
from moongate.batch.source import KEPT, sha256_of
from moongate.batch.spending import Tariff
from moongate.batch.verdicts import Policy
from moongate.errors import MoongateError, StorageError, UsageError
from moongate.facts.batches import Status
from moongate.gateway.clerk import Clerk
from moongate.gateway.relay import Relay
from moongate.gateway.tenants.archive import Archive
from moongate.gateway.tenants.checks import checked
from moongate.gateway.tenants.line import Errands
from moongate.gateway.tenants.places import Places
from moongate.gateway.tenants.records import Batch, File, Wrong
from moongate.store.atomic import write_lines

log = logging.getLogger("moongate.gateway")

LOOK_EVERY_S = 1.0  # how soon another worker's batches are seen
TOLD_EVERY_S = 0.5  # how old the counts are that a batch shows
REST_S = 15.0  # until a batch that came to rest (no upstream, a full disk) is taken up again
AT_ONCE = 16  # batches that one worker carries out, of all accounts
CONCURRENCY, EMBEDDED = 32, 4  # lines of one batch under way at once
DRAIN_S = 5.0  # how long they may go on when the gateway ends
UNSENT = "The completion window closed before this line was sent."
UNCERTAIN = "The completion window closed while this line was on its way: it may have been charged."
PATIENT = Policy(throttled_tries=10**6, refused="fail")  # what passes is waited out, as long as the batch lives


class Work:
    """The batches that one worker carries out."""

    def __init__(self, relay: Relay, archive: Clerk[Archive], places: Places) -> None:
        self._relay = relay
        self._places = places
        self._archive = archive
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._owners: dict[str, int] = {}
        self._lives: dict[str, LocalRun] = {}
        self._rested: dict[str, float] = {}  # monotonic seconds
        self._new = asyncio.Event()
        self._ending = False

    def poke(self) -> None:
        """Look for batches now: one was made or cancelled."""
        self._new.set()

    async def keep(self) -> None:
        """Carry out what there is, until cancelled."""
        while True:
            self._new.clear()
            try:
                found = await self._archive.ask(Archive.unfinished)
                self._rested = {batch.id: self._rested.get(batch.id, 0.0) for batch in found}
                for batch in found:
                    self._take(batch)
            except MoongateError as error:
                log.warning("batches cannot be looked for: %s", error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._new.wait(), LOOK_EVERY_S)

    async def finish(self) -> None:
        """Let what is under way come to its end for a while, then leave it to the next start."""
        self._ending = True
        for life in self._lives.values():
            life.stop()
        tasks = tuple(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=DRAIN_S)
        for life in self._lives.values():
            life.cut()
        if tasks:
            await asyncio.wait(tasks, timeout=DRAIN_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self, batch: Batch) -> None:
        owned = Counter(self._owners.values())
        rests = batch.status != "cancelling" and self._rested[batch.id] > time.monotonic()
        full = len(self._tasks) >= AT_ONCE or owned[batch.account_id] >= self._relay.porter.options.max_batches
        if self._ending or rests or full or batch.id in self._tasks:
            return
        self._owners[batch.id] = batch.account_id
        self._tasks[batch.id] = asyncio.create_task(self._carried(batch.id))

    async def _carried(self, id_: str) -> None:
        """Carry a batch on, in this worker if no other does."""
        rest_s = REST_S
        try:
            journal = await asyncio.to_thread(self._opened, id_)
            if journal is None:
                rest_s = LOOK_EVERY_S
                return
            with closing(journal):
                if await self._to_its_end(id_, journal):
                    rest_s = 0.0
                    await self._archive.ask(lambda archive: archive.forget_job(id_))
        except MoongateError as error:
            log.warning("batch %s rests: %s", id_, error)
        except Exception:  # the edge of a worker: told whole, and tried again later
            log.exception("batch %s rests for a reason that nobody foresaw", id_)
        finally:
            del self._tasks[id_], self._owners[id_]
            self._rested[id_] = time.monotonic() + rest_s
            if not rest_s:
                self.poke()  # one that waits for its turn may have it

    def _opened(self, id_: str) -> Journal | None:
        """Return a batch's journal, locked; None while another worker has it."""
        try:
            return Journal(self._places.job(id_))
        except StorageError:
            raise
        except UsageError:
            return None

    async def _to_its_end(self, id_: str, journal: Journal) -> bool:
        """Bring a batch as far as it goes; say whether it has ended."""
        batch = await self._archive.ask(lambda archive: archive.batch(id_))
        if batch is None or batch.ended:
            return True
        if journal.state.opened is None and batch.status != "cancelling":
            batch = await self._begun(batch, journal)
        if batch.ended:
            return True
        if journal.state.opened is not None and batch.status != "cancelling" and time.time() < batch.expires_at:
            await self._worked(batch, journal)
        return await self._concluded(id_, journal)

    async def _begun(self, batch: Batch, journal: Journal) -> Batch:
        """Check the batch's file, and begin its work or let it fail."""
        caller = self._relay.till.caller_of(batch.key_id)
        path = journal.folder / KEPT
        if caller is None:
            gone = Wrong(code="wrong_key", message="the key that made this batch opens nothing any more")
            return await self._failed(batch.id, (gone,))
        found = await checked(path, self._relay.routes, caller)
        if found.wrongs:
            return await self._failed(batch.id, found.wrongs)
        digest = await asyncio.to_thread(sha256_of, path)
        journal.note(
            ev.Opened(
                job=batch.id,
                mode="local",
                provider=found.provider,
                base_url="",
                model=found.model,
                input=KEPT,
                sha256=digest,
                total=found.total,
                at=time.time(),
            )
        )
        return await self._entered(batch.id, "in_progress", total=found.total)

    async def _worked(self, batch: Batch, journal: Journal) -> None:
        """Send the lines that have no result yet, until there are none, or the batch is to rest or to end."""
        opened = journal.state.opened
        embedded = opened is not None and opened.provider == "local"
        options = Options(
            concurrency=EMBEDDED if embedded else CONCURRENCY,
            deadline_s=max(batch.expires_at - time.time(), 0.0),
            policy=PATIENT,
        )
        errands = Errands(self._relay, batch.key_id)
        life = LocalRun(journal, read(journal.folder / KEPT), errands, Tariff(None, None), options)
        self._lives[batch.id] = life
        looked = 0.0
        try:
            if self._ending:
                life.stop()
            async with aclosing(life.run()) as states:
                async for state in states:
                    now = time.monotonic()
                    if now - looked < TOLD_EVERY_S:
                        continue
                    looked, tally = now, state.tally
                    if (await self._counted(batch.id, tally.completed, tally.failed)).status == "cancelling":
                        life.stop()
        finally:
            del self._lives[batch.id]
        if life.error is not None:
            raise life.error

    async def _concluded(self, id_: str, journal: Journal) -> bool:
        """Make files of the results of a batch that goes no further; say whether it is one."""
        batch = await self._archive.ask(lambda archive: archive.batch(id_))
        tally = journal.state.tally
        if batch is None or batch.ended:
            return True
        if batch.status == "cancelling":
            status: Status = "cancelled"
        elif journal.state.opened is not None and tally.completed + tally.failed == tally.total:
            status = "completed"
        elif time.time() >= batch.expires_at:
            status = "expired"
        else:
            return False
        await self._counted(id_, tally.completed, tally.failed)
        await self._entered(id_, "finalizing")
        files = await asyncio.to_thread(self._written, batch, journal, status)
        await self._archive.ask(lambda archive: archive.change(id_, partial(_ended, status, files), files))
        return True

    def _written(self, batch: Batch, journal: Journal, status: Status) -> tuple[File, ...]:
        """Write the results that there are; the same files again, if a kill came in between."""
        failures = journal.results(ok=False)
        if status == "expired":
            failures = merge(failures, _unanswered(journal), key=itemgetter(0))
        found = (self._file(batch, journal, "output", journal.results(ok=True)),
            self._file(batch, journal, "error", failures))  # fmt: skip
        return tuple(file for file in found if file is not None)

    def _file(
        self, batch: Batch, journal: Journal, kind: Literal["output", "error"], results: Iterable[tuple[int, bytes]]
    ) -> File | None:
        id_ = f"file-{batch.id.removeprefix('batch-')}-{kind}"
        path = self._places.path(id_)
        if journal.state.opened is None:
            return None
        write_lines(path, (line for _, line in results))
        path.chmod(0o600)
        size = path.stat().st_size
        if not size:
            path.unlink()
            return None
        name = f"{batch.id}_{kind}.jsonl"
        return File(
            id=id_,
            account_id=batch.account_id,
            filename=name,
            purpose="batch_output",
            bytes=size,
            created_at=int(time.time()),
        )

    async def _failed(self, id_: str, wrongs: tuple[Wrong, ...]) -> Batch:
        return await self._entered(id_, "failed", errors=wrongs)

    async def _entered(self, id_: str, status: Status, **changes: object) -> Batch:
        now = time.time()
        return await self._archive.ask(
            lambda archive: archive.change(id_, lambda batch: batch.entered(status, now, **changes))
        )

    async def _counted(self, id_: str, completed: int, failed: int) -> Batch:
        """Tell the counts, and return the batch as it is now: it may be wanted no more."""
        return await self._archive.ask(lambda archive: archive.count(id_, completed, failed))


def _unanswered(journal: Journal) -> Iterator[tuple[int, bytes]]:
    """Yield (index, result line) of what the window closed on. The code is OpenAI's; Moonshot documents none."""
    marks = journal.state.marks
    for line in read(journal.folder / KEPT):
        mark = marks[line.index]
        if not mark & (DONE | FAILED):
            said = UNCERTAIN if mark & (SENT | DOUBT) else UNSENT
            yield line.index, unanswered_line(line.custom_id, "batch_expired", said)


def _ended(status: Status, files: tuple[File, ...], batch: Batch) -> Batch:
    ids = {f"{file.id.rpartition('-')[2]}_file_id": file.id for file in files}
    return batch.entered(status, time.time(), **ids)
