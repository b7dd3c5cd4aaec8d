"""Several workers on one socket: a parent that starts them, starts anew what dies, and passes signals on.

The parent serves nothing and holds no loop and no threads, so that forking is safe. A worker also ends when its
parent does, whatever ended that.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from moongate.errors import MoongateError

log = logging.getLogger("moongate.gateway")

END_S = 20.0  # how long workers may take to end; then they are killed
AGAIN_S = 0.5  # between the end of a worker and the start of the next
AGAIN_MOST_S = 8.0  # the same, doubled again and again, where another one lives and this one does not come up
SHORT_S = 2.0  # a worker that lived no longer did not come up
SHORT_MOST = 5  # in a row: then the gateway ends, unless another worker lives
_HEEDED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}

Work = Callable[[int, int], None]  # takes its number, and the descriptor that ends when the parent does


def supervise(
    count: int, work: Work, *, reload: Callable[[], None] = lambda: None, ending: Callable[[], None] = lambda: None
) -> int:
    """Have `count` processes do `work` until SIGTERM or SIGINT; return 0, or 1 when none of them stays up.

    They are numbered from 0; one that takes the place of another has its number. SIGHUP is passed on, and `reload` is
    done here, for those that start later; `ending` is done here when they are told to end. Call it from the main
    thread of a process without other threads.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HEEDED)
    read_end, write_end = os.pipe()
    crew = _Crew(work=work, reload=reload, end=ending, parent=read_end, own=write_end)
    try:
        for number in range(count):
            crew.start(number)
        return crew.watch(count)
    finally:
        crew.kill()
        os.close(read_end)
        os.close(write_end)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(kw_only=True)
class _Crew:
    """The processes at work."""

    work: Work
    reload: Callable[[], None]
    end: Callable[[], None]
    parent: int  # read by workers
    own: int  # held open by the parent alone
    born: dict[int, tuple[int, float]] = field(default_factory=dict)  # by process id: its number, and when
    short: int = 0  # workers in a row that did not come up
    next_at: float = 0.0  # when the next one starts
    ending: bool = False

    def start(self, number: int) -> None:
        process = os.fork()
        if process:
            self.born[process] = number, time.monotonic()
            return
        code = 1
        try:
            os.close(self.own)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEEDED)
            self.work(number, self.parent)
            code = 0
        except MoongateError as error:
            log.error("a worker could not go on: %s", error)  # noqa: TRY400 - it explains itself
        except BaseException:
            log.exception("a worker failed")
        finally:
            os._exit(code)

    def watch(self, count: int) -> int:
        deadline = float("inf")
        while self.born or not self.ending:
            heard = signal.sigtimedwait(_HEEDED, self.pause(count))
            if heard is not None and heard.si_signo == signal.SIGHUP:
                self.tell(signal.SIGHUP)
                self.reload()
            elif heard is not None and heard.si_signo in (signal.SIGTERM, signal.SIGINT):
                self.tell(signal.SIGTERM if not self.ending else signal.SIGINT)
                self.ending, deadline = True, time.monotonic() + END_S
                self.end()
            self.reap()
            if self.short >= SHORT_MOST and not self.born and not self.ending:
                log.error("the workers do not stay up; see above")
                return 1
            if self.is_short_of(count) and time.monotonic() >= self.next_at:
                self.start(min(set(range(count)) - {number for number, _ in self.born.values()}))
            if time.monotonic() > deadline:
                self.kill()
        return 0

    def reap(self) -> None:
        while self.born:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            _, began = self.born.pop(process, (0, 0.0))
            if not self.ending:
                now = time.monotonic()
                self.short = self.short + 1 if now - began < SHORT_S else 0
                self.next_at = now + min(AGAIN_S * 2 ** max(self.short - SHORT_MOST, 0), AGAIN_MOST_S)
                log.warning("a worker ended (%s); another one starts", os.waitstatus_to_exitcode(status))

    def is_short_of(self, count: int) -> bool:
        return not self.ending and len(self.born) < count

    def pause(self, count: int) -> float:
        """Return how long nothing is to be done unless a signal comes."""
        return min(max(self.next_at - time.monotonic(), 0.0), 1.0) if self.is_short_of(count) else 1.0

    def tell(self, number: int) -> None:
        for process in self.born:
            os.kill(process, number)

    def kill(self) -> None:
        self.tell(signal.SIGKILL)
        while self.born:
            process, _ = os.waitpid(-1, 0)
            self.born.pop(process, None)
