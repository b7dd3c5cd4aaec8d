"""Group commit: everything in order, once, and what a full disk refused is tried again at the end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from moongate.batch import events as ev
from moongate.batch.journal import Journal, look, results
from moongate.batch.records import Outcome
from moongate.batch.writer import Writer

OPENED = ev.Opened(
    job="j", mode="local", provider="p", base_url="", model="m", input="", sha256="", total=500, at=0.0
)


def test_events_are_told_in_order_after_they_are_on_the_disk_and_in_few_commits(tmp_path: Path) -> None:
    told: list[ev.AnyEvent] = []

    async def work() -> None:
        with Journal(tmp_path / "j") as journal:
            journal.note(OPENED, ev.Begun(at=1.0))

            def tell(events: tuple[ev.AnyEvent, ...]) -> None:
                told.extend(events)
                journal.apply(events)
                assert journal.state.tally.completed <= look(tmp_path / "j").tally.completed

            writer = Writer(journal, told=tell, failed=lambda error: None)
            for index in range(500):
                writer.put(ev.Sent(indexes=(index,), nano=1))
            for index in range(500):
                line = b"%d\n" % index
                outcome = Outcome(index=index, status=200, offset=writer.place(len(line)), size=len(line))
                writer.put(ev.Settled(outcome=outcome, nano=1), line)
                if index % 100 == 0:
                    await asyncio.sleep(0)
            assert await writer.close() is None

    before = sys.getswitchinterval()
    asyncio.run(work())
    assert sys.getswitchinterval() == before
    settled = [event.outcome.index for event in told if isinstance(event, ev.Settled)]
    sent = [index for event in told if isinstance(event, ev.Sent) for index in event.indexes]
    assert settled == sent == list(range(500))
    assert len([event for event in told if isinstance(event, ev.Sent)]) < 100
    assert [line for _, line in results(tmp_path / "j")] == [b"%d\n" % index for index in range(500)]
    assert look(tmp_path / "j").tally.reserved_nano == 0


FULL = """
import asyncio, resource, sys
from pathlib import Path
from moongate.batch import events as ev
from moongate.batch.journal import Journal
from moongate.batch.records import Outcome
from moongate.batch.writer import Writer

async def main():
    failed = []
    with Journal(Path(sys.argv[1])) as journal:
        writer = Writer(journal, told=journal.apply, failed=failed.append)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        for index in range(5):
            outcome = Outcome(index=index, status=200, offset=writer.place(10_000), size=10_000)
            writer.put(ev.Settled(outcome=outcome), b"x" * 9_999 + b"\\n")
            await asyncio.sleep(0.1)
        print(len(failed), journal.state.tally.completed)
        if sys.argv[2] == "heal":
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(await writer.close() is None, journal.state.tally.completed)

asyncio.run(main())
"""


def _full(folder: Path, how: str) -> list[str]:
    with Journal(folder) as journal:
        journal.note(OPENED, ev.Begun(at=1.0))
    return subprocess.run(
        [sys.executable, "-c", FULL, str(folder), how], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_what_a_full_disk_refused_is_tried_once_more_at_the_end(tmp_path: Path) -> None:
    told, ended = _full(tmp_path / "a", "heal")
    assert told.startswith("1 ") and ended == "True 5" and len(list(results(tmp_path / "a"))) == 5
    told, ended = _full(tmp_path / "b", "stay")
    assert told.startswith("1 ") and ended.startswith("False") and len(list(results(tmp_path / "b"))) < 5
