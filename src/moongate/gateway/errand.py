"""What is done upstream for one chat: its route, the money set aside, the call, the answer, the settlement.

A state machine without a task of its own. When route, money and a connection are at hand nothing is awaited between
the last byte of the request and its way upstream; what is not at hand is fetched by a task that goes on here. To the
pool it is the sink of the answer.
"""

from __future__ import annotations

import abc
import asyncio
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, cast

from moongate.errors import BrokenStreamError, ModelNotPermittedError, MoongateError, StorageError, TooLargeError
from moongate.gateway import heads, replies
from moongate.gateway.answered import answered_from
from moongate.gateway.asked import Asked, Edit, edited, referring, renamed
from moongate.gateway.charges import charged
from moongate.gateway.recast import error_event
from moongate.gateway.reckoning import FAILURE_MAX_BYTES, Reckoning
from moongate.gateway.relay import told
from moongate.gateway.replies import Refusal
from moongate.gateway.route import may_go_elsewhere
from moongate.gateway.seams import Caller, Hold, Row, Want
from moongate.gateway.spool import length, pieces
from moongate.gateway.tap import END, Tap
from moongate.ledger.entry import OK
from moongate.transport.pool import Connection, Headers, Sink
from moongate.wire.replies import Reply, error_from

if TYPE_CHECKING:
    from moongate.gateway.upstream import Upstream
    from moongate.gateway.upstreams import Route, Target

ANSWER_MAX_BYTES = 64 * 1024 * 1024
LAST_PIECE_S = 1.0  # how long the end of a finished stream is waited for, so that its connection can be kept


class Errand(Reckoning, abc.ABC):
    """One call: `run` begins it, `cancel` ends it early. Whoever gives the answer on is a subclass: `Visit`."""

    __slots__ = (
        "_answered",
        "_connection",
        "_headers",
        "_outcome",
        "_over",
        "_received",
        "_route",
        "_sent",
        "_size",
        "_status",
        "_task",
        "_tried",
        "response_started",
        "traceparent",
    )

    _route: Route  # once it is found
    response_started: bool  # something of the answer was given on
    traceparent: str | None  # the caller's own span, where traces are wanted

    # What a subclass gives on

    @abc.abstractmethod
    def refuse(self, refusal: Refusal) -> None:
        """Answer no."""

    @abc.abstractmethod
    def answer(self, whole: bytes) -> None:
        """Answer in one piece, head and body."""

    @abc.abstractmethod
    def begin(self, head: bytes) -> None:
        """Begin an answer whose length nobody knows."""

    @abc.abstractmethod
    def write(self, piece: bytes) -> None:
        """Go on with it."""

    @abc.abstractmethod
    def end(self, piece: bytes) -> None:
        """End it with a last piece."""

    @abc.abstractmethod
    def lines(self) -> bytes:
        """Return the header lines of its answer that no other answer has."""

    @abc.abstractmethod
    def cut_off(self) -> None:
        """End it because the gateway ends."""

    # Before it leaves

    def run(self, caller: Caller, asked: Asked) -> None:
        """Find the route and the money, and send it."""
        relay = self._relay
        self._caller = caller
        self._asked = asked
        self._target = self._hold = self._tap = self._trace = self._head_s = None
        self._sent_at = self._first_at = 0.0
        self._begun = False
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._tried = self._status = self._size = 0  # targets; the answer's status; its bytes so far
        self._sent = False  # something may have reached an upstream
        self._answered = False  # whole, and settled in this turn
        self._over = False
        self._headers: Headers = []
        self._received: list[bytes] = []
        relay.under_way.add(self)
        names = asked.models
        if relay.tally.traces is not None:
            self._trace = relay.tally.traces.begin(names[0], self.traceparent)
        route = relay.routes.at_hand(names[0], caller) if len(names) == 1 and not asked.has_files else None
        if route is None:
            self._later(self._find())
        else:
            self._reserve(route)

    async def _find(self) -> None:
        route = await self._relay.routes.find_all(self._asked.models, self._caller)
        if self._asked.has_files:
            placed = await self._relay.files.placed(self._caller, self._asked.body)
            if isinstance(placed, Refusal):
                self._refuse(placed)
                return
            if placed is not None:
                route = route.at(placed)
                self._asked = referring(self._asked, placed.edits, placed.ids)
        self._reserve(route)

    def _reserve(self, route: Route) -> None:
        """Set the worst case of the dearest target aside."""
        asked, caller, targets = self._asked, self._caller, route.targets
        self._route = route
        first, tariff = targets[0], targets[0].tariff
        currency = tariff.currency
        nano, tokens = tariff.worst(asked.size_bytes, asked.max_tokens, asked.choices, asked.has_files)
        if len(targets) > 1:
            nano, tokens, currency = route.worst(asked, caller.currency)
        if currency is not None and currency != caller.currency:
            self._refuse(replies.foreign(caller.currency, currency))
            return
        want = Want(nano, tokens, asked.models[0], first.row.name, currency, time.time())
        hold = self._relay.till.hold(caller, want)
        if hold.__class__ is Hold:
            self._hold = hold
            self._leave()
        elif hold is None:
            self._later(self._reserve_slowly(want))
        else:
            self._reserved(hold)

    async def _reserve_slowly(self, want: Want) -> None:
        self._reserved(await self._relay.till.hold_slowly(self._caller, want))

    def _reserved(self, hold: Hold | Refusal) -> None:
        if isinstance(hold, Refusal):
            self._refuse(hold)
        elif self._over:
            self._relay.till.release(hold)
        else:
            self._hold = hold
            self._leave()

    def _leave(self) -> None:
        """Send it to the next upstream that takes calls now."""
        asked, targets, now = self._asked, self._route.targets, self._relay.now
        for target in targets[self._tried :]:
            self._tried += 1
            upstream = target.upstream
            if upstream.lets_go(now):
                break
        else:
            self._fail_with(_closed(targets[-1].upstream, now), "no_upstream")
            return
        self._target = target
        self._begun = True
        edits = asked.edits if target.wire_id == asked.models[0] else renamed(asked, target.wire_id)
        connection, body = upstream.pool.take(), asked.body
        if connection is None or body.__class__ is not bytes:
            self._later(self._open(connection, target, edits))
        else:
            self._send(connection, body, target, edits)

    def _send(self, connection: Connection, body: bytes, target: Target, edits: tuple[Edit, ...]) -> None:
        if edits:
            body = edited(body, edits)
        self._connection = connection
        self._sent = True
        lines = b"" if self._trace is None else self._trace.line
        self._sent_at = self._first_at = time.perf_counter()
        request = b"%b%d\r\n%b\r\n%b" % (target.upstream.opening, len(body), lines, body)
        self._relay.turn.send(connection, request, self)

    async def _open(self, connection: Connection | None, target: Target, edits: tuple[Edit, ...]) -> None:
        body = self._asked.body
        try:
            connection = connection or await target.upstream.pool.open(within_s=self._relay.turn_s)
        except MoongateError as error:
            self.on_error(error)
            return
        if self._over:
            connection.abort()
        elif type(body) is bytes:
            self._send(connection, body, target, edits)
        else:
            await self._pour(connection, target, edits)

    async def _pour(self, connection: Connection, target: Target, edits: tuple[Edit, ...]) -> None:
        """Send a body from the disk, no faster than the upstream takes it."""
        left = length(self._asked.body, edits)
        self._connection, self._sent = connection, True
        self._sent_at = self._first_at = time.perf_counter()
        lines = b"" if self._trace is None else self._trace.line
        connection.send(b"%b%d\r\n%b\r\n" % (target.upstream.opening, left, lines), self, more=True)
        for piece in pieces(self._asked.body, edits):
            left -= len(piece)
            connection.write(piece, more=left > 0)
            await connection.drained()
            if self._connection is not connection:
                return
        self._sent_at = self._first_at = time.perf_counter()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = self._relay.spawn(self._watched(work))

    async def _watched(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except MoongateError as error:
            self._fail(error)
        except Exception:  # noqa: BLE001 - the edge of the gateway: told whole, and the caller gets an answer
            self.broke()

    # The answer arrives

    def on_whole(self, head: bytes, body: bytes) -> None:
        """Take a whole answer of status 200."""
        self._connection = None
        self._status = 200
        if self._asked.stream:
            self.on_head(200, [])
            self.on_body(body)
            self.on_end()
        elif not self._over:
            self._first_at = now = time.perf_counter()
            self._head_s = now - self._sent_at
            self._answered = True
            self._relay.turn.ends(self, body)

    def on_head(self, status: int, headers: Headers) -> None:
        """Take status and headers of the answer."""
        self._first_at = time.perf_counter()
        self._status = status
        self._headers = headers
        self._head_s = self._first_at - self._sent_at
        if 200 <= status < 300 and self._asked.stream:
            self._begin()

    def on_body(self, piece: bytes) -> None:
        """Take a piece of the answer."""
        tap = self._tap
        if tap is None:
            self._keep(piece)
            return
        self._first_at = time.perf_counter()
        try:
            out = tap.feed(piece)
        except MoongateError as error:
            self._fail(error)
            return
        if tap.done:
            self._finish_stream(tap, out)
        elif out:
            self.write(out)

    def on_end(self) -> None:
        """Know that the answer is complete."""
        self._connection = None
        if self._over:
            return
        self._first_at = time.perf_counter()
        if self._tap is not None:
            self._fail(BrokenStreamError("The stream ended before the provider said that it was done."))
        elif 200 <= self._status < 300:
            self._answered = True
            self._relay.turn.ends(self, self._received[0] if len(self._received) == 1 else b"".join(self._received))
        else:
            self._turned_down()

    def on_error(self, error: MoongateError) -> None:
        """Know that the answer does not come, or not to its end."""
        self._connection = None
        if not self._over:
            self._failed_there(error)

    def hold_back(self) -> None:
        """Have the upstream wait: what came is not taken."""
        if self._connection is not None:
            self._connection.pause()

    def go_on(self) -> None:
        """Have it go on."""
        if self._connection is not None:
            self._connection.resume()

    def cancel(self, outcome: str) -> None:
        """End it early, at once. What came is charged, by estimate where its usage did not come."""
        if self._answered:
            self._relay.turn.work()  # it came to its end
        if self._over:
            return
        if self._sent:
            self._settle_quietly(outcome, self._status)
        self._done(gone=True)

    def _begin(self) -> None:
        target, row = cast("Target", self._target), cast("Target", self._target).row
        self._tap = Tap(
            row, asked_model=target.wire_id, include_usage=self._asked.include_usage, embedded=target.is_embedded
        )
        hold = cast("Hold", self._hold)
        self.begin(
            heads.stream(
                self._relay.date,
                hold.request_id,
                target.whence,
                self._overhead_s(time.perf_counter()) * 1000,
                self.lines(),
            )
        )

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        self._received.append(piece)
        if self._size > (ANSWER_MAX_BYTES if self._status < 300 else FAILURE_MAX_BYTES):
            self._fail(TooLargeError("The answer is larger than any answer is.", advice="Check the base url."))

    def settle_whole(self, body: bytes) -> Row | None:
        """Read a whole answer, and settle by it; return the journal's row, None if it fails. `conclude` follows."""
        target, hold = self._target, self._hold
        if self._over or target is None or hold is None:
            return None
        try:
            found = answered_from(body, target.row, asked_model=target.wire_id, embedded=target.is_embedded)
            self._outcome = outcome = charged(self._asked, target, hold, found.model, found.usage, kind=OK)
        except MoongateError as error:
            self._fail(error)
            return None
        self._received = [found.body]
        return self._relay.till.row(hold, outcome)

    def conclude(self, failure: StorageError | None) -> None:
        """Give a whole answer on that is settled, or say why that may not be."""
        target, hold, outcome, relay = self._target, self._hold, self._outcome, self._relay
        if failure is not None or target is None or hold is None:
            self._fail(failure or StorageError("The call was not settled."))
            return
        body = self._received[0]
        overhead_s = self._settled(target, hold, outcome, body)
        self._done(outcome.prompt_tokens + outcome.completion_tokens)
        cost = heads.cost_line(outcome.cost_nano, self._caller.currency)
        self.answer(
            heads.plain(relay.date, hold.request_id, target.whence, overhead_s * 1000, cost, self.lines(), body)
        )

    def broke(self) -> None:
        """Say that something went wrong that nobody foresaw."""
        self._relay.failed()
        self._fail_with(replies.FAILED, "error")

    def _finish_stream(self, tap: Tap, out: bytes) -> None:
        target, hold = self._target, self._hold
        if target is None or hold is None:
            return
        usage = tap.usage
        weight = 0 if usage is not None else tap.said_bytes
        outcome = charged(self._asked, target, hold, tap.model, usage, said_bytes=weight, kind=OK)
        try:
            self._relay.till.settle(hold, outcome)
        except StorageError as error:
            self._fail(error)
            return
        overhead_s = self._settled(target, hold, outcome, out)
        if self._connection is not None:
            self._connection.ends = self._relay.now + LAST_PIECE_S
            self._connection = None
        self._done(outcome.prompt_tokens + outcome.completion_tokens)
        cost = heads.cost_of(outcome.cost_nano, self._caller.currency)
        said = heads.comment(target.upstream.name, target.wire_id, overhead_s * 1000, cost)
        self.end(b"%b%b%b" % (out, said, END))

    def _turned_down(self) -> None:
        """Read what the upstream says against it."""
        target = cast("Target", self._target)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers}
        reply = Reply(status=self._status, headers=headers, body=b"".join(self._received))
        error = error_from(reply, target.row, model=target.wire_id, secrets=target.upstream.secrets)
        if isinstance(error, ModelNotPermittedError):
            self._relay.spawn(asyncio.to_thread(target.denied, error))
        self._failed_there(replies.with_overflow(error, reply))

    def _failed_there(self, error: MoongateError) -> None:
        """Try the next upstream where the configuration names one and nothing can have been charged; else fail."""
        if self._tap is None and may_go_elsewhere(error) and self._tried < len(self._route.targets):
            told(error, None if self._target is None else self._target.upstream)
            self._ended(error=error)
            self._received, self._size, self._sent = [], 0, False
            self._leave()
        else:
            self._fail(error)

    def _fail(self, error: MoongateError) -> None:
        target = self._target
        self._ended(error=error)
        told(error, None if target is None else target.upstream)
        if self._asked.ids:
            replies.rename(error, self._asked.ids)
        self._fail_with(
            self._relay.refusal(error, target.row if target is not None else None, self._asked.models[0]), error.kind
        )

    def _fail_with(self, refusal: Refusal, outcome: str) -> None:
        if self._over:
            return
        begun = self.response_started
        if self._hold is not None:
            self._settle_quietly(outcome, 200 if begun else refusal.status, charge=begun)
        self._done()
        if begun:
            rest = self._tap.rest() if self._tap is not None else b""
            self.end(rest + error_event(refusal.document))
        else:
            self.refuse(refusal)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer no before any money was set aside."""
        self._done()
        self.refuse(refusal)

    def _done(self, tokens: int = 0, *, gone: bool = False) -> None:
        self._over = True
        self._relay.under_way.discard(self)
        if self._begun and not gone and self._target is not None:
            self._begun = False
            self._target.upstream.returned(self._relay.now, tokens)
        elif gone:
            self._ended(gone=True)
        if self._hold is not None:
            self._relay.till.release(self._hold)
            self._hold = None
        if self._connection is not None:
            self._connection.abort()
            self._connection = None
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._task = None
        if self._trace is not None:
            self._trace.end({}, error="refused")
            self._trace = None


def _closed(upstream: Upstream, now: float) -> Refusal:
    return replies.later(upstream.row.title, upstream.wait(now), broken=upstream.breaker.wait(now) > 0)


if TYPE_CHECKING:

    def _conforms(errand: Errand) -> Sink:
        return errand
