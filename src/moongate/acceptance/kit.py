"""Runs the probes against a live endpoint within a cap, and reports fact by fact.

Every request that names a model passes the guard, in strict mode whatever the settings say; the probe of an id that
the list lacks is the one exception, and `unlisted` names what it sends. Knows no file and no terminal.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from moongate.acceptance.coverage import not_probed
from moongate.acceptance.judges import Seen, Status, Verdict, seen
from moongate.acceptance.probe import Ask, File, Probe, Subject
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
from moongate.facts.files import FileObject
from moongate.facts.moments import rfc3339
from moongate.facts.money import Money
from moongate.facts.providers import Provider
from moongate.ledger.price import bounding_price
from moongate.transport.sync import Door
from moongate.wire import calls, filecalls
from moongate.wire.calls import Call, encoded
from moongate.wire.clean import excerpt, redact
from moongate.wire.filecalls import Source
from moongate.wire.replies import Reply, error_from
from moongate.wire.rules.rows import family_of

MADE_UP_KEY = "sk-moongate-made-up-key-that-belongs-to-nobody"
BOUNDARY = "moongate-acceptance-7d3f0c52a1"  # no file of a probe holds it
REPLY_MAX_BYTES = 1024 * 1024
WAITS_S = (1.0, 20.0, 40.0)  # the lowest tier allows 3 requests a minute (documentation, 2026-08-13)
LONGEST_WAIT_S = 60.0
POLL_S = 10.0  # between two looks at what takes time
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


@dataclass(kw_only=True)
class _Run:
    """How far one probe is: what it was answered, and the evidence."""

    probe: Probe
    spent: Money  # by the probes before it
    replies: list[Seen] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)


class Kit:
    """One run against one endpoint with one model.

    Raises NotOfferedError for an endpoint that the facts are not about, and what the guard raises: a model that is
    not listed, a list that cannot be had, a key that is not accepted. `max_cost` is in whole units of the endpoint's
    currency, as a decimal text. Probes that need more than `patience_s` seconds of waiting are not run.
    """

    def __init__(
        self,
        parts: Parts,
        model: str,
        *,
        max_cost: str,
        patience_s: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.row: Provider = platform(parts.row)
        self._guard: Guard = replace(parts.guard, mode="strict")
        self._permit: Permit = self._guard.allow(model)
        self._parts, self._sleep, self._patience_s = parts, sleep, patience_s
        self._listing = self._guard.catalog.listing()
        self.subject = Subject(model=self._permit.id, family=family_of(self._permit.id).name)
        price = bounding_price(self._permit.model, self.row)
        currency = price.currency if price else self.row.currency or "USD"
        self.basis: str = price.basis if price else "no price of this model is known here"
        self.purse = Purse(Money.of(max_cost, currency), price, dearest_price(self._listing, self.row))
        self.fell_by: Money | None = None  # of the balance, which other calls of the account may move too
        self.stopped: MoongateError | None = None
        self._silent = 0
        self._limited: list[Seen] = []  # the 429s for too many calls that were met

    @property
    def unlisted(self) -> tuple[str, ...]:
        """The ids that are sent although the endpoint does not list them: asking about them is the question."""
        return (UNLISTED,)

    def run(self) -> Iterator[Result]:
        """Yield one result per fact. What ends a run early is in `stopped`; the facts after it stay open."""
        with Door(self.row, self._parts.key, self._parts.network) as door:
            before = self._balance(door)
            for probe in probes():
                yield self._overheard(probe) if probe.overhears else self._result(door, probe)
            yield from untried()
            after = self._balance(door) if self.stopped is None else None
            self.fell_by = before - after if before is not None and after is not None else None

    def _result(self, door: Door, probe: Probe) -> Result:
        asks = probe.build(self.subject)
        worst = self.purse.worst(asks, unlisted=probe.unlisted)
        objection = self._objection(probe, worst)
        if objection is not None or worst is None:
            return _result(probe, "open", objection or "")
        run = _Run(probe=probe, spent=self.purse.spent)
        try:
            status, detail = self._judged(door, run, asks)
        except MoongateError as error:
            self._note(error)
            status, detail = "open", self._told(error)
        else:
            self._silent = 0
        finally:
            left = self._cleaned(door, run, asks)
        return _result(probe, status, f"{detail}{left}", self.purse.spent - run.spent, run.sent)

    def _judged(self, door: Door, run: _Run, asks: Sequence[Ask]) -> Verdict:
        """Send what a probe asks, one after the other, and judge the replies."""
        for ask in asks:
            if ask.is_cleanup:
                continue
            filled = ask.filled(run.replies)
            if filled is None:
                return "open", self._clean(f"a step before the question failed: {run.replies[-1].said}")
            run.replies.append(self._asked(door, run, filled))
        status, detail = run.probe.judge(run.replies)
        return status, self._clean(detail)

    def _cleaned(self, door: Door, run: _Run, asks: Sequence[Ask]) -> str:
        """Take back what a probe left at the endpoint; return a sentence about what could not be."""
        left = []
        for ask in asks:
            filled = ask.filled(run.replies) if ask.is_cleanup else None
            if filled is None:
                continue
            try:
                reply = self._exchanged(door, run, filled)
            except MoongateError:
                reply = None
            if ask.method == "DELETE" and (reply is None or not (reply.ok or reply.status == 404)):
                left.append(filled.path)
        return f"; left behind: {', '.join(left)}" if left else ""

    def _overheard(self, probe: Probe) -> Result:
        return _result(probe, *probe.judge(self._limited))

    def _objection(self, probe: Probe, worst: Money | None) -> str | None:
        """Say why a probe is not run."""
        if self.stopped is not None:
            return f"not run: the run was stopped ({self.stopped.kind})"
        if probe.families is not None and self.subject.family not in probe.families:
            return f"not run: about {', '.join(probe.families)}, not about this model"
        if probe.unlisted and UNLISTED in self._listing.ids:
            return f"not run: the endpoint lists {UNLISTED!r}"
        if probe.takes_s > self._patience_s:
            return f"not run: it may take {probe.takes_s:.0f} s (--patience {probe.takes_s:.0f})"
        return self.purse.objection(worst)

    def _asked(self, door: Door, run: _Run, ask: Ask) -> Seen:
        """Send one request, again while there is patience and the answer is yet to come, and return its reply.

        Raises what keeps the reply from answering the question: no answer, a server's failure, no money, no access.
        """
        if ask.after_s:
            self._sleep(ask.after_s)
        waited = 0.0
        while True:
            reply = self._exchanged(door, run, ask)
            hindrance = self._hindrance(reply, ask, unlisted=run.probe.unlisted)
            if hindrance is not None:
                raise hindrance
            read = seen(reply)
            if ask.until is None or ask.until(read) or waited >= self._patience_s:
                return read
            self._sleep(POLL_S)
            waited += POLL_S
            run.sent.pop()  # of many looks the last one is kept

    def _exchanged(self, door: Door, run: _Run, ask: Ask) -> Reply:
        """Send one request past the guard, book what it cost, and keep the evidence."""
        call, unlisted = _call(self.row, ask), run.probe.unlisted
        for body in () if unlisted else _naming(call, ask):
            self._guard.check(body, (self._permit,))
        worst = self.purse.worst((ask,), unlisted=unlisted)
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
            run.sent.append(self._evidence(call, ask, reply, at))
            if not nothing_sent:  # what an unlisted id costs where it is answered, nobody knows
                self.purse.settle(worst, None if unlisted and read is not None and read.ok else read)
        return reply

    def _patiently(self, door: Door, call: Call[Reply]) -> Reply:
        """Exchange, again after a wait where the endpoint asked to send less: such an answer is not charged."""
        for wait in (*WAITS_S, None):
            reply = door.exchange(call)
            error = error_from(reply, self.row) if reply.status == 429 else None
            if isinstance(error, RateLimitedError):
                self._limited.append(seen(reply))
            if wait is None or not isinstance(error, RateLimitedError) or error.scope == "tpd":
                break
            self._sleep(min(max(wait, error.retry_after_s or 0.0), LONGEST_WAIT_S))
        return reply

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
            body=ask.fields if ask.file is None else _file_shown(ask.file),
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


def untried() -> Iterator[Result]:
    """Yield a result for what no probe asks, with the reason."""
    for fact, why in not_probed():
        yield Result(
            id=fact.key,
            fact=fact.says,
            question="",
            rests_on=f"{fact.source} ({fact.date})",
            status="open",
            detail=f"not probed: {why}",
        )


def _naming(call: Call[Reply], ask: Ask) -> tuple[bytes, ...]:
    """Return the bytes that may name a model: the body's, or those of the requests in a batch file."""
    if ask.file is not None:
        return tuple(ask.file.bodies)
    return (call.body,) if call.body is not None and "model" in (ask.fields or {}) else ()


def _file_shown(file: File) -> dict[str, Any]:
    return {"filename": file.name, "purpose": file.purpose, "content": excerpt(repr(file.content), 400)}


def _upload(row: Provider, file: File) -> Call[FileObject]:
    source = Source(filename=file.name, size=len(file.content), open=lambda: io.BytesIO(file.content))
    return filecalls.upload(row, source, purpose=file.purpose, boundary=BOUNDARY)


def _call(row: Provider, ask: Ask) -> Call[Reply]:
    upload = None if ask.file is None else _upload(row, ask.file)
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    if upload is not None:
        headers = dict(upload.headers)
    elif ask.fields is None:
        headers = {}
    if ask.key == "made up":
        headers["authorization"] = f"Bearer {MADE_UP_KEY}"
    return Call(
        method=ask.method,
        url=row.url(ask.path),
        decode=lambda reply: reply,
        body=None if ask.fields is None else encoded(ask.fields),
        upload=None if upload is None else upload.upload,
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
