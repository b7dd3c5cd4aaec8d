"""Which parts of a job a cap keeps back: whatever comes back, in whatever order, it is not passed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from moongate.batch.parts import beyond, kept_back
from moongate.batch.records import Part
from moongate.batch.state import PartState, State

WORST = st.lists(st.integers(0, 50), min_size=1, max_size=6)


def job(worst: list[int], cap: int | None) -> State:
    """Return a job of so many parts, none of them submitted."""
    parts = (Part(number=at, path="in.jsonl", offset=0, size=1, first=at, lines=1) for at in range(len(worst)))
    return State(cap_nano=cap, parts=tuple(PartState(part=part, name="") for part in parts))


@given(WORST, st.integers(0, 150), st.randoms(use_true_random=False))
def test_no_cap_is_ever_passed(worst: list[int], cap: int, random: st.DataObject) -> None:
    state, costs = job(worst, cap), dict(enumerate(worst))
    while True:
        back = kept_back(state, costs)
        parts = tuple(
            replace(place, stage="created") if place.stage == "planned" and place.part.number not in back else place
            for place in state.parts
        )
        state = replace(state, parts=parts)
        away = [place.part.number for place in parts if place.stage == "created"]
        spent = state.tally.cost_nano + state.tally.doubt_nano
        assert spent + sum(costs[number] for number in away) <= cap
        if not away:
            break
        ended = random.choice(away)  # type: ignore[attr-defined]
        cost = random.randint(0, costs[ended])  # type: ignore[attr-defined]
        parts = tuple(replace(p, stage="concluded") if p.part.number == ended else p for p in parts)
        tally = replace(state.tally, cost_nano=state.tally.cost_nano + cost)
        state = replace(state, parts=parts, tally=tally)
    waiting = [place.part.number for place in state.parts if place.stage == "planned"]
    assert all(costs[number] + state.tally.cost_nano > cap for number in waiting[:1])


def test_without_a_cap_nothing_is_kept_back() -> None:
    assert kept_back(job([10**18], None), {0: 10**18}) == ()


def test_what_is_said_of_it() -> None:
    said = beyond(job([3_000_000], 1_000_000), {0: 3_000_000}, 0, "USD")
    assert said.startswith(
        "The job may cost 0.003 USD, and the cap on the cost leaves 0.001 USD. Nothing was submitted."
    )
