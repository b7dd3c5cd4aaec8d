"""POST /v1/chat/completions: checked, reserved, passed on once, settled before its last byte goes out.

An ASGI application of its own, because the answer goes through it as it arrives. What a call costs is decided in
`meter`, what the stream looks like in `tap`, how errors read in `replies`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from moongate.client.guard import Permit
from moongate.errors import BrokenStreamError, MoongateError, StorageError, TooLargeError
from moongate.facts.chat import Answer, Usage
from moongate.gateway import replies
from moongate.gateway.accounts import Intent
from moongate.gateway.asked import Asked, asked_from
from moongate.gateway.clerk import Clerk
from moongate.gateway.gate import Caller, Gate, RefusedError, answer
from moongate.gateway.meter import Tariff, is_embedded
from moongate.gateway.tap import END, Tap, as_moonshot, error_event
from moongate.gateway.upstreams import Target, Upstreams
from moongate.ledger.entry import OK, Charge, Entry
from moongate.wire import calls
from moongate.wire.fold import answer_from
from moongate.wire.replies import decode, error_from

log = logging.getLogger("moongate.gateway")

ANSWER_MAX_BYTES = 64 * 1024 * 1024
LAST_PIECE_S = 0.05  # how long the end of a finished stream is waited for, so that its connection can be kept
NOT_CHARGED = Charge(nano=0, basis="no answer: not charged")
EVENTS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


@dataclass(kw_only=True)
class Visit:
    """One call on its way through."""

    caller: Caller
    asked: Asked
    tariff: Tariff
    target: Target
    request_id: str
    at: float  # seconds since the epoch
    began: float = field(default_factory=time.monotonic)
    settled: bool = False
    streaming: bool = False  # the head of a stream has been sent
    left: bool = False  # the client closed its connection


class Relay:
    """The chat route."""

    def __init__(self, upstreams: Upstreams, clerk: Clerk, gate: Gate) -> None:
        self._upstreams = upstreams
        self._clerk = clerk
        self._gate = gate
        self._under_way: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        task = asyncio.current_task()
        if task is not None:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        try:
            visit = await self._entered(Headers(scope=scope), receive)
        except RefusedError as refused:
            await answer(refused.refusal)(scope, receive, send)
        except ClientDisconnect:
            log.debug("a caller left before the request was complete")
        else:
            try:
                await self._serve(visit, scope, receive, send)
            except asyncio.CancelledError:  # the gateway ends; this task ends with the answer
                await self._cut_off(visit, scope, receive, send)

    async def _cut_off(self, visit: Visit, scope: Scope, receive: Receive, send: Send) -> None:
        if visit.streaming:
            await send(
                {
                    "type": "http.response.body",
                    "body": error_event(replies.ENDING.document),
                    "more_body": False,
                }
            )
        else:
            await answer(replies.ENDING)(scope, receive, send)

    async def finish(self, *, wait_s: float) -> None:
        """Cut off what is still under way, and wait until it is settled."""
        for task in self._under_way:
            task.cancel()
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=wait_s)

    async def _entered(self, headers: Headers, receive: Receive) -> Visit:
        """Return a call that may leave, its worst case set aside. Raises RefusedError; then nothing was sent."""
        caller = await self._gate.caller(headers)
        body = await self._gate.body(headers, receive)
        row, name = self._upstreams.every[0].row, None
        try:
            asked = asked_from(body)
            name = asked.model
            target = (await self._upstreams.find_all(asked.models, caller)).targets[0]
            row = target.row
            permits = [Permit(name=name, id=target.wire_id, model=target.model)]
            visit = Visit(
                caller=caller,
                asked=asked.sent_as(target.wire_id),
                tariff=Tariff(row=row, permits=permits),
                target=target,
                request_id=secrets.token_hex(16),
                at=time.time(),
            )
            await self._reserve(visit)
        except MoongateError as error:
            told(error)
            raise RefusedError(replies.refusal_from(error, row, model=name)) from error
        return visit

    async def _reserve(self, visit: Visit) -> None:
        account = visit.caller.account
        foreign = visit.tariff.currencies - {account.currency}
        if foreign:
            why = f"this account is in {account.currency}, the model's price is in {', '.join(sorted(foreign))}"
            raise RefusedError(replies.forbidden(why))
        intent = Intent(
            at=visit.at,
            account_id=account.id,
            key_id=visit.caller.key.id,
            request_id=visit.request_id,
            asked_model=visit.asked.model,
            provider=visit.tariff.row.name,
            worst_nano=visit.tariff.worst_nano(visit.asked),
        )
        funds = await self._clerk.ask(lambda desk: desk.reserve(intent))
        if funds.reserved_nano is None:
            is_empty = funds.balance_nano <= 0
            refusal = replies.empty(account.name, funds.balance_nano) if is_empty else replies.busy(account.name)
            raise RefusedError(refusal)

    async def _serve(self, visit: Visit, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if visit.asked.stream:
                await while_connected(self._relayed(visit, scope, receive, send), _gone(visit, receive))
            else:
                await self._relayed(visit, scope, receive, send)
        finally:
            await self._failed(visit, "lost", 0)  # cut off by the gateway's own end, before there was an answer

    async def _relayed(self, visit: Visit, scope: Scope, receive: Receive, send: Send) -> None:
        row, model = visit.target.row, visit.asked.model
        call = calls.chat(row, visit.asked.body, model=visit.target.wire_id)
        try:
            async with visit.target.upstream.door.stream(call) as (head, pieces):
                if not head.ok:
                    error = error_from(head, row, model=model, secrets=visit.target.upstream.secrets)
                    raise replies.with_overflow(error, head)
                if visit.asked.stream:
                    await self._stream(visit, pieces, send)
                else:
                    await self._plain(visit, pieces, scope, receive, send)
        except MoongateError as error:
            told(error)
            refusal = replies.refusal_from(error, row, model=model)
            await self._failed(visit, error.kind, refusal.status)
            await answer(refusal)(scope, receive, send)

    async def _plain(
        self, visit: Visit, pieces: AsyncIterator[bytes], scope: Scope, receive: Receive, send: Send
    ) -> None:
        body = bytearray()
        async for piece in pieces:
            body += piece
            if len(body) > ANSWER_MAX_BYTES:
                raise TooLargeError(f"The answer is larger than {ANSWER_MAX_BYTES} bytes.")
        payload = decode(bytes(body), what="The answer")
        whole = answer_from(payload, asked_model=visit.asked.model)
        await self._settle(visit, whole, None, outcome=OK, status=200)
        content = msgspec.json.encode(as_moonshot(payload)) if is_embedded(visit.target.row) else bytes(body)
        headers = {"content-type": "application/json; charset=utf-8", "msh-request-id": visit.request_id}
        await Response(content, headers=headers)(scope, receive, send)

    async def _stream(self, visit: Visit, pieces: AsyncIterator[bytes], send: Send) -> None:
        """Pass a stream on. From the first byte on errors are events; the last event waits for the settlement."""
        tap = Tap(
            visit.target.row,
            asked_model=visit.asked.model,
            include_usage=visit.asked.include_usage,
            embedded=is_embedded(visit.target.row),
        )
        headers = [*EVENTS, (b"msh-request-id", visit.request_id.encode())]
        outcome, last = "", END
        try:
            visit.streaming = True
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._pump(tap, pieces, send)
            outcome = OK
        except MoongateError as error:
            told(error)
            outcome = error.kind
            refusal = replies.refusal_from(error, visit.target.row, model=visit.asked.model)
            last = b"".join([*tap.rest(), error_event(refusal.document)])
        finally:
            cut_off = "client_gone" if visit.left else "lost"
            last = await self._settled(visit, tap.answer, outcome or cut_off) or last
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _pump(self, tap: Tap, pieces: AsyncIterator[bytes], send: Send) -> None:
        async for piece in pieces:
            for event in tap.feed(piece):
                await send({"type": "http.response.body", "body": event, "more_body": True})
            if tap.done:
                await _drained(pieces)
                return
        raise BrokenStreamError("The stream ended before the provider said that it was done.")

    async def _settled(self, visit: Visit, so_far: Answer, outcome: str) -> bytes | None:
        """Settle a stream; return the event that ends it instead, where that could not be written down."""
        try:
            await self._settle(visit, so_far, None, outcome=outcome, status=200)
        except StorageError as error:
            told(error)
            return error_event(replies.refusal_from(error, visit.target.row).document)
        return None

    async def _failed(self, visit: Visit, outcome: str, status: int) -> None:
        """Settle a call that got no answer; a disk that refuses even that must not hide the first error."""
        if visit.settled:
            return
        try:
            await self._settle(visit, None, NOT_CHARGED, outcome=outcome, status=status)
        except StorageError as error:
            told(error)

    async def _settle(
        self, visit: Visit, whole: Answer | None, taken: Charge | None, *, outcome: str, status: int
    ) -> None:
        account, usage = visit.caller.account, Usage()
        if whole is not None:
            usage, taken = visit.tariff.charge(whole, visit.asked, account.currency)
        taken = taken or NOT_CHARGED
        entry = Entry(
            at=visit.at,
            account_id=account.id,
            key_id=visit.caller.key.id,
            request_id=visit.request_id,
            model=whole.model if whole is not None else "",
            asked_model=visit.asked.model,
            provider=visit.tariff.row.name,
            usage=usage,
            cost_nano=taken.nano,
            currency=account.currency,
            price_basis=taken.basis,
            latency_ms=int((time.monotonic() - visit.began) * 1000),
            outcome=outcome,
            status=status,
        )
        visit.settled = True
        await self._clerk.ask(lambda desk: desk.settle(entry, account.currency))


def told(error: MoongateError) -> None:
    """Log what only the operator can mend. Messages of MoongateErrors hold no key and no content."""
    if error.kind not in ("model_refused", "request_refused", "bad_request", "content_filter", "context_overflow"):
        log.warning("%s", error)


async def while_connected(work: Coroutine[Any, Any, None], leaving: Coroutine[Any, Any, None]) -> None:
    """Do `work` until it is done or the client is `leaving`; then it is cancelled, and waited for."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(leaving)
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(outcome, Exception):
        raise outcome


async def _gone(visit: Visit, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    visit.left = True


async def _drained(pieces: AsyncIterator[bytes]) -> None:
    """Read to the end of a stream that said it was done: a connection with bytes left in it cannot be used again."""
    try:
        async with asyncio.timeout(LAST_PIECE_S):
            async for _ in pieces:
                continue
    except (TimeoutError, MoongateError) as error:
        log.debug("the connection is not kept: %r", error)
