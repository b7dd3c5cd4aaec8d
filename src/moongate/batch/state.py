"""What a job is after its events, and what is to be done next. Pure: `step(state, event) → state, commands`.

Replaying a journal through `step` gives the state; the commands of the past are forgotten, and `Begun` gives those
of now. An act whose intent stands in the journal without its end becomes a look-up first, never a second act.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from moongate.batch import commands as cmd
from moongate.batch import events as ev
from moongate.batch.marks import DONE, DOUBT, FAILED, SENT, Marks, table
from moongate.batch.records import Part
from moongate.facts.batches import ENDED, Status

Why = Literal["interrupted", "money", "budget", "deadline", "refused", "unavailable", "limit", "uncertain", "storage"]
Stage = Literal["planned", "uploading", "uploaded", "creating", "lost", "created", "ended", "concluded"]


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The job's numbers. `uncertain` counts lines of which a try may have been charged without its answer."""

    total: int = 0
    completed: int = 0
    failed: int = 0
    in_flight: int = 0
    uncertain: int = 0
    resent: int = 0  # sendings of lines that were in doubt already
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost_nano: int = 0
    reserved_nano: int = 0  # set aside for what is in flight
    doubt_nano: int = 0  # set aside for what may have been charged without its answer
    unpriced: int = 0  # answers whose price is not known
    kinds: dict[str, int] = {}  # how often each kind of error ended a line
    doubt_kinds: dict[str, int] = {}  # those among them of lines that may have been charged

    @property
    def waiting(self) -> int:
        """Lines that have no result yet and are not on their way."""
        return self.total - self.completed - self.failed - self.in_flight


class PartState(msgspec.Struct, frozen=True, kw_only=True):
    """How far one part is at the provider."""

    part: Part
    name: str
    stage: Stage = "planned"
    since: float = 0.0  # when the last intent was written down
    cancelling: bool = False  # whether the provider was asked to cancel it
    file_id: str | None = None
    batch_id: str | None = None
    status: Status = "validating"
    completed: int = 0
    failed: int = 0
    output_file_id: str | None = None
    error_file_id: str | None = None
    fetched: tuple[ev.Which, ...] = ()
    missing: tuple[ev.Which, ...] = ()  # files that the provider named and no longer has


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A job. `stopped` is why it rests ("" while it does not), `said` the sentence about it."""

    opened: ev.Opened | None = None
    status: Status = "validating"
    stopped: str = ""
    said: str = ""
    cancelled: bool = False
    cap_nano: int | None = None  # what it may cost at most
    marks: Marks = Marks()
    tally: Tally = Tally()
    parts: tuple[PartState, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.status in ENDED


Next = tuple[State, tuple[cmd.Command, ...]]


def step(state: State, event: ev.AnyEvent) -> Next:
    """Return the state after an event, and what to do now."""
    return _STEPS[type(event)](state, event)


def replay(events: Iterable[ev.AnyEvent]) -> State:
    """Return the state that a journal amounts to."""
    state = State()
    for event in events:
        state, _ = _STEPS[type(event)](state, event)
    return state


def todo(state: State) -> tuple[cmd.Command, ...]:
    """Return everything that is to be done now."""
    if state.opened is None or state.ended:
        return ()
    if state.opened.mode == "local":
        if state.tally.waiting + state.tally.in_flight == 0:
            return (cmd.Finish(),)
        return (cmd.SendLines(),)
    found = tuple(command for place in state.parts for command in _todo_of(place, state.cancelled))
    return found or ((cmd.Finish(),) if state.parts else ())


def _todo_of(place: PartState, cancelled: bool) -> tuple[cmd.Command, ...]:
    number = place.part.number
    if cancelled and place.stage in ("planned", "uploaded"):
        return (cmd.Conclude(part=number),)
    if cancelled and place.stage == "created" and not place.cancelling:
        return (cmd.Cancel(part=number), cmd.Watch(part=number))
    match place.stage:
        case "planned":
            return (cmd.Upload(part=number),)
        case "uploading":
            return (cmd.FindUpload(part=number),)
        case "uploaded":
            return (cmd.Create(part=number),)
        case "creating":
            return (cmd.FindBatch(part=number),)
        case "lost":
            return (cmd.Ask(part=number),)
        case "created":
            return (cmd.Watch(part=number),)
        case "ended":
            files = (("output", place.output_file_id), ("error", place.error_file_id))
            left = tuple(
                cmd.Fetch(part=number, which=which, file_id=file_id)  # type: ignore[arg-type]
                for which, file_id in files
                if file_id and which not in place.fetched
            )
            return left or (cmd.Conclude(part=number),)
        case _:
            return ()


# --- what each event does ---


def _opened(state: State, event: ev.Opened) -> Next:
    return State(opened=event, marks=Marks(event.total), tally=Tally(total=event.total)), ()


_IN_DOUBT = table({mark: (mark & ~SENT) | DOUBT for mark in range(16) if mark & SENT})


def _begun(state: State, event: ev.Begun) -> Next:
    if state.ended:
        return state, ()
    newly = state.marks.count(SENT)  # those in doubt before are counted already
    tally = state.tally
    tally = replace(
        tally,
        in_flight=0,
        uncertain=tally.uncertain + newly,
        doubt_nano=tally.doubt_nano + tally.reserved_nano,
        reserved_nano=0,
    )
    state = replace(
        state, marks=state.marks.translated(_IN_DOUBT), tally=tally, stopped="", said="", status=_status(state)
    )
    return state, todo(state)


def _sent(state: State, event: ev.Sent) -> Next:
    marks, again = state.marks, 0
    for index in event.indexes:
        mark = marks[index]
        again += bool(mark & DOUBT)
        marks = marks.set(index, mark | SENT)
    tally = state.tally
    tally = replace(
        tally,
        in_flight=tally.in_flight + len(event.indexes),
        resent=tally.resent + again,
        reserved_nano=tally.reserved_nano + event.nano,
    )
    return replace(state, marks=marks, tally=tally), ()


def _returned(state: State, event: ev.Returned) -> Next:
    mark = state.marks[event.index]
    after = (mark & ~SENT) | (DOUBT if event.doubt else 0)
    tally = replace(
        state.tally,
        in_flight=state.tally.in_flight - (mark & SENT),
        uncertain=state.tally.uncertain + _newly(mark, after),
        reserved_nano=state.tally.reserved_nano - event.nano,
        doubt_nano=state.tally.doubt_nano + (event.nano if event.doubt else 0),
    )
    return replace(state, marks=state.marks.set(event.index, after), tally=tally), ()


def _settled(state: State, event: ev.Settled) -> Next:
    outcome = event.outcome
    mark = state.marks[outcome.index]
    if mark & (DONE | FAILED):  # the first result stands: a provider may list a line in two files
        return state, ()
    after = (mark & ~SENT) | (DONE if outcome.ok else FAILED) | (DOUBT if outcome.uncertain else 0)
    tally = _counted(state.tally, event, mark, after)
    state = replace(state, marks=state.marks.set(outcome.index, after), tally=tally)
    if tally.completed + tally.failed == tally.total and state.opened and state.opened.mode == "local":
        return state, (cmd.Finish(),)
    return state, ()


def _newly(before: int, after: int) -> int:
    return int(bool(after & DOUBT and not before & DOUBT))


def _counted(tally: Tally, event: ev.Settled, before: int, after: int) -> Tally:
    outcome, ok = event.outcome, event.outcome.ok
    return Tally(
        total=tally.total,
        completed=tally.completed + ok,
        failed=tally.failed + (not ok),
        in_flight=tally.in_flight - (before & SENT),
        uncertain=tally.uncertain + _newly(before, after),
        resent=tally.resent,
        prompt_tokens=tally.prompt_tokens + outcome.prompt_tokens,
        completion_tokens=tally.completion_tokens + outcome.completion_tokens,
        cached_tokens=tally.cached_tokens + outcome.cached_tokens,
        cost_nano=tally.cost_nano + (outcome.cost_nano or 0),
        reserved_nano=tally.reserved_nano - event.nano,
        doubt_nano=tally.doubt_nano + (event.nano if outcome.uncertain else 0),
        unpriced=tally.unpriced + (ok and outcome.cost_nano is None),
        kinds=tally.kinds if ok else _more(tally.kinds, outcome.kind),
        doubt_kinds=_more(tally.doubt_kinds, outcome.kind) if after & DOUBT and not ok else tally.doubt_kinds,
    )


def _more(kinds: dict[str, int], kind: str) -> dict[str, int]:
    return {**kinds, kind: kinds.get(kind, 0) + 1}


def _retried(state: State, event: ev.Retried) -> Next:
    opened = (FAILED, FAILED | DOUBT) if event.uncertain else (FAILED,)
    count = sum(state.marks.count(mark) for mark in opened)
    marks = state.marks.translated(table({mark: mark & ~FAILED for mark in opened}))
    kinds = {} if event.uncertain else state.tally.doubt_kinds
    tally = replace(state.tally, failed=state.tally.failed - count, kinds=kinds, doubt_kinds=kinds)
    return replace(state, marks=marks, tally=tally, status="in_progress", cancelled=False, stopped=""), ()


def _stopped(state: State, event: ev.Stopped) -> Next:
    return replace(state, stopped=event.why, said=event.message), ()


def _capped(state: State, event: ev.Capped) -> Next:
    return replace(state, cap_nano=event.nano), ()


def _cancelled(state: State, event: ev.Cancelled) -> Next:
    if state.ended:
        return state, ()
    local = state.opened is not None and state.opened.mode == "local"
    status: Status = "cancelled" if local else "cancelling"
    state = replace(state, cancelled=True, status=status, stopped="", said="")
    return state, todo(state)


def _finished(state: State, event: ev.Finished) -> Next:
    return replace(state, status=_final(state), stopped="", said=""), ()


def _final(state: State) -> Status:
    """Return the word for the whole: that of the worst part."""
    words = {place.status for place in state.parts}
    worst: tuple[Status, ...] = ("failed", "expired", "cancelled")
    if state.cancelled:
        return "cancelled"
    if not state.tally.failed:
        return "completed"
    return next((word for word in worst if word in words), "completed")


def _planned(state: State, event: ev.Planned) -> Next:
    state = replace(state, parts=(*state.parts, PartState(part=event.part, name=event.name)))
    return state, _todo_of(state.parts[-1], state.cancelled)


def _changed(state: State, number: int, **fields: Any) -> Next:
    parts = tuple(replace(place, **fields) if place.part.number == number else place for place in state.parts)
    state = replace(state, parts=parts)
    state = replace(state, status=_status(state))
    mine = _todo_of(parts[number], state.cancelled)
    if not mine and all(place.stage == "concluded" for place in parts):
        return state, (cmd.Finish(),)
    return state, mine


def _status(state: State) -> Status:
    """Return the word for a job that is under way."""
    if state.opened is None or state.opened.mode == "local":
        return "in_progress"
    if state.cancelled:
        return "cancelling"
    stages, words = {place.stage for place in state.parts}, {place.status for place in state.parts}
    if stages <= {"ended", "concluded"} or words == {"finalizing"}:
        return "finalizing"
    return "in_progress" if words & {"in_progress", "finalizing", *ENDED} else "validating"


def _seen(state: State, event: ev.Seen) -> Next:
    fields = {name: getattr(event, name) for name in _SEEN}
    if event.status in ENDED:
        return _changed(state, event.part, stage="ended", **fields)
    return _changed(state, event.part, **fields)


_SEEN = ("status", "completed", "failed", "output_file_id", "error_file_id")


def _fetched(state: State, event: ev.Fetched) -> Next:
    place = state.parts[event.part]
    missing = place.missing if event.found else (*place.missing, event.which)
    return _changed(state, event.part, fetched=(*place.fetched, event.which), missing=missing)


def _concluded(state: State, event: ev.Concluded) -> Next:
    tally = replace(state.tally, doubt_nano=state.tally.doubt_nano + event.nano)
    return _changed(replace(state, tally=tally), event.part, stage="concluded")


_STEPS: dict[type[ev.Event], Callable[[State, Any], Next]] = {
    ev.Opened: _opened,
    ev.Begun: _begun,
    ev.Sent: _sent,
    ev.Returned: _returned,
    ev.Settled: _settled,
    ev.Retried: _retried,
    ev.Stopped: _stopped,
    ev.Capped: _capped,
    ev.Cancelled: _cancelled,
    ev.Finished: _finished,
    ev.Planned: _planned,
    ev.UploadMeant: lambda state, event: _changed(state, event.part, stage="uploading", since=event.at),
    ev.Uploaded: lambda state, event: _changed(state, event.part, stage="uploaded", file_id=event.file_id),
    ev.UploadFailed: lambda state, event: _changed(state, event.part, stage="planned"),
    ev.CreateMeant: lambda state, event: _changed(state, event.part, stage="creating", since=event.at),
    ev.Created: lambda state, event: _changed(state, event.part, stage="created", batch_id=event.batch_id),
    ev.CreateFailed: lambda state, event: _changed(state, event.part, stage="uploaded"),
    ev.CreateLost: lambda state, event: _changed(state, event.part, stage="lost"),
    ev.CreateDropped: lambda state, event: _changed(state, event.part, stage="ended", status="cancelled"),
    ev.CancelMeant: lambda state, event: _changed(state, event.part, cancelling=True),
    ev.Seen: _seen,
    ev.Fetched: _fetched,
    ev.Concluded: _concluded,
}
