"""The results of a batch: read from the provider's files, and taken over into the journal, each line once.

A door, as `remote` is, which decides when. `fetched` reads a single line.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence

from moongate import errors
from moongate.batch import commands as cmd
from moongate.batch import events as ev
from moongate.batch import state as st
from moongate.batch.answers import failed_line
from moongate.batch.fetched import named, outcome_of
from moongate.batch.journal import Entry, Journal
from moongate.batch.marks import DONE, DOUBT, FAILED
from moongate.batch.names import Names
from moongate.batch.parts import indexes, worst_nano
from moongate.batch.records import Outcome
from moongate.batch.spending import Tariff
from moongate.batch.upstream import Upstream
from moongate.wire import filecalls

log = logging.getLogger("moongate")
GROUP = 500  # results in one commit


class Fetching:
    """What takes over the results of one job. Begun again, it takes only those that are not there yet."""

    def __init__(self, journal: Journal, names: Names, upstream: Upstream, tariff: Tariff, *, model: str) -> None:
        self._journal, self._names, self._upstream, self._tariff = journal, names, upstream, tariff
        self._model = model

    async def fetch(self, command: cmd.Fetch) -> None:
        """Take over one file's results; begun again, it takes only those that are not there yet."""
        found = True
        try:
            async for group in _grouped(self._lines(command.file_id)):
                self._take(group)
        except errors.MoongateError as error:
            if error.status != 404:
                raise
            found = False
            log.warning("The %s file of batch part %d is not there: %s", command.which, command.part, error)
        self._journal.note(ev.Fetched(part=command.part, which=command.which, found=found))

    async def _lines(self, file_id: str) -> AsyncIterator[bytes]:
        rest, size = b"", 0
        async with self._upstream.pieces(filecalls.content(self._upstream.row, file_id)) as pieces:
            async for piece in pieces:
                size += len(piece)
                if size > filecalls.MAX_CONTENT_BYTES:
                    raise errors.TooLargeError(f"File {file_id!r} is larger than any result file.")
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    yield line + b"\n"
        if rest.strip():
            yield rest + b"\n"

    def _take(self, lines: list[bytes]) -> None:
        entries: list[Entry] = []
        taken = set[int]()
        for line in lines:
            index = self._index(line)
            if index is None or index in taken or self._journal.state.marks[index] & (DONE | FAILED):
                continue
            taken.add(index)
            outcome = outcome_of(line, index, self._upstream.row, self._tariff, model=self._model)
            entries.append((ev.Settled(outcome=outcome), line))
        if entries:
            self._journal.apply(self._journal.commit(entries))

    def _index(self, line: bytes) -> int | None:
        name = named(line)
        index = None if name is None else self._names.index(name)
        if index is None and line.strip():
            log.warning("A result line belongs to no line of this job, and is left out.")
        return index

    def conclude(self, command: cmd.Conclude) -> None:
        """Settle what no file has a result for, and say whether it may have been charged."""
        place = self._journal.state.parts[command.part]
        kind, said, doubt = _missing(place)
        error = errors.UnavailableError(said)
        mine = list(indexes(self._journal.folder, place.part, self._names))
        left = [index for index in mine if not self._journal.state.marks[index] & (DONE | FAILED)]
        for at in range(0, len(left), GROUP):
            entries: list[Entry] = []
            for index, name in self._names.of(left[at : at + GROUP]):
                line = failed_line(name, error).replace(b'"unavailable"', b'"%b"' % kind.encode(), 1)
                entries.append((ev.Settled(outcome=Outcome(index=index, kind=kind, uncertain=doubt)), line))
            self._journal.apply(self._journal.commit(entries))
        nano = self._in_doubt(place, mine) if doubt else 0
        self._journal.note(ev.Concluded(part=command.part, nano=nano))

    def _in_doubt(self, place: st.PartState, indexes: Sequence[int]) -> int:
        """Return what those of a part's lines may have cost at most that failed in doubt."""
        marks = self._journal.state.marks
        try:
            return worst_nano(
                self._journal.folder, place.part, self._tariff, counts=lambda at: marks[indexes[at]] == FAILED | DOUBT
            )
        except errors.UsageError as error:  # the input is gone: no reason to keep results back
            log.warning("What may have been charged cannot be told: %s", error)
            return 0


async def _grouped(lines: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    group: list[bytes] = []
    async for line in lines:
        group.append(line)
        if len(group) == GROUP:
            yield group
            group = []
    if group:
        yield group


def _missing(place: st.PartState) -> tuple[str, str, bool]:
    """Return the kind, the sentence and the doubt for a part's lines without a result."""
    if place.missing:
        return "output_missing", "The batch ended, but the provider no longer has its result file.", True
    if place.batch_id is None and place.stage == "ended":
        return "uncertain", "Whether the batch of this line was created is not known, and it was left.", True
    if place.batch_id is None:
        return "cancelled", "The job was cancelled before this line was submitted.", False
    match place.status:
        case "completed":
            return "no_result", "The batch is completed, but no file has a result for this line.", True
        case "failed":
            return "batch_failed", "The provider refused the whole batch; its API does not say why.", False
        case "expired":
            return "expired", "The batch ran out of time before this line was answered.", False
        case _:
            return "cancelled", "The batch was cancelled before this line was answered.", False
