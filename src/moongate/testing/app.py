"""Which request goes where: routes of each dialect, from a `Received` to a `Reply`.

No sockets (`connection`), no words of errors (`refusals`), no faults (`server`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from moongate.testing import faces
from moongate.testing.accounts import Account
from moongate.testing.batches import Batches
from moongate.testing.exchange import Received, Refusal, Reply, refuse, reply_json
from moongate.testing.files import Files
from moongate.testing.inference import chat, json_object, model_of
from moongate.testing.listing import listed
from moongate.testing.refusals import rendered
from moongate.testing.rules import judged_messages
from moongate.testing.tokens import prompt_tokens
from moongate.testing.world import World

Handler = Callable[..., Reply]  # (world, request, *parts of the path)


@dataclass(frozen=True)
class Route:
    """One method and path; `{}` in the path stands for one segment that the handler is given."""

    method: str
    path: str
    handler: Handler

    def parts(self, request: Received) -> tuple[str, ...] | None:
        """Return the variable segments if this route is meant, else None."""
        if request.method != self.method:
            return None
        found = re.fullmatch(re.escape(self.path).replace(r"\{\}", "([^/]+)"), request.path)
        return None if found is None else found.groups()


def respond(world: World, routes: tuple[Route, ...], request: Received) -> Reply:
    """Answer one request. An unknown route or a wrong method is refused before the key is looked at."""
    try:
        with world.lock:
            return _handled(world, routes, request)
    except Refusal as refusal:
        return rendered(refusal, request, world.dialect, world.product)


def _handled(world: World, routes: tuple[Route, ...], request: Received) -> Reply:
    for route in routes:
        parts = route.parts(request)
        if parts is not None:
            if request.oversize:
                raise refuse("too_large")
            return route.handler(world, request, *parts)
    raise refuse("no_route")


def routes_of(world: World, files: Files, batches: Batches) -> tuple[Route, ...]:
    """Return the routes that this dialect and product have."""
    own = {"openrouter": _openrouter, "aimlapi": _aimlapi}.get(world.dialect)
    common = [
        Route("GET", f"{world.prefix}/models", models),
        Route("POST", f"{world.prefix}/chat/completions", chat),
    ]
    if own is not None:
        return (*common, *own())
    platform = world.dialect == "moonshot" and world.product == "platform"
    return (*common, *(_platform(files, batches) if platform else ()))


def _platform(files: Files, batches: Batches) -> Iterator[Route]:
    yield Route("GET", "/v1/users/me/balance", balance)
    yield Route("POST", "/v1/tokenizers/estimate-token-count", estimate)
    yield Route("POST", "/v1/responses", faces.responses)
    yield Route("POST", "/anthropic/v1/messages", faces.messages)
    yield Route("POST", "/v1/files", files.upload)
    yield Route("GET", "/v1/files", files.list)
    yield Route("GET", "/v1/files/{}", files.show)
    yield Route("DELETE", "/v1/files/{}", files.delete)
    yield Route("GET", "/v1/files/{}/content", files.content)
    yield Route("POST", "/v1/batches", batches.create)
    yield Route("GET", "/v1/batches", batches.list)
    yield Route("GET", "/v1/batches/{}", batches.show)
    yield Route("POST", "/v1/batches/{}/cancel", batches.cancel)


def _openrouter() -> Iterator[Route]:
    yield Route("GET", "/api/v1/models/user", models_of_caller)
    yield Route("GET", "/api/v1/key", openrouter_key)
    yield Route("GET", "/api/v1/credits", openrouter_credits)


def _aimlapi() -> Iterator[Route]:
    yield Route("GET", "/models", models)
    yield Route("POST", "/chat/completions", chat)
    yield Route("GET", "/v2/billing", aimlapi_billing)


def models(world: World, request: Received) -> Reply:
    """Answer the model list: public at the gateways, per account at Moonshot."""
    if world.dialect in ("openrouter", "aimlapi"):
        return _list(world, None, priced="pricing" in request.query.get("include", ""))
    return models_of_caller(world, request)


def models_of_caller(world: World, request: Received) -> Reply:
    """Answer the list that this key may use."""
    return _list(world, world.caller(request))


def _list(world: World, account: Account | None, *, priced: bool = False) -> Reply:
    rows = world.visible(account)
    return reply_json(listed(rows, dialect=world.dialect, product=world.product, shape=world.shape, priced=priced))


def balance(world: World, request: Received) -> Reply:
    """Answer GET /users/me/balance: numbers with five decimals, no currency field."""
    account = world.caller(request)
    data = {
        "available_balance": _number(account.available),
        "voucher_balance": _number(account.voucher),
        "cash_balance": _number(account.cash),
    }
    return reply_json({"code": 0, "data": data, "scode": "0x0", "status": True})


def _number(amount: Decimal) -> float:
    return float(round(amount, 5))


def estimate(world: World, request: Received) -> Reply:
    """Answer POST /tokenizers/estimate-token-count; tools are not counted, as documented."""
    account = world.caller(request)
    asked = json_object(request.body)
    model = model_of(world, account, asked)
    refusal = judged_messages(asked, model)
    if refusal is not None:
        raise refusal
    total = {"data": {"total_tokens": prompt_tokens(asked["messages"])}}
    wrapped = {"code": 0, **total, "scode": "0x0", "status": True}
    return reply_json(wrapped if world.readings.estimate_wrapped else total)


def openrouter_key(world: World, request: Received) -> Reply:
    """Answer GET /key; `limit` and `limit_remaining` are null for a key without a limit."""
    account = world.caller(request)
    limit = None if account.unlimited else float(account.available + account.spent)
    data = {
        "label": f"{account.key[:12]}...{account.key[-3:]}",
        "limit": limit,
        "limit_remaining": None if account.unlimited else float(account.available),
        "limit_reset": None,
        "usage": float(account.spent),
        "usage_daily": float(account.spent),
        "usage_weekly": float(account.spent),
        "usage_monthly": float(account.spent),
        "byok_usage": 0,
        "include_byok_in_limit": False,
        "is_free_tier": False,
        "is_management_key": account.management,
        "is_provisioning_key": account.management,
        "creator_user_id": f"user_{account.org[4:]}",
        "expires_at": None,
        "rate_limit": {"interval": "1h", "note": "This field is deprecated and safe to ignore.", "requests": -1},
    }
    return reply_json({"data": data})


def openrouter_credits(world: World, request: Received) -> Reply:
    """Answer GET /credits, which only management keys may read."""
    account = world.caller(request)
    if not account.management:
        raise refuse("management_only")
    total, used = float(account.available + account.spent), float(account.spent)
    return reply_json({"data": {"total_credits": total, "total_usage": used}})


def aimlapi_billing(world: World, request: Received) -> Reply:
    """Answer GET /v2/billing, which does not live under /v1."""
    account = world.caller(request)
    return reply_json({"current_balance": float(account.available), "currency": "USD"})
