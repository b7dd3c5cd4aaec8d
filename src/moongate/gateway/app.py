"""The gateway's routes: Moonshot's surface over one upstream, health, and a status page.

Chats are `relay`; who gets in is `gate`. Whatever is not a route here is answered before the key is looked at, in the
envelope that Moonshot uses for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from moongate.client.aio import AsyncClient
from moongate.errors import MoongateError, RequestRefusedError
from moongate.facts.models import Listing, Model
from moongate.facts.money import MILLION, Money, Price
from moongate.facts.providers import Provider
from moongate.gateway import page, replies
from moongate.gateway.asked import fields_in
from moongate.gateway.clerk import Clerk
from moongate.gateway.gate import Door, Gate, RefusedError, answer
from moongate.gateway.meter import is_embedded, price_of
from moongate.gateway.options import Options
from moongate.gateway.relay import Relay, permits, told
from moongate.wire.peek import models_in

LOOK_EVERY_S = 30.0  # how often the list is looked at, so that it is refreshed before it is too old
LOOK_AGAIN_S = 2.0  # after a failure; the catalog itself sees to it that the endpoint is not asked as often


@dataclass
class Watch:
    """The list as it was last had, kept fresh off the path of requests."""

    client: AsyncClient
    listing: Listing | None = field(default=None)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                self.listing = await self.client.models()
            except MoongateError as error:
                if self.listing is not None:
                    told(error)
                self.listing = None
            await asyncio.sleep(LOOK_AGAIN_S if self.listing is None else LOOK_EVERY_S)


class Gateway:
    """What the routes share, and the routes."""

    def __init__(self, client: AsyncClient, clerk: Clerk, options: Options, *, bound: str) -> None:
        self.client = client
        self.clerk = clerk
        self.options = options
        self.bound = bound
        self.gate = Gate(clerk=clerk, options=options)
        self.relay = Relay(client, clerk, self.gate)
        self.watch = Watch(client)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        routes = [
            Route("/", self.status, methods=["GET"]),
            Route("/health/live", self.live, methods=["GET"]),
            Route("/health/ready", self.ready, methods=["GET"]),
            Route("/v1/models", self.models, methods=["GET"]),
            Route("/v1/users/me/balance", self.balance, methods=["GET"]),
            Route("/v1/tokenizers/estimate-token-count", self.estimate, methods=["POST"]),
            Route("/v1/chat/completions", self.relay, methods=["POST"]),
        ]
        handlers: dict[Any, Callable[..., Coroutine[Any, Any, Response]]] = {
            404: self._no_route,
            405: self._no_route,
            RefusedError: self._refused,
            MoongateError: self._failed,
            ClientDisconnect: self._left,
            Exception: self._broken,
        }
        door = Middleware(Door, options=self.options, bound=self.bound)
        app = Starlette(routes=routes, middleware=[door], exception_handlers=handlers)
        app.router.redirect_slashes = False
        return app

    async def status(self, request: Request) -> Response:
        """Answer GET / with the status page."""
        text = page.status_page(self.client.provider, self.watch.listing, now=time.time())
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
        """Answer GET /health/ready: 503 until the list of models was had."""
        if self.watch.listing is None:
            return _json({"status": "waiting for the list of models"}, status=503)
        return _json({"status": "ok", "models": len(self.watch.listing.ids)})

    async def models(self, request: Request) -> Response:
        """Answer GET /v1/models: one row for each spelling that is accepted."""
        await self.gate.caller(request.headers)
        listing, row = await self.client.models(), self.client.provider
        rows = [_model_row(model, name, row) for model in listing.models for name in (model.id, *model.aliases)]
        return _json({"object": "list", "data": rows})

    async def balance(self, request: Request) -> Response:
        """Answer GET /v1/users/me/balance in Moonshot's shape, for the caller's account, in its currency."""
        caller = await self.gate.caller(request.headers)
        return _json({"code": 0, "data": _amounts(caller.account.balance), "scode": "0x0", "status": True})

    async def estimate(self, request: Request) -> Response:
        """Answer POST /v1/tokenizers/estimate-token-count; it is guarded like a chat and costs nothing here."""
        await self.gate.caller(request.headers)
        body = await self.gate.body(request.headers, request.receive)
        names = models_in(body)
        request.state.model = names[0]
        await permits(self.client, names)
        messages = msgspec.json.decode(fields_in(body).get("messages", msgspec.Raw(b"null")))
        if not isinstance(messages, list) or not messages:
            raise RequestRefusedError("messages must not be empty")
        return _json({"data": {"total_tokens": await self.client.estimate(model=names[0], messages=messages)}})

    async def _no_route(self, request: Request, error: Exception) -> Response:
        return Response(replies.no_route(request.method, request.url.path), 404, {"content-type": JSON})

    async def _refused(self, request: Request, error: RefusedError) -> Response:
        return answer(error.refusal)

    async def _failed(self, request: Request, error: MoongateError) -> Response:
        told(error)
        return answer(replies.refusal_from(error, self.client.provider, model=getattr(request.state, "model", None)))

    async def _left(self, request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it

    async def _broken(self, request: Request, error: Exception) -> Response:
        return answer(replies.FAILED)  # starlette raises the error again, and the server logs it whole


JSON = "application/json; charset=utf-8"


def _json(value: Any, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, {"content-type": JSON})


def _amounts(balance: Money) -> dict[str, msgspec.Raw]:
    """Return the amounts as exact JSON numbers. As at Moonshot money owed shows in `cash_balance` alone."""
    available = Money(nano=max(balance.nano, 0), currency=balance.currency)
    shown = {"available_balance": available.amount, "voucher_balance": "0", "cash_balance": balance.amount}
    return {name: msgspec.Raw(text.encode()) for name, text in shown.items()}


def _model_row(model: Model, name: str, row: Provider) -> dict[str, Any]:
    created, owner = model.raw.get("created"), model.raw.get("owned_by")
    shown: dict[str, Any] = {
        "id": name,
        "object": "model",
        "created": created if type(created) is int else 0,
        "owned_by": "moongate" if is_embedded(row) else owner if isinstance(owner, str) and owner else row.name,
        "context_length": model.context_length,
        "supports_image_in": "image" in model.input,
        "supports_video_in": "video" in model.input,
        "supports_reasoning": bool(model.reasoning),
    }
    price = price_of(model, row)
    return shown if price is None else shown | {"pricing": _pricing(price)}


def _pricing(price: Price) -> dict[str, str]:
    """Return a price per token, as decimal texts, in the shape that OpenRouter's list made common."""
    cached = price.input if price.cached_input is None else price.cached_input
    amounts = {"prompt": price.input, "completion": price.output, "input_cache_read": cached}
    shown = {name: _plain(amount / MILLION) for name, amount in amounts.items()}
    return {**shown, "currency": price.currency, "note": price.basis}


def _plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f")
