"""Group commit: one thread writes down, in one commit, whatever came in during the commit before.

The loop hands events over and hears of them again, in order, once they are on the disk.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable

from moongate.batch import events as ev
from moongate.batch.journal import Entry, Journal
from moongate.errors import StorageError

GROUP = 4096  # events in one commit at most


class Writer:
    """Commits to `journal` from a thread; `told` and `failed` are called in the loop that made it."""

    def __init__(
        self,
        journal: Journal,
        *,
        told: Callable[[tuple[ev.AnyEvent, ...]], None],
        failed: Callable[[StorageError], None],
    ) -> None:
        self._journal, self._told, self._failed = journal, told, failed
        self._loop = asyncio.get_running_loop()
        self._kept: list[Entry] = []
        self._error: StorageError | None = None
        self._queue: queue.SimpleQueue[Entry | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="moongate-journal", daemon=True)
        self._thread.start()

    def put(self, event: ev.AnyEvent, line: bytes = b"") -> None:
        """Hand an event over, with the result line that belongs to it."""
        self._queue.put((event, line))

    async def close(self) -> StorageError | None:
        """Wait until everything handed over is on the disk, and told; return why something of it is not."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        await asyncio.sleep(0)  # the last word to the loop was queued before the thread ended
        return self._error

    def _run(self) -> None:
        going = True
        while going:
            group, going = self._gathered()
            self._kept += group
            if self._kept and (self._error is None or not going):
                self._commit()

    def _gathered(self) -> tuple[list[Entry], bool]:
        """Wait for something to write, take what else there is, and say whether more may come."""
        group: list[Entry] = []
        indexes: list[int] = []
        nano, entry = 0, self._queue.get()
        while entry is not None:
            event = entry[0]
            if isinstance(event, ev.Sent):
                indexes += event.indexes
                nano += event.nano
            else:
                group.append(entry)
            if len(group) + len(indexes) >= GROUP or self._queue.empty():
                break
            entry = self._queue.get()
        if indexes:  # behind the rest: a line that came back and leaves again in one group came back first
            group.append((ev.Sent(indexes=tuple(indexes), nano=nano), b""))
        return group, entry is not None

    def _commit(self) -> None:
        """Commit what is kept. What the disk refuses is kept, and tried once more at the end: it was paid for."""
        try:
            events = self._journal.commit(self._kept)
        except StorageError as error:
            self._error = error
            self._loop.call_soon_threadsafe(self._failed, error)
            return
        self._error, self._kept = None, []
        self._loop.call_soon_threadsafe(self._told, events)
