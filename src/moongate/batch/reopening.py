"""A retry: the failed lines of a job wait again, at a provider's batch API as parts of their own."""

from __future__ import annotations

from msgspec.structs import replace

from moongate.batch import events as ev
from moongate.batch.journal import Journal
from moongate.batch.marks import DOUBT, FAILED
from moongate.batch.opening import check_unchanged
from moongate.batch.records import Limits, Part
from moongate.batch.split import pick, split
from moongate.errors import UsageError


def reopen(journal: Journal, opened: ev.Opened, *, uncertain: bool) -> None:
    """Open failed lines again, those that may have been charged only when `uncertain`.

    Raises UsageError for a remote job that has not ended, or whose input has changed.
    """
    event = ev.Retried(uncertain=uncertain)
    if opened.mode == "local":
        journal.note(event)
        return
    if not journal.state.ended:
        raise UsageError(
            f"Job {journal.folder.name!r} has not ended: what fails is not known yet.", advice="Watch it to its end."
        )
    check_unchanged(journal.folder, opened)
    parts = _picked(journal, opened, uncertain)
    if parts:
        planned = (ev.Planned(part=part, name=f"moongate-{opened.tag}-{part.number}.jsonl") for part in parts)
        journal.note(event, *planned)


def _picked(journal: Journal, opened: ev.Opened, uncertain: bool) -> list[Part]:
    """Write the lines that a retry takes to a file of the job's folder, and return it as parts."""
    folder, number, marks = journal.folder, len(journal.state.parts), journal.state.marks
    again = [index for index in range(len(marks)) if _opens(marks[index], uncertain)]
    if not again:
        return []
    name = f"part-{number}.jsonl"
    pick(folder / opened.input, again, folder / name)
    (folder / name).chmod(0o600)
    return [replace(part, path=name) for part in split(folder / name, Limits(), number=number, first=again[0])]


def _opens(mark: int, uncertain: bool) -> bool:
    """Say whether a retry takes a line: what failed, and what may have been charged only when told to."""
    return bool(mark & FAILED) and (uncertain or not mark & DOUBT)
