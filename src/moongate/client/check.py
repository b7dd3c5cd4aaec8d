"""The safe flow as facts: key, base url, list, id, balance, estimate, and with a chat its answer and its cost.

Each fact says whether it was verified, refuted or could not be settled, and names the request that says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from moongate.client.sync import Client
from moongate.errors import (
    AuthenticationError,
    ConfigError,
    KeyMissingError,
    ModelRefusedError,
    MoongateError,
    NotOfferedError,
    UnavailableError,
    UnknownRouteError,
)
from moongate.facts.chat import Answer, Usage
from moongate.facts.models import Listing
from moongate.facts.moments import rfc3339
from moongate.facts.money import Money
from moongate.ledger.price import cost_of

Status = Literal["verified", "refuted", "unverified", "skipped"]
PROMPT = "Say hello in one short sentence."
MAX_TOKENS = 320  # a thinking model spends some on reasoning first
SLACK_NANO = 10_000  # Moonshot's balance shows 5 decimals: differences below 0.00001 say nothing


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The request behind a fact. `at` is RFC 3339, UTC."""

    request: str
    status: int | None
    at: str


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One line of a check."""

    name: str
    status: Status
    detail: str
    evidence: Evidence | None = None
    advice: str | None = None


@dataclass(kw_only=True)
class Findings:
    """What the facts so far have brought, for those after them and for whoever asked."""

    model: str | None = None
    usable: bool = False  # whether requests that name it may leave
    before: Money | None = None
    answer: Answer | None = None


def check(client: Client, seen: Findings, *, chat: bool) -> Iterator[Fact]:
    """Yield the facts in the order of the safe flow. Costs nothing without `chat`, one small request with it.

    Raises only what stops the check from beginning: a missing key, a bad address.
    """
    try:
        listing = client.models(live=True)
    except ConfigError:
        raise
    except MoongateError as error:
        yield from _without_list(client, error)
        return
    yield from _list_facts(client, listing)
    yield _model_fact(client, listing, seen)
    yield _balance_fact(client, seen)
    yield _estimate_fact(client, seen)
    if not chat:
        yield _skipped("chat", "not asked for: --chat sends one small request")
        yield _skipped("reconcile", "needs the chat")
        return
    yield _chat_fact(client, seen)
    yield _reconcile_fact(client, seen)


def _list_facts(client: Client, listing: Listing) -> Iterator[Fact]:
    row = client.provider
    evidence = Evidence(request=_list_request(client), status=200, at=rfc3339(listing.fetched_at))
    if listing.unverified_since is not None:
        yield Fact(name="key", status="unverified", detail="the live list cannot be had", evidence=None)
        yield Fact(name="base_url", status="unverified", detail=f"{row.base_url} did not answer now", evidence=None)
    elif not client.has_key:
        yield Fact(name="key", status="skipped", detail="no key is set, and the list is public")
        yield Fact(name="base_url", status="verified", detail=row.base_url, evidence=evidence)
    elif row.list_auth == "none" or (row.list_auth == "optional" and not row.list_keyed):
        yield Fact(name="key", status="unverified", detail=f"{_key(client)}; the list is public and proves no key")
        yield Fact(name="base_url", status="verified", detail=row.base_url, evidence=evidence)
    else:
        yield Fact(name="key", status="verified", detail=f"{_key(client)} is accepted", evidence=evidence)
        yield Fact(name="base_url", status="verified", detail=row.base_url, evidence=evidence)
    shown = ", ".join(listing.ids[:6]) + (f" and {len(listing.ids) - 6} more" if len(listing.ids) > 6 else "")
    status: Status = "verified" if listing.unverified_since is None and listing.ids else "unverified"
    yield Fact(
        name="models",
        status=status,
        detail=f"{len(listing.ids)} listed: {shown or 'nothing is offered to this key'}",
        evidence=evidence,
    )


def _without_list(client: Client, error: MoongateError) -> Iterator[Fact]:
    row = client.provider
    evidence = Evidence(request=_list_request(client), status=error.status, at=rfc3339(time.time()))
    wrong_key, wrong_url = isinstance(error, AuthenticationError), isinstance(error, UnknownRouteError)
    facts: dict[str, Status] = {
        "key": "refuted" if wrong_key else "unverified",
        "base_url": "refuted" if wrong_url else "verified" if wrong_key else "unverified",
        "models": "unverified",
    }
    for name, status in facts.items():
        told = error.message if status != "verified" else row.base_url
        advice = error.advice if status == "refuted" or name == "models" else None
        yield Fact(name=name, status=status, detail=told, evidence=evidence, advice=advice)
    for name in ("model", "balance", "estimate", "chat", "reconcile"):
        yield _skipped(name, "needs the list")


def _model_fact(client: Client, listing: Listing, seen: Findings) -> Fact:
    evidence = Evidence(request=_list_request(client), status=200, at=rfc3339(listing.fetched_at))
    said, seen.usable = client.settings.model, False
    try:
        permit = client.guard.allow(client.model_name())
    except ModelRefusedError as error:
        status: Status = "refuted" if said else "unverified"
        return Fact(name="model", status=status, detail=error.message, evidence=evidence, advice=error.advice)
    seen.model, seen.usable = permit.id, True
    if permit.model is None and permit.id not in listing.by_id:
        return Fact(name="model", status="refuted", detail=f"{permit.id!r} is not listed", evidence=evidence)
    notes = f" ({'; '.join(permit.notes)})" if permit.notes else ""
    return Fact(name="model", status="verified", detail=f"{permit.id!r} is listed{notes}", evidence=evidence)


def _balance_fact(client: Client, seen: Findings) -> Fact:
    row = client.provider
    try:
        balance = client.balance()
    except NotOfferedError as error:
        return _skipped("balance", error.message)
    except MoongateError as error:
        return _failed("balance", f"GET {row.url(row.balance or '')}", error)
    seen.before = balance.available
    evidence = Evidence(request=f"GET {row.url(row.balance or '')}", status=200, at=rfc3339(time.time()))
    if balance.available is None:
        return Fact(name="balance", status="verified", detail="the key has no limit of its own", evidence=evidence)
    empty = f"Top up at {row.top_up}." if row.top_up else "Top up the account."
    advice = empty if balance.available.nano <= 0 else None
    detail = f"{balance.available} available"
    return Fact(name="balance", status="verified", detail=detail, evidence=evidence, advice=advice)


def _estimate_fact(client: Client, seen: Findings) -> Fact:
    row = client.provider
    if not seen.usable or seen.model is None:
        return _skipped("estimate", "needs a model that may be used")
    try:
        tokens = client.estimate(model=seen.model, messages=_messages())
    except NotOfferedError as error:
        return _skipped("estimate", error.message)
    except MoongateError as error:
        return _failed("estimate", f"POST {row.url(row.estimate or '')}", error)
    evidence = Evidence(request=f"POST {row.url(row.estimate or '')}", status=200, at=rfc3339(time.time()))
    permit = client.guard.at_hand(seen.model)
    cost = cost_of(Usage(prompt_tokens=tokens), permit.model, row) if permit else None
    priced = f", {cost.money} without its answer ({cost.basis})" if cost else ""
    detail = f"{tokens} tokens for {PROMPT!r}{priced}"
    return Fact(name="estimate", status="verified", detail=detail, evidence=evidence)


def _chat_fact(client: Client, seen: Findings) -> Fact:
    request = f"POST {client.provider.url('/chat/completions')}"
    if not seen.usable or seen.model is None:
        return _skipped("chat", "needs a model that may be used")
    try:
        seen.answer = answer = client.chat(model=seen.model, messages=_messages(), max_tokens=MAX_TOKENS)
    except MoongateError as error:
        return _failed("chat", request, error)
    used = answer.usage
    tokens = f"{used.prompt_tokens} + {used.completion_tokens} tokens" if used else "no usage reported"
    cost = f", {answer.cost.money} ({answer.cost.basis})" if answer.cost else ""
    detail = f"{answer.model!r} answered: {tokens}{cost}"
    return Fact(
        name="chat",
        status="verified",
        detail=detail,
        evidence=Evidence(request=request, status=200, at=rfc3339(time.time())),
    )


def _reconcile_fact(client: Client, seen: Findings) -> Fact:
    """Hold the cost against the change of the balance. One call refutes nothing: others may use the account."""
    answer, before, row = seen.answer, seen.before, client.provider
    if answer is None or before is None:
        return _skipped("reconcile", "needs the balance and the chat")
    if answer.cost is None:
        return Fact(name="reconcile", status="unverified", detail="no price of this model is known here")
    try:
        after = client.balance().available
    except MoongateError as error:  # a balance that cannot be read says nothing about a cost
        return replace(_failed("reconcile", f"GET {row.url(row.balance or '')}", error), status="unverified")
    evidence = Evidence(request=f"GET {row.url(row.balance or '')}", status=200, at=rfc3339(time.time()))
    if after is None or after.currency != answer.cost.money.currency:
        return Fact(name="reconcile", status="unverified", detail="cost and balance are in different currencies")
    status, detail = reconciled(before - after, answer.cost.money)
    return Fact(name="reconcile", status=status, detail=detail, evidence=evidence)


def reconciled(change: Money, cost: Money) -> tuple[Status, str]:
    """Say how a balance's change and a computed cost fit: consistent, inconsistent, or too small to tell."""
    if abs(change.nano - cost.nano) == 0:
        return "verified", f"consistent: the balance fell by {change}, the computed cost"
    if cost.nano < SLACK_NANO and abs(change.nano) <= SLACK_NANO:
        return "unverified", f"too small to tell: the cost is {cost}, the balance fell by {change}"
    if abs(change.nano - cost.nano) <= SLACK_NANO:
        return "verified", f"consistent: the balance fell by {change}, the computed cost is {cost}"
    return "unverified", (
        f"inconsistent: the balance fell by {change}, the computed cost is {cost}; "
        "another call of this account or a late booking may explain it"
    )


def _failed(name: str, request: str, error: MoongateError) -> Fact:
    """A call that got an answer is refuted by it; one that got none stays unverified, one never sent is skipped."""
    if isinstance(error, KeyMissingError):
        return _skipped(name, error.message)
    evidence = Evidence(request=request, status=error.status, at=rfc3339(time.time()))
    status: Status = "unverified" if isinstance(error, UnavailableError) else "refuted"
    return Fact(name=name, status=status, detail=error.message, evidence=evidence, advice=error.advice or None)


def _list_request(client: Client) -> str:
    """Return the request line of the list: with a key some endpoints list elsewhere what that key may use."""
    row = client.provider
    return f"GET {row.url(row.list_keyed if row.list_keyed and client.has_key else row.list)}"


def _skipped(name: str, why: str) -> Fact:
    return Fact(name=name, status="skipped", detail=why)


def _key(client: Client) -> str:
    key = client.settings.key
    return f"{key.source} (fingerprint {key.fingerprint})" if key else "the embedded model's own key"


def _messages() -> list[dict[str, str]]:
    return [{"role": "user", "content": PROMPT}]
