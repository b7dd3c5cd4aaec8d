"""What a job's user is told: counts, sentences, exit codes."""

from __future__ import annotations

import pytest

from moongate.batch import events as ev
from moongate.batch import state as st
from moongate.batch.records import Outcome, Part
from moongate.batch.report import document, exit_code, progress, summary

OPENED = ev.Opened(
    job="j",
    mode="remote",
    provider="moonshot",
    base_url="",
    model="m",
    input="in.jsonl",
    sha256="",
    total=4,
    at=0.0,
    currency="USD",
    basis="a price",
)


def test_a_remote_job_shows_what_the_provider_counts_until_the_results_are_here() -> None:
    part = ev.Planned(part=Part(number=0, path="", offset=0, size=1, first=0, lines=4), name="n")
    seen = ev.Seen(part=0, status="in_progress", completed=2, failed=1)
    state = st.replay([OPENED, part, ev.Created(part=0, batch_id="b"), seen])
    assert (progress(state).completed, progress(state).failed, progress(state).done) == (2, 1, 3)
    assert document(state)["completed"] == 2 and document(state)["batch_id"] == "b"
    ended = ev.Seen(part=0, status="completed", completed=3, failed=1)
    answers = [ev.Settled(outcome=Outcome(index=index, status=200)) for index in range(3)]
    state = st.replay([OPENED, part, ev.Created(part=0, batch_id="b"), seen, ended, *answers])
    assert (progress(state).completed, progress(state).failed) == (3, 0)


def test_doubt_is_said_with_what_it_may_have_cost() -> None:
    state = st.replay([OPENED, ev.Sent(indexes=(0, 1), nano=5_000_000), ev.Begun(at=1.0), ev.Sent(indexes=(0,))])
    told = " / ".join(summary(state))
    assert "of 2 lines a try may have been charged" in told and "sent again 1 times" in told and "0.005 USD" in told
    assert document(state)["cost"]["uncertain"] == "0.005"


@pytest.mark.parametrize(
    ("why", "code"),
    [
        ("money", 3),
        ("budget", 3),
        ("refused", 3),
        ("unavailable", 4),
        ("limit", 4),
        ("uncertain", 4),
        ("storage", 2),
        ("deadline", 1),
        ("interrupted", 130),
    ],
)
def test_every_rest_has_its_exit_code(why: str, code: int) -> None:
    assert exit_code(st.replay([OPENED, ev.Stopped(why=why, message="So it is.", at=1.0)])) == code
