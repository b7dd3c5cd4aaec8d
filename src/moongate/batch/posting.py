"""From a job's journal into a ledger: what its answers cost, counted once, whatever was killed.

The journal is the truth; the ledger keeps how far it was read, in the transaction that adds the sums. So nothing is
written while lines are under way, and what one process did not come to the next one reads, or `moongate usage`.
Tries that may have been charged without an answer are no answers: the job's summary has those.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from moongate.batch import events as ev
from moongate.batch.folders import folders
from moongate.batch.journal import begun, since
from moongate.batch.records import Outcome
from moongate.errors import StorageError
from moongate.ledger.entry import NO_PRICE
from moongate.ledger.own import Batched, Kind, OwnLedger

log = logging.getLogger("moongate")
DAY_S = 86_400


def post(folder: Path, ledger: OwnLedger | None) -> None:
    """Write into the ledger, if there is one, what a job's journal says and it does not have yet.

    A disk that refuses costs a warning only: the next one to ask finds it still to be done.
    """
    if ledger is None:
        return
    try:
        while not _posted(folder, ledger):
            pass
    except StorageError as error:
        log.warning("%s", error)


def post_all(data_dir: Path, ledger: OwnLedger) -> None:
    """Do so for every job in a data folder."""
    for folder in folders(data_dir):
        post(folder, ledger)


def _posted(folder: Path, ledger: OwnLedger) -> bool:
    """Try to write down what is new; False when another process was quicker."""
    opened = begun(folder)
    if opened is None:
        return True
    mark = ledger.posted(opened.job, opened.at)
    sums: dict[tuple[int, bool], _Sum] = {}
    seq = mark.seq
    for number, at, events in since(folder, mark.seq):
        seq = number
        for outcome in _answered(events):
            key = (int(at // DAY_S), outcome.cost_nano is not None)
            sums.setdefault(key, _Sum(at)).add(outcome)
    if seq == mark.seq:
        return True
    lines = [_line(sum_, opened, priced=priced) for (_, priced), sum_ in sums.items()]
    return ledger.post(lines, since=mark, seq=seq)


def _answered(events: Iterable[ev.AnyEvent]) -> Iterator[Outcome]:
    for event in events:
        if isinstance(event, ev.Settled) and event.outcome.ok:
            yield event.outcome


@dataclass
class _Sum:
    """What the answers of one day took, from `at` on."""

    at: float
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost_nano: int = 0

    def add(self, outcome: Outcome) -> None:
        self.calls += 1
        self.prompt_tokens += outcome.prompt_tokens
        self.completion_tokens += outcome.completion_tokens
        self.cached_tokens += outcome.cached_tokens
        self.cost_nano += outcome.cost_nano or 0


def _line(sum_: _Sum, opened: ev.Opened, *, priced: bool) -> Batched:
    kind: Kind = "batch" if opened.mode == "remote" else "batch_run"
    return Batched(
        at=sum_.at,
        kind=kind,
        model=opened.model,
        asked_model=opened.model,
        provider=opened.provider,
        calls=sum_.calls,
        prompt_tokens=sum_.prompt_tokens,
        completion_tokens=sum_.completion_tokens,
        cached_tokens=sum_.cached_tokens,
        cost_nano=sum_.cost_nano if priced else None,
        currency=opened.currency if priced else "",
        price_basis=opened.basis if priced else NO_PRICE,
    )
