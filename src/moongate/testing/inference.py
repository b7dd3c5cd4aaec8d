"""One chat request against the world: who may, what is refused, what it costs, what comes back.

Used by the chat route and by batches. Wording is `refusals`, shapes are `shapes`, parameter rules are `rules`.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from moongate.testing import shapes
from moongate.testing.accounts import Account, cost
from moongate.testing.chat import Completion, Usage, allowed_max, completed
from moongate.testing.exchange import EVENTS, JSON, Received, Reply, refuse
from moongate.testing.loose import items, mapping
from moongate.testing.models import ServedModel
from moongate.testing.replies import Answer
from moongate.testing.rules import judged, schema_warnings
from moongate.testing.tokens import prompt_bytes, prompt_tokens
from moongate.testing.world import World

BATCH_SHARE = Decimal("0.6")  # a batch costs 60 % of the list price


def json_object(body: bytes) -> dict[str, Any]:
    """Return the request's JSON object; anything else is refused."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise refuse("not_json") from None
    if not isinstance(value, dict):
        raise refuse("not_json")
    return value


def model_of(world: World, account: Account, request: Mapping[str, Any]) -> ServedModel:
    """Return the model that a request names, or raise this dialect's "no such model"."""
    name = request.get("model")
    if not isinstance(name, str) or not name:
        raise refuse("model_missing")
    model = world.callable_model(account, name)
    if model is not None:
        return model
    if world.dialect == "aimlapi" and world.readings.aimlapi_unknown_model == 400:
        expected = " | ".join(f"'{known.id}'" for known in world.visible(account))
        raise refuse("model_not_found_400", model=name, expected=expected)
    known_but_denied = any(name == served.id for served in world.visible(account))
    if world.dialect == "openrouter" and known_but_denied:
        raise refuse("no_endpoints", model=name)
    raise refuse("model_not_found", model=name)


def chat(world: World, request: Received) -> Reply:
    """Answer POST /chat/completions."""
    account = world.caller(request)
    asked = json_object(request.body)
    model = model_of(world, account, asked)
    solvent(world, account)
    world.limits.enter(account, world.clock())
    counted = False
    try:
        answer, done = infer(world, account, model, asked)
        counted = True
    finally:
        if not counted:
            world.limits.leave(account)
    return _reply(world, account, asked, answer, done)


def solvent(world: World, account: Account) -> None:
    """Raise the provider's answer to an account without money."""
    if account.available > 0 or account.unlimited or world.product == "code":
        return
    if world.readings.no_money == 403:
        raise refuse("no_money")
    name = "suspended" if account.cash < 0 else "quota"
    raise refuse(name, org=account.org, ak=account.ak, credit=int(account.available))


def infer(
    world: World, account: Account, model: ServedModel, asked: Mapping[str, Any], *, batch: bool = False
) -> tuple[Answer, Completion]:
    """Judge, count, answer and charge one request; raises the refusal that it gets."""
    refusal = judged(asked, model, world.readings) if world.dialect == "moonshot" else None
    if refusal is not None:
        raise refusal
    messages, tools = items(asked.get("messages")), items(asked.get("tools"))
    prompt = prompt_tokens(messages, tools) + _preamble(world, model)
    maximum = allowed_max(asked, model, prompt, world.readings)
    if prompt + maximum > model.context_length or prompt >= model.context_length:
        raise refuse("overflow", limit=model.context_length, requested=prompt + maximum)
    if not batch:
        world.limits.spend(account, prompt + maximum, world.clock())
    seen = prompt_bytes(messages, tools)
    cached = world.cache.cached(account.org, model.id, seen, world.readings, world.clock())
    answer = world.replies.next(asked)
    frame = _frame(world, model, Usage(prompt=prompt, completion=0, cached=cached))
    done = completed(answer, asked, model, frame=frame, maximum=maximum)
    return answer, _charged(account, model, done, share=BATCH_SHARE if batch else Decimal(1))


def _preamble(world: World, model: ServedModel) -> int:
    return world.readings.hidden_preamble_tokens if model.family == "k3" else 0


def _frame(world: World, model: ServedModel, usage: Usage) -> Completion:
    name = model.answers_as or model.alias_target or model.slug or model.id
    return Completion(
        id=world.answer_id(),
        created=int(world.clock()),
        model=name,
        content="",
        reasoning=None,
        tool_calls=(),
        finish_reason="stop",
        usage=usage,
    )


def _charged(account: Account, model: ServedModel, done: Completion, *, share: Decimal) -> Completion:
    used = done.usage
    price = model.price(account.currency)
    amount = share * cost(price, prompt=used.prompt, cached=used.cached, completion=used.completion)
    account.charge(amount)
    return dataclasses.replace(done, cost=amount)


def _reply(world: World, account: Account, asked: Mapping[str, Any], answer: Answer, done: Completion) -> Reply:
    dialect, readings = world.dialect, world.readings
    release = _leaving(world, account)
    headers = (*_headers(world, account, done, streamed=bool(asked.get("stream"))), *_warnings(world, asked))
    if not asked.get("stream"):
        body = msgspec.json.encode(shapes.body(done, dialect=dialect, readings=readings))
        return Reply(headers=(JSON, *headers), body=body, delay_s=answer.delay_s, release=release)
    wanted = bool(mapping(asked.get("stream_options")).get("include_usage"))
    stream = shapes.events(done, dialect=dialect, readings=readings, include_usage=wanted)
    return Reply(
        headers=(EVENTS, *headers),
        stream=stream,
        delay_s=answer.delay_s,
        pause_s=answer.pause_s,
        release=release,
    )


def _leaving(world: World, account: Account) -> Callable[[], None]:
    def leave() -> None:
        with world.lock:
            world.limits.leave(account)

    return leave


def _headers(world: World, account: Account, done: Completion, *, streamed: bool) -> tuple[tuple[str, str], ...]:
    if world.dialect == "openrouter":
        return (("x-generation-id", done.id),)
    if world.dialect == "aimlapi":
        spent = (
            ("x-aimlapi-credits-used", str(int(done.cost * 2_000_000))),
            ("x-aimlapi-usd-spent", format(done.cost, "f")),
        )
        return (("x-inference-id", done.id), *(() if streamed else spent))
    if world.dialect == "openai":
        return ()
    tier = f"enterprise-tier-{account.tier if account.tier is not None else 5}"
    told = (("msh-request-id", secrets.token_hex(16)), ("msh-org-id", account.org), ("msh-gid", tier))
    return (*told, *(world.limits.headers(account) if world.readings.limit_headers else ()))


def _warnings(world: World, asked: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if world.dialect != "moonshot":
        return ()
    # names in a schema may hold anything, a header may not: they are told with JSON's escapes
    texts = [json.dumps(text)[1:-1] for text in schema_warnings(asked, world.readings)]
    return tuple(("msh-schema-warning", text) for text in texts)
