"""What all chats of one worker share: till, routes, room for large bodies, the clock, and who is under way.

Each chat is a `Visit` on a connection and an `Errand` upstream; nothing here is done for a single one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from moongate.errors import MoongateError
from moongate.facts.providers import Provider
from moongate.gateway import replies
from moongate.gateway.porter import Porter
from moongate.gateway.replies import Refusal
from moongate.gateway.spool import Spool
from moongate.gateway.tally import Tally
from moongate.gateway.turn import Turn

if TYPE_CHECKING:
    from moongate.gateway.errand import Errand
    from moongate.gateway.protocol import Protocol
    from moongate.gateway.seams import Files, Till
    from moongate.gateway.upstream import Upstream
    from moongate.gateway.upstreams import Upstreams

log = logging.getLogger("moongate.gateway.calls")  # where one trouble may be that of many: see `seldom`

TURN_S = 10.0  # how long a call waits for a connection to its upstream when all are in use
CALLERS_FAULT = frozenset({"model_refused", "request_refused", "bad_request", "content_filter", "context_overflow"})
NOWHERE = Provider(name="gateway", title="The gateway")
UNKNOWN = Provider(name="gateway", title="its upstream")  # nobody knows which one


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long clients may take, in seconds."""

    head_s: float = 15.0  # for a whole head, from its first byte
    silence_s: float = 30.0  # the longest pause within a body
    body_grace_s: float = 60.0  # from then on a body must have come faster than
    body_slowest: int = 1024  # bytes a second
    write_s: float = 120.0  # who takes nothing for so long is gone
    idle_s: float = 75.0  # a connection without a request
    linger_s: float = 2.0  # who was told that it is too much may go on sending, so that the answer is seen
    look_every_s: float = 0.5


class Relay:
    """The chat route of one worker."""

    turn_s = TURN_S
    files: Files  # there before the first request is

    def __init__(
        self,
        till: Till,
        routes: Upstreams,
        porter: Porter,
        spool: Spool,
        tally: Tally,
        patience: Patience | None = None,
    ) -> None:
        self.patience = patience or Patience()
        self.till = till
        self.routes = routes
        self.porter = porter
        self.spool = spool
        self.tally = tally
        self.under_way: set[Errand] = set()
        self.turn = Turn(till, self.under_way)
        self.ending = False  # what is asked now is the last on its connection
        self.now = time.monotonic()  # as of the last look: exact enough for time-outs and breakers
        self.date = b""  # a header line
        self._tasks: set[asyncio.Task[Any]] = set()
        self._tick()

    async def watch(self, connections: Iterable[Protocol]) -> None:
        """Keep the clock and end connections that take too long, until cancelled."""
        while True:
            self._tick()
            self.tally.stands(self.routes.every, self.now)
            for upstream in self.routes.every:
                upstream.throttle.look(self.now)
            for connection in tuple(connections):
                connection.look(self.now)
            await asyncio.sleep(self.patience.look_every_s)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Have something done that the hot path cannot wait for."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self) -> None:
        """Cut off what is still under way, so that it is settled."""
        self.turn.work()
        for visit in tuple(self.under_way):
            visit.cut_off()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def refusal(self, error: MoongateError, row: Provider | None, name: str | None) -> Refusal:
        """Return the answer for an error."""
        return replies.refusal_from(error, row or UNKNOWN, model=name)

    def warn(self, text: str, why: object) -> None:
        """Log something else that the operator should know."""
        log.warning(text, why)

    def failed(self) -> None:
        """Log an error that is the gateway's own."""
        log.exception("a call failed for a reason that nobody foresaw")

    def _tick(self) -> None:
        self.now = time.monotonic()
        self.date = b"date: %b\r\n" % formatdate(usegmt=True).encode()


def told(error: MoongateError, upstream: Upstream | None = None) -> None:
    """Log what only the operator can mend, and where. Messages of MoongateErrors hold no key and no content."""
    if error.kind not in CALLERS_FAULT:
        log.warning("%s%s", "" if upstream is None else f"{upstream.name}: ", error)
