"""The parts of a remote job: their lines, what these may cost at most, and which of them a cap keeps back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from moongate.batch.lines import lines_in
from moongate.batch.names import Names
from moongate.batch.records import Line, Part
from moongate.batch.spending import Purse, Tariff, asked_in
from moongate.batch.split import stretch
from moongate.batch.state import PartState, State
from moongate.facts.money import Money

_WAITING = ("planned", "uploading", "uploaded")  # nothing that costs has left


def file_of(folder: Path, part: Part) -> Path:
    """Return the file that a part is a stretch of."""
    return folder / part.path  # an absolute path stays what it is


def lines(folder: Path, part: Part) -> Iterator[Line]:
    """Yield a part's lines, counted from its own beginning. Raises UsageError for a file that cannot be read."""
    path = file_of(folder, part)
    with stretch(path, part.offset, part.size) as file:
        yield from lines_in(file, path)


def indexes(folder: Path, part: Part, names: Names) -> Iterator[int]:
    """Yield where a part's lines stand in the job; those of a retry are found by their names."""
    if Path(part.path).is_absolute():
        yield from range(part.first, part.first + part.lines)
        return
    for line in lines(folder, part):
        index = names.index(line.custom_id)
        if index is not None:
            yield index


def worst_nano(
    folder: Path, part: Part, tariff: Tariff, *, counts: Callable[[int], bool] = lambda place: True
) -> int:
    """Return the most that a part can cost, in nano-units: of those lines whose place in it `counts`."""
    found = (line for line in lines(folder, part) if counts(line.index))
    return sum(tariff.worst_nano(line.body, asked_in(line.body)) for line in found)


def worst_by_part(folder: Path, state: State, tariff: Tariff) -> dict[int, int]:
    """Return the most that each part can cost that is not done with, in nano-units, by its number."""
    left = (place.part for place in state.parts if place.stage != "concluded")
    return {part.number: worst_nano(folder, part, tariff) for part in left}


def left_nano(state: State, worst: Mapping[int, int]) -> int:
    """Return what the cap leaves when everything at the provider costs the most it can; without a cap, nothing."""
    away = sum(worst[place.part.number] for place in state.parts if _away(place))
    return (state.cap_nano or 0) - state.tally.cost_nano - state.tally.doubt_nano - away


def kept_back(state: State, worst: Mapping[int, int]) -> tuple[int, ...]:
    """Return the numbers of the parts that may not be submitted now lest the cap be passed; earlier ones go first."""
    if state.cap_nano is None:
        return ()
    purse = Purse(left_nano(state, worst))
    waiting = (place.part.number for place in state.parts if place.stage in _WAITING)
    return tuple(number for number in waiting if not purse.reserve(worst[number]))


def beyond(state: State, worst: Mapping[int, int], part: int, currency: str) -> str:
    """Return the sentence about a part that the cap keeps back."""
    most, left = (Money(nano=nano, currency=currency) for nano in (worst[part], max(left_nano(state, worst), 0)))
    if any(place.batch_id for place in state.parts):
        so = "What was submitted goes on; watching the job submits the rest when what it cost leaves room."
    else:
        so = "Nothing was submitted."
    what = f"Part {part + 1} of {len(state.parts)}" if len(state.parts) > 1 else "The job"
    return (
        f"{what} may cost {most}, and the cap on the cost leaves {left}. {so} "
        "A higher cap goes on; max_tokens in every line makes the most that it may cost less."
    )


def _away(place: PartState) -> bool:
    return place.stage not in _WAITING and place.stage != "concluded"
