"""The gateway's routes: Moonshot's surface over its upstreams, health, and a status page.

Chats do not come by here: `protocol` answers them. Who gets in is `gate`. Whatever is not a route here is answered
before the key is looked at, in the envelope that Moonshot uses for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from moongate.errors import MoongateError, RequestRefusedError
from moongate.facts.money import Money
from moongate.gateway import page, replies
from moongate.gateway.admin import Admin
from moongate.gateway.asked import edited, fields_in
from moongate.gateway.clerk import Clerk
from moongate.gateway.counts import Counts
from moongate.gateway.desk import Desk
from moongate.gateway.gate import Door, Gate, RefusedError, answer
from moongate.gateway.listed import Listed
from moongate.gateway.metrics import CONTENT_TYPE, rendered
from moongate.gateway.openapi import document
from moongate.gateway.porter import Porter
from moongate.gateway.references import may_refer
from moongate.gateway.relay import told
from moongate.gateway.seams import Files
from moongate.gateway.till import Till
from moongate.gateway.upstreams import Target, Upstreams
from moongate.wire import calls
from moongate.wire.peek import models_in

READY_S = 2.0


class Gateway:
    """What the routes share, and the routes."""

    files: Files  # there before the first request is

    def __init__(self, upstreams: Upstreams, till: Till, clerk: Clerk[Desk], porter: Porter, counts: Counts) -> None:
        self.upstreams = upstreams
        self.till = till
        self.clerk = clerk
        self.porter = porter
        self.counts = counts
        self.listed = Listed()
        self.gate = Gate(till=till, porter=porter)
        self.admin = Admin(clerk, self.gate, till.flush)
        self.more: list[Route] = []  # of other rooms

    def app(self) -> Starlette:
        """Return the ASGI application."""
        routes = [
            Route("/", self.status, methods=["GET"]),
            Route("/health/live", self.live, methods=["GET"]),
            Route("/health/ready", self.ready, methods=["GET"]),
            Route("/v1/models", self.models, methods=["GET"]),
            Route("/v1/users/me/balance", self.balance, methods=["GET"]),
            Route("/v1/tokenizers/estimate-token-count", self.estimate, methods=["POST"]),
            Route("/metrics", self.metrics, methods=["GET"]),
            Route("/openapi.json", self.openapi, methods=["GET"]),
            *self.admin.routes(),
            *self.more,
        ]
        handlers: dict[Any, Callable[..., Coroutine[Any, Any, Response]]] = {
            404: self._no_route,
            405: self._no_route,
            RefusedError: self._refused,
            MoongateError: self._failed,
            ClientDisconnect: self._left,
            Exception: self._broken,
        }
        door = Middleware(Door, porter=self.porter, counts=self.counts)
        app = Starlette(routes=routes, middleware=[door], exception_handlers=handlers)
        app.router.redirect_slashes = False
        return app

    async def status(self, request: Request) -> Response:
        """Answer GET / with the status page."""
        text = page.status_page(self.upstreams.offers, now=time.time())
        headers = {
            "content-security-policy": page.policy(),
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        }
        return HTMLResponse(text, headers=headers)

    async def live(self, request: Request) -> Response:
        """Answer GET /health/live: the process answers."""
        return _json({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """Answer GET /health/ready: 503 until the list of models was had, and while a full disk has calls refused.

        A worker that has just begun is given a moment for its lists: another one's end is no reason to be sent away.
        """
        await self.upstreams.settled(within_s=READY_S)
        if self.till.trouble is not None:
            return _json({"status": self.till.trouble}, status=503 if self.till.refuses else 200)
        if not self.upstreams.ready:
            return _json({"status": "waiting for the list of models"}, status=503)
        return _json({"status": "ok", "models": sum(len(offer.ids) for offer in self.upstreams.offers)})

    async def metrics(self, request: Request) -> Response:
        """Answer GET /metrics with what all workers counted; needs the admin key."""
        await self.admin.check(request)
        counted = self.counts.all()
        return Response(rendered(counted), headers={"content-type": CONTENT_TYPE, "cache-control": "no-store"})

    async def openapi(self, request: Request) -> Response:
        """Answer GET /openapi.json."""
        return _json(document())

    async def models(self, request: Request) -> Response:
        """Answer GET /v1/models: one row for each spelling that is accepted."""
        caller = self.gate.caller(request.headers)
        await self.upstreams.look()
        return Response(self.listed.body(self.upstreams.spellings(caller)), headers={"content-type": JSON})

    async def balance(self, request: Request) -> Response:
        """Answer GET /v1/users/me/balance in Moonshot's shape, for the caller's account, in its currency."""
        caller = self.gate.caller(request.headers)
        await self.till.flush()
        account = await self.clerk.ask(lambda desk: desk.account(caller.account))
        return _json({"code": 0, "data": _amounts(account.balance), "scode": "0x0", "status": True})

    async def estimate(self, request: Request) -> Response:
        """Answer POST /v1/tokenizers/estimate-token-count; it is guarded like a chat and costs nothing here."""
        caller = self.gate.caller(request.headers)
        body = await self.gate.body(request.headers, request.receive)
        (name, *more) = models_in(body)
        request.state.model = name
        if more:
            raise RequestRefusedError("One model's tokens are counted at a time: 'models' is not for this route.")
        route = await self.upstreams.find(name, caller)
        placed = await self.files.placed(caller, body) if may_refer(body) else None
        if isinstance(placed, replies.Refusal):
            raise RefusedError(placed)
        if placed is None:
            return await _estimated(route.targets[0], body)
        with replies.renaming(placed.ids):
            return await _estimated(route.at(placed).targets[0], edited(body, placed.edits))

    async def _no_route(self, request: Request, error: Exception) -> Response:
        return Response(replies.no_route(request.method, request.url.path), 404, {"content-type": JSON})

    async def _refused(self, request: Request, error: RefusedError) -> Response:
        return answer(error.refusal)

    async def _failed(self, request: Request, error: MoongateError) -> Response:
        told(error)
        return answer(
            replies.refusal_from(error, self.upstreams.every[0].row, model=getattr(request.state, "model", None))
        )

    async def _left(self, request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it

    async def _broken(self, request: Request, error: Exception) -> Response:
        return answer(replies.FAILED)  # starlette raises the error again, and the server logs it whole


JSON = "application/json; charset=utf-8"


async def _estimated(target: Target, body: bytes) -> Response:
    messages = msgspec.json.decode(fields_in(body).get("messages", msgspec.Raw(b"null")))
    if not isinstance(messages, list) or not messages:
        raise RequestRefusedError("messages must not be empty")
    call = calls.estimate(target.row, model=target.wire_id, messages=messages)
    return _json({"data": {"total_tokens": await target.upstream.call(call)}})


def _json(value: Any, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, {"content-type": JSON})


def _amounts(balance: Money) -> dict[str, msgspec.Raw]:
    """Return the amounts as exact JSON numbers. As at Moonshot money owed shows in `cash_balance` alone."""
    available = Money(nano=max(balance.nano, 0), currency=balance.currency)
    shown = {"available_balance": available.amount, "voucher_balance": "0", "cash_balance": balance.amount}
    return {name: msgspec.Raw(text.encode()) for name, text in shown.items()}
