"""What a job is after its events: local lines, and parts at a provider."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as hy

from moongate.batch import commands as cmd
from moongate.batch import events as ev
from moongate.batch import state as st
from moongate.batch.records import Outcome, Part

LOCAL = ev.Opened(job="j", mode="local", provider="p", base_url="", model="m", input="", sha256="", total=6, at=0.0)
REMOTE = ev.Opened(job="j", mode="remote", provider="p", base_url="", model="m", input="", sha256="", total=6, at=0.0)
BEGUN = ev.Begun(at=1.0)


def after(*events: ev.AnyEvent) -> st.State:
    return st.replay(events)


def settled(index: int, kind: str = "", **more: object) -> ev.Settled:
    return ev.Settled(outcome=Outcome(index=index, kind=kind, **more))  # type: ignore[arg-type]


def part(number: int = 0, first: int = 0, lines: int = 3) -> ev.Planned:
    return ev.Planned(
        part=Part(number=number, path="", offset=0, size=1, first=first, lines=lines), name=f"n{number}"
    )


def test_a_line_that_was_on_its_way_when_the_process_died_is_in_doubt_and_sent_again() -> None:
    state = after(LOCAL, BEGUN, ev.Sent(indexes=(0, 1, 2), nano=30), settled(1), BEGUN)
    assert (state.tally.completed, state.tally.in_flight, state.tally.uncertain) == (1, 0, 2)
    assert (state.tally.doubt_nano, state.tally.reserved_nano) == (30, 0)
    assert list(state.marks.waiting()) == [0, 2, 3, 4, 5] and st.todo(state) == (cmd.SendLines(),)
    state = after(LOCAL, BEGUN, ev.Sent(indexes=(0, 1, 2)), BEGUN, ev.Sent(indexes=(0,)), settled(0), BEGUN)
    assert (state.tally.uncertain, state.tally.resent, state.tally.completed) == (3, 1, 1)


def test_a_line_in_doubt_twice_counts_once() -> None:
    state = after(LOCAL, BEGUN, ev.Sent(indexes=(0,)), BEGUN, ev.Sent(indexes=(0,)), BEGUN)
    assert (state.tally.uncertain, state.tally.resent) == (1, 1)
    state = after(LOCAL, BEGUN, ev.Sent(indexes=(0,)), ev.Returned(index=0, kind="timed_out", doubt=True), BEGUN)
    assert state.tally.uncertain == 1


def test_a_line_that_came_back_unsent_is_in_no_doubt() -> None:
    state = after(
        LOCAL, BEGUN, ev.Sent(indexes=(0,), nano=5), ev.Returned(index=0, kind="rate_limited", nano=5), BEGUN
    )
    assert (state.tally.uncertain, state.tally.doubt_nano, state.tally.reserved_nano) == (0, 0, 0)


def test_the_last_result_finishes_a_local_job() -> None:
    state = after(LOCAL, BEGUN, *(settled(index) for index in range(5)))
    state, commands = st.step(state, settled(5, "bad_request"))
    assert commands == (cmd.Finish(),)
    state = after(LOCAL, BEGUN, *(settled(index) for index in range(6)), ev.Finished(at=2.0))
    assert state.status == "completed" and state.ended and st.todo(state) == ()


def test_the_first_result_of_a_line_stands_until_it_is_retried() -> None:
    state = after(LOCAL, BEGUN, settled(0, "server_error"), settled(0))
    assert (state.tally.completed, state.tally.failed) == (0, 1)
    state = after(LOCAL, BEGUN, settled(0, "server_error"), ev.Retried(), settled(0))
    assert (state.tally.completed, state.tally.failed, state.tally.kinds) == (1, 0, {})


def test_a_retry_opens_what_may_have_been_charged_only_when_told_to() -> None:
    events = (LOCAL, BEGUN, settled(0, "bad_request"), settled(1, "timed_out", uncertain=True), settled(2))
    assert list(after(*events, ev.Retried()).marks.waiting()) == [0, 3, 4, 5]
    state = after(*events, ev.Retried(uncertain=True))
    assert list(state.marks.waiting()) == [0, 1, 3, 4, 5] and state.tally.uncertain == 1


def test_a_rest_is_said_and_ends_with_the_next_life() -> None:
    state = after(LOCAL, BEGUN, ev.Stopped(why="money", message="No money.", at=2.0))
    assert (state.stopped, state.said, state.status) == ("money", "No money.", "in_progress")
    assert after(LOCAL, BEGUN, ev.Stopped(why="money", message="No money.", at=2.0), BEGUN).stopped == ""


@pytest.mark.parametrize(
    ("events", "command"),
    [
        ((), cmd.Upload(part=0)),
        ((ev.UploadMeant(part=0, at=1.0),), cmd.FindUpload(part=0)),
        ((ev.UploadMeant(part=0, at=1.0), ev.UploadFailed(part=0)), cmd.Upload(part=0)),
        ((ev.Uploaded(part=0, file_id="f"),), cmd.Create(part=0)),
        ((ev.Uploaded(part=0, file_id="f"), ev.CreateMeant(part=0, at=1.0)), cmd.FindBatch(part=0)),
        ((ev.CreateMeant(part=0, at=1.0), ev.CreateLost(part=0)), cmd.Ask(part=0)),
        ((ev.CreateMeant(part=0, at=1.0), ev.CreateFailed(part=0)), cmd.Create(part=0)),
        ((ev.Created(part=0, batch_id="b"),), cmd.Watch(part=0)),
        ((ev.Seen(part=0, status="in_progress"),), cmd.Upload(part=0)),
        (
            (ev.Created(part=0, batch_id="b"), ev.Seen(part=0, status="expired", output_file_id="o")),
            cmd.Fetch(part=0, which="output", file_id="o"),
        ),
        (
            (ev.Seen(part=0, status="expired", output_file_id="o"), ev.Fetched(part=0, which="output")),
            cmd.Conclude(part=0),
        ),
        ((ev.Concluded(part=0),), cmd.Finish()),
    ],
)
def test_an_act_that_was_meant_and_not_done_is_looked_up_before_it_is_done_again(
    events: tuple[ev.AnyEvent, ...], command: cmd.Command
) -> None:
    state = after(REMOTE, BEGUN, part(), *events, BEGUN)
    assert st.todo(state) == (command,)


def test_cancelling_concludes_what_was_not_created_and_cancels_what_was() -> None:
    events = (REMOTE, BEGUN, part(), part(1, 3), ev.Created(part=0, batch_id="b"), ev.Cancelled(at=2.0))
    state = after(*events)
    assert st.todo(state) == (cmd.Cancel(part=0), cmd.Watch(part=0), cmd.Conclude(part=1))
    state = after(*events, ev.CancelMeant(part=0))
    assert state.status == "cancelling" and cmd.Cancel(part=0) not in st.todo(state)


def test_a_remote_job_ends_with_the_word_of_its_worst_part_unless_every_line_has_its_answer() -> None:
    ended = (
        ev.Seen(part=0, status="completed"),
        ev.Seen(part=1, status="expired"),
        ev.Concluded(part=0),
        ev.Concluded(part=1),
    )
    both = (REMOTE, BEGUN, part(), part(1, 3), *ended)
    failed = after(*both, settled(5, "expired"), ev.Finished(at=3.0))
    assert failed.status == "expired"
    assert after(*both, *(settled(index) for index in range(6)), ev.Finished(at=3.0)).status == "completed"


LIFE = hy.lists(hy.sampled_from(["sent", "returned", "doubt", "done", "failed", "begun", "retried"]), max_size=60)


@given(words=LIFE, seed=hy.integers(0, 2**16))
def test_counts_and_marks_agree_whatever_happens_and_a_replay_gives_the_same(words: list[str], seed: int) -> None:
    """A life of a job as a process can live it: only what waits is sent, only what is on its way comes back."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    events: list[ev.AnyEvent] = [LOCAL, BEGUN]
    flying: set[int] = set()
    state = st.replay(events)
    for word in words:
        event = _event(word, state, flying, chance)
        if event is not None:
            events.append(event)
            state, _ = st.step(state, event)
            _agree(state)
    assert st.replay(events) == state
    assert ev.decoded(ev.encoded(events)) == events


def _event(word: str, state: st.State, flying: set[int], chance: random.Random) -> ev.AnyEvent | None:
    if word == "begun":
        flying.clear()
        return BEGUN
    if word == "retried":
        return ev.Retried(uncertain=chance.random() < 0.5)
    if word == "sent":
        waiting = list(state.marks.waiting())
        chosen = tuple(chance.sample(waiting, min(len(waiting), 2)))
        flying |= set(chosen)
        return ev.Sent(indexes=chosen, nano=10 * len(chosen)) if chosen else None
    if not flying:
        return None
    index = flying.pop()
    if word in ("returned", "doubt"):
        return ev.Returned(index=index, kind="x", doubt=word == "doubt", nano=10)
    return ev.Settled(outcome=Outcome(index=index, kind="" if word == "done" else "x"), nano=10)


def _agree(state: st.State) -> None:
    tally = state.tally
    marks = [state.marks[index] for index in range(tally.total)]
    assert tally.completed == sum(bool(mark & st.DONE) for mark in marks)
    assert tally.failed == sum(bool(mark & st.FAILED) for mark in marks)
    assert tally.in_flight == sum(bool(mark & st.SENT) for mark in marks)
    assert tally.uncertain == sum(bool(mark & st.DOUBT) for mark in marks)
    assert tally.reserved_nano == 10 * tally.in_flight and tally.doubt_nano >= 0
    assert tally.waiting == len(list(state.marks.waiting()))
