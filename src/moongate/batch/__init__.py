"""Many calls as one job: none lost, none repeated unsaid, through a provider's batch API or through ordinary chats.

Every job has a folder of its own below the data folder, `batches/JOB/`, mode 0700, that no other process may work on
at the same time (`lock`). In it: `journal.sqlite3` (mode 0600), the append-only events that say everything that was
intended, sent, answered and seen, from which the job's state is replayed; `answers.jsonl` (0600), the finished result
lines one after another as they came, each found by the offset and size that its event names (what lies behind the
last committed event is cut off at the next start); and, where the input is no batch file that stays where it is,
`input.jsonl`, the lines that were made from rows, a template or an iterable. Lines are counted from 0 in the order of
the input, blank ones left out; parts are stretches of that order. A retry's part is a file of its own,
`part-N.jsonl`.

`records` are what the files of this room hand each other; `state` decides (pure), `journal` keeps, `local` and
`remote` carry out.
"""

from __future__ import annotations

TYPE_CHECKING = False
__all__ = ["AsyncJob", "Job", "Progress", "Recipe"]

if TYPE_CHECKING:
    from typing import Any

    from moongate.batch.blocking import Job
    from moongate.batch.input import Recipe
    from moongate.batch.job import AsyncJob
    from moongate.batch.report import Progress

_HOMES = {
    "AsyncJob": "moongate.batch.job",
    "Job": "moongate.batch.blocking",
    "Progress": "moongate.batch.report",
    "Recipe": "moongate.batch.input",
}


def __getattr__(name: str) -> Any:
    import importlib

    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
