"""What is told about a job: the events of its progress, its JSON, its summary, its exit code. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from moongate.batch.state import State
from moongate.facts.batches import Status
from moongate.facts.money import Money

EXIT = {
    "money": 3,
    "budget": 3,
    "refused": 3,
    "unavailable": 4,
    "limit": 4,
    "uncertain": 4,
    "storage": 2,
    "deadline": 1,
    "interrupted": 130,
}


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is. `stopped` is why it rests, a word, "" while it does not; `said` the sentence about it."""

    job: str
    status: Status
    total: int
    completed: int
    failed: int
    in_flight: int
    uncertain: int
    cost: Money | None
    stopped: str = ""
    said: str = ""
    left_s: float | None = None  # how long it may still take, at the speed of this life of the job

    @property
    def done(self) -> int:
        """Lines that have their result."""
        return self.completed + self.failed


def progress(state: State, *, left_s: float | None = None) -> Progress:
    """Return a job's progress."""
    tally, opened = state.tally, state.opened
    completed, failed = _counts(state)
    currency = opened.currency if opened else ""
    return Progress(
        job=opened.job if opened else "",
        status=state.status,
        total=tally.total,
        completed=completed,
        failed=failed,
        in_flight=tally.in_flight,
        uncertain=tally.uncertain,
        cost=Money(nano=tally.cost_nano, currency=currency) if currency else None,
        stopped=state.stopped,
        said=state.said,
        left_s=left_s,
    )


def document(state: State) -> dict[str, Any]:
    """Return the JSON form of a job."""
    opened, tally = state.opened, state.tally
    completed, failed = _counts(state)
    assert opened is not None  # noqa: S101 - the first event of every journal
    return {
        "job": opened.job,
        "mode": opened.mode,
        "status": state.status,
        "stopped": state.stopped or None,
        "message": state.said or None,
        "provider": opened.provider,
        "model": opened.model,
        "batch_id": next((place.batch_id for place in state.parts if place.batch_id), None),
        "parts": [
            {"batch_id": place.batch_id, "status": place.status, "lines": place.part.lines, "stage": place.stage}
            for place in state.parts
        ],
        "input": opened.source or opened.input,
        "output": opened.output or None,
        "total": tally.total,
        "completed": completed,
        "failed": failed,
        "in_flight": tally.in_flight,
        "uncertain": tally.uncertain,
        "resent": tally.resent,
        "errors": tally.kinds,
        "usage": {
            "prompt_tokens": tally.prompt_tokens,
            "completion_tokens": tally.completion_tokens,
            "cached_tokens": tally.cached_tokens,
        },
        "cost": {
            "amount": Money(nano=tally.cost_nano, currency=opened.currency).amount,
            "currency": opened.currency,
            "basis": opened.basis,
            "uncertain": Money(nano=tally.doubt_nano, currency=opened.currency).amount,
        }
        if opened.currency
        else None,
    }


def _counts(state: State) -> tuple[int, int]:
    """Return the lines answered and failed: those that are here, and those that the provider counts so far."""
    away = [place for place in state.parts if place.stage == "created"]
    completed = state.tally.completed + sum(place.completed for place in away)
    return completed, state.tally.failed + sum(place.failed for place in away)


def summary(state: State) -> tuple[str, ...]:
    """Return what a user should know of a job that ended or rests, a sentence each."""
    opened, tally = state.opened, state.tally
    assert opened is not None  # noqa: S101 - the first event of every journal
    told = [
        f"{tally.completed} of {tally.total} lines answered" + (f", {tally.failed} failed" if tally.failed else "")
    ]
    if tally.kinds:
        told.append("errors: " + ", ".join(f"{kind} {count}" for kind, count in sorted(tally.kinds.items())))
    if tally.completed:
        told.append(f"tokens: {tally.prompt_tokens} prompt, {tally.completion_tokens} completion")
    if tally.completed and opened.currency:
        told.append(f"cost: {Money(nano=tally.cost_nano, currency=opened.currency)} ({opened.basis})")
    if tally.uncertain:
        told.append(_doubt(state))
    if state.stopped:
        told.append(f"stopped: {state.said}")
    return tuple(told)


def _doubt(state: State) -> str:
    tally, opened = state.tally, state.opened
    lines = "line" if tally.uncertain == 1 else "lines"
    text = f"uncertain: of {tally.uncertain} {lines} a try may have been charged without its answer"
    if tally.resent:
        text += f"; sent again {tally.resent} times"
    if opened and opened.currency and tally.doubt_nano:
        text += f"; {Money(nano=tally.doubt_nano, currency=opened.currency)} at most"
    return text


def exit_code(state: State) -> int:
    """Return the exit code that a job's end or rest stands for."""
    if state.stopped:
        return EXIT.get(state.stopped, 4)
    return 0 if state.status == "completed" and state.tally.failed == 0 else 1
