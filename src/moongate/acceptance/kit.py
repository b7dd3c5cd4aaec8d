"""Runs the probes against a live endpoint within a cap, and reports fact by fact.

Every request that names a model passes the guard, in strict mode whatever the settings say; the probe of an id that
the list lacks is the one exception, and `unlisted` names what it sends. Knows no file and no terminal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from moongate.acceptance.judges import Seen, Status, seen
from moongate.acceptance.probe import Ask, Probe, Subject
from moongate.acceptance.probes import BALANCE, UNLISTED, probes
from moongate.acceptance.purse import Purse, dearest_price
from moongate.client.build import Parts
from moongate.client.guard import Guard, Permit
from moongate.errors import (
    AuthenticationError,
    InsufficientBalanceError,
    ModelNotPermittedError,
    MoongateError,
    NotOfferedError,
    RateLimitedError,
    UnavailableError,
)
from moongate.facts.moments import rfc3339
from moongate.facts.money import Money
from moongate.facts.providers import Provider
from moongate.ledger.price import bounding_price
from moongate.transport.sync import Door
from moongate.wire import calls
from moongate.wire.calls import Call, encoded
from moongate.wire.clean import excerpt, redact
from moongate.wire.replies import Reply, error_from
from moongate.wire.rules.rows import family_of

MADE_UP_KEY = "sk-moongate-made-up-key-that-belongs-to-nobody"
REPLY_MAX_BYTES = 1024 * 1024
WAITS_S = (1.0, 20.0, 40.0)  # the lowest tier allows 3 requests a minute (documentation, 2026-08-13)
LONGEST_WAIT_S = 60.0
IN_A_ROW = 2  # probes without any answer before the endpoint counts as gone
STOPS = (InsufficientBalanceError, AuthenticationError, ModelNotPermittedError)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request with its reply, as evidence keeps it. `at` is RFC 3339, UTC."""

    request: str
    key: str
    body: Mapping[str, Any] | None
    status: int | None
    answer: str  # redacted; of a balance only its shape
    at: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one fact."""

    id: str
    fact: str
    question: str
    rests_on: str
    status: Status
    detail: str
    cost: Money | None = None
    sent: tuple[Sent, ...] = ()


class Kit:
    """One run against one endpoint with one model.

    Raises NotOfferedError for an endpoint that the facts are not about, and what the guard raises: a model that is
    not listed, a list that cannot be had, a key that is not accepted. `cap` is in whole units of the endpoint's
    currency, as a decimal text.
    """

    def __init__(
        self, parts: Parts, model: str, *, max_cost: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.row: Provider = platform(parts.row)
        self._guard: Guard = replace(parts.guard, mode="strict")
        self._permit: Permit = self._guard.allow(model)
        self._parts, self._sleep = parts, sleep
        self._listing = self._guard.catalog.listing()
        self.subject = Subject(model=self._permit.id, family=family_of(self._permit.id).name)
        price = bounding_price(self._permit.model, self.row)
        currency = price.currency if price else self.row.currency or "USD"
        self.basis: str = price.basis if price else "no price of this model is known here"
        self.purse = Purse(Money.of(max_cost, currency), price, dearest_price(self._listing, self.row))
        self.fell_by: Money | None = None  # of the balance, which other calls of the account may move too
        self.stopped: MoongateError | None = None
        self._silent = 0

    @property
    def unlisted(self) -> tuple[str, ...]:
        """The ids that are sent although the endpoint does not list them: asking about them is the question."""
        return (UNLISTED,)

    def run(self) -> Iterator[Result]:
        """Yield one result per fact. What ends a run early is in `stopped`; the facts after it stay open."""
        with Door(self.row, self._parts.key, self._parts.network) as door:
            before = self._balance(door)
            for probe in probes():
                yield self._result(door, probe)
            after = self._balance(door) if self.stopped is None else None
            self.fell_by = before - after if before is not None and after is not None else None

    def _result(self, door: Door, probe: Probe) -> Result:
        asks = probe.build(self.subject)
        worst = self.purse.worst(asks, unlisted=probe.unlisted)
        objection = self._objection(probe, worst)
        if objection is not None or worst is None:
            return _result(probe, "open", objection or "")
        spent, sent, replies = self.purse.spent, list[Sent](), list[Seen]()
        try:
            for ask in asks:
                replies.append(self._asked(door, probe, ask, sent))
        except MoongateError as error:
            self._note(error)
            return _result(probe, "open", self._told(error), self.purse.spent - spent, sent)
        self._silent = 0
        status, detail = probe.judge(replies)
        return _result(probe, status, self._clean(detail), self.purse.spent - spent, sent)

    def _objection(self, probe: Probe, worst: Money | None) -> str | None:
        """Say why a probe is not run."""
        if self.stopped is not None:
            return f"not run: the run was stopped ({self.stopped.kind})"
        if probe.families is not None and self.subject.family not in probe.families:
            return f"not run: about {', '.join(probe.families)}, not about this model"
        if probe.unlisted and UNLISTED in self._listing.ids:
            return f"not run: the endpoint lists {UNLISTED!r}"
        return self.purse.objection(worst)

    def _asked(self, door: Door, probe: Probe, ask: Ask, sent: list[Sent]) -> Seen:
        """Send one request, book what it cost, and return its reply.

        Raises what keeps the reply from answering the question: no answer, a server's failure, no money, no access.
        """
        call = _call(self.row, ask)
        if call.body is not None and not probe.unlisted:
            self._guard.check(call.body, (self._permit,))
        worst = self.purse.worst((ask,), unlisted=probe.unlisted)
        assert worst is not None  # noqa: S101 — `_objection` let it pass
        at = _now()
        reply: Reply | None = None
        read: Seen | None = None
        nothing_sent = False
        try:
            reply = self._patiently(door, call)
            read = seen(reply)
        except MoongateError as error:
            nothing_sent = not error.sent
            raise
        finally:
            sent.append(self._evidence(call, ask, reply, at))
            if not nothing_sent:  # what an unlisted id costs where it is answered, nobody knows
                self.purse.settle(worst, None if probe.unlisted and read is not None and read.ok else read)
        hindrance = self._hindrance(reply, ask, unlisted=probe.unlisted)
        if hindrance is not None:
            raise hindrance
        return read

    def _patiently(self, door: Door, call: Call[Reply]) -> Reply:
        """Exchange, again after a wait where the endpoint asked to send less: such an answer is not charged."""
        for wait in WAITS_S:
            reply = door.exchange(call)
            if reply.status != 429:
                return reply
            error = error_from(reply, self.row)
            if not isinstance(error, RateLimitedError) or error.scope == "tpd":
                return reply
            self._sleep(min(max(wait, error.retry_after_s or 0.0), LONGEST_WAIT_S))
        return door.exchange(call)

    def _hindrance(self, reply: Reply, ask: Ask, *, unlisted: bool) -> MoongateError | None:
        """Return the error that keeps a reply from being an answer to the question, whatever the question was."""
        if reply.ok:
            return None
        model = None if unlisted or ask.fields is None else ask.fields.get("model")
        error = error_from(reply, self.row, model=model, secrets=self._secrets())
        personal = ask.key == "own" and isinstance(error, STOPS)
        return error if personal or isinstance(error, UnavailableError) else None

    def _note(self, error: MoongateError) -> None:
        """Decide whether an error ends the run."""
        self._silent += 1
        if isinstance(error, STOPS) or (isinstance(error, UnavailableError) and self._silent >= IN_A_ROW):
            self.stopped = error

    def _balance(self, door: Door) -> Money | None:
        """Return what the account has, for the difference; a balance that cannot be had is no obstacle."""
        try:
            return door.call(calls.balance(self.row)).available
        except MoongateError:
            return None

    def _evidence(self, call: Call[Any], ask: Ask, reply: Reply | None, at: str) -> Sent:
        answer = "" if reply is None else reply.body.decode("utf-8", "replace")
        if reply is not None and _tells_money(reply, self.row, ask):
            answer = "(left out: it tells what the account holds)"
        return Sent(
            request=call.name,
            key={"own": "the account's", "none": "none", "made up": "a made-up one"}[ask.key],
            body=ask.fields,
            status=reply.status if reply is not None else None,
            answer=excerpt(redact(answer, self._secrets()), 2_000),
            at=at,
        )

    def _told(self, error: MoongateError) -> str:
        """Say what went wrong; the text about an empty account names what is left, so it is not repeated."""
        if isinstance(error, InsufficientBalanceError):
            return f"{self.row.title} refuses the call for lack of money (HTTP {error.status})."
        return self._clean(error.message)

    def _clean(self, text: str) -> str:
        return excerpt(redact(text, self._secrets()), 400)

    def _secrets(self) -> tuple[str, ...]:
        key = self._parts.key
        return (MADE_UP_KEY, *((key.reveal(),) if key else ()))


def platform(row: Provider) -> Provider:
    """Return the row if the facts are about it: Moonshot's dialect, balance and estimate. Else NotOfferedError."""
    if row.dialect == "moonshot" and row.balance and row.estimate:
        return row
    raise NotOfferedError(
        f"The acceptance kit's facts are about the Moonshot platform, not about {row.title}.",
        advice="Use -p moonshot or -p moonshot-cn.",
    )


def _call(row: Provider, ask: Ask) -> Call[Reply]:
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    if ask.fields is None:
        headers = {}
    if ask.key == "made up":
        headers["authorization"] = f"Bearer {MADE_UP_KEY}"
    return Call(
        method=ask.method,
        url=row.url(ask.path),
        decode=lambda reply: reply,
        body=None if ask.fields is None else encoded(ask.fields),
        headers=headers,
        with_key=ask.key == "own",
        repeatable=False,
        max_reply_bytes=REPLY_MAX_BYTES,
    )


def _tells_money(reply: Reply, row: Provider, ask: Ask) -> bool:
    if reply.ok:
        return ask.path == BALANCE
    return isinstance(error_from(reply, row), InsufficientBalanceError)


def _result(
    probe: Probe, status: Status, detail: str, cost: Money | None = None, sent: Sequence[Sent] = ()
) -> Result:
    return Result(
        id=probe.id,
        fact=probe.fact,
        question=probe.question,
        rests_on=probe.rests_on,
        status=status,
        detail=detail,
        cost=cost,
        sent=tuple(sent),
    )


def _now() -> str:
    return rfc3339(time.time())
