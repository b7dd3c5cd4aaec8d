"""Group commit: one thread writes down, in one commit, whatever came in during the commit before.

The loop hands events over and hears of them again, in order, once they are on the disk.
"""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable

from moongate.batch import events as ev
from moongate.batch.journal import Entry, Journal
from moongate.errors import StorageError

GROUP = 4096  # events in one commit at most
SWITCH_S = 0.0005  # how long the loop keeps the interpreter from the thread; 5 ms would be half a commit's time lost


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
        self._end = journal.end
        self._waiting: deque[Entry] = deque()
        self._idle, self._closing = True, False
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._switch_s = sys.getswitchinterval()
        sys.setswitchinterval(min(SWITCH_S, self._switch_s))
        self._thread = threading.Thread(target=self._run, name="moongate-journal", daemon=True)
        self._thread.start()

    def place(self, size: int) -> int:
        """Return where a result line of so many bytes will lie; it has to be put next."""
        offset, self._end = self._end, self._end + size
        return offset

    def put(self, event: ev.AnyEvent, line: bytes = b"") -> None:
        """Hand an event over, with the result line that belongs to it."""
        self._waiting.append((event, line))
        if self._idle:  # waking a thread costs more than all the rest: only one that sleeps
            self._idle = False
            self._wake.put(None)

    async def close(self) -> StorageError | None:
        """Wait until everything handed over is on the disk, and told; return why something of it is not."""
        self._closing = True
        self._wake.put(None)
        await asyncio.to_thread(self._thread.join)
        if self._switch_s > SWITCH_S:  # else another writer lowered it, and puts it back
            sys.setswitchinterval(self._switch_s)
        await asyncio.sleep(0)  # the last word to the loop was queued before the thread ended
        return self._error

    def _run(self) -> None:
        while not self._closing or self._waiting:
            self._kept += self._gathered()
            if self._kept and self._error is None:
                self._commit()
            if not self._waiting:
                self._sleep()
        if self._kept:
            self._commit()

    def _sleep(self) -> None:
        """Wait to be woken, unless something came in while falling asleep."""
        self._idle = True
        if self._closing or self._waiting:
            self._idle = False
        else:
            self._wake.get()

    def _gathered(self) -> list[Entry]:
        """Return what is waiting, the intents as one event behind the rest.

        A line that came back and leaves again within one group came back first.
        """
        group: list[Entry] = []
        indexes: list[int] = []
        nano, waiting = 0, self._waiting
        while waiting and len(group) + len(indexes) < GROUP:
            entry = waiting.popleft()
            event = entry[0]
            if type(event) is ev.Sent:
                indexes += event.indexes
                nano += event.nano
            else:
                group.append(entry)
        if indexes:
            group.append((ev.Sent(indexes=tuple(indexes), nano=nano), b""))
        return group

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
