"""The journal on a real disk: what is committed is there, what is not leaves no trace, one process at a time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from moongate.batch import events as ev
from moongate.batch.journal import ANSWERS, JOURNAL, Journal, look, results
from moongate.batch.records import Outcome
from moongate.errors import StorageError, UsageError

OPENED = ev.Opened(job="j", mode="local", provider="p", base_url="", model="m", input="", sha256="", total=4, at=0.0)


def settled(index: int, kind: str = "") -> ev.Settled:
    return ev.Settled(outcome=Outcome(index=index, kind=kind, status=200))


def test_a_journal_read_again_is_the_same_job_and_results_come_in_input_order(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.note(OPENED, ev.Begun(at=1.0))
        journal.apply(journal.commit([(settled(3), b"three\n"), (settled(0, "bad_request"), b"zero\n")]))
        journal.apply(journal.commit([(settled(1), b"one\n")]))
        state = journal.state
    assert look(tmp_path / "j") == state
    assert list(results(tmp_path / "j")) == [(0, b"zero\n"), (1, b"one\n"), (3, b"three\n")]
    with Journal(tmp_path / "j") as journal:
        assert journal.state == state
        assert list(journal.results(ok=True)) == [(1, b"one\n"), (3, b"three\n")]
        journal.note(ev.Retried())
        journal.apply(journal.commit([(settled(0), b"zero again\n")]))
        assert list(journal.results(ok=False)) == []
        assert next(journal.results())[1] == b"zero again\n"


def test_everything_is_the_users_alone(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.note(OPENED)
        assert stat.S_IMODE((tmp_path / "j").stat().st_mode) == 0o700
        for path in (tmp_path / "j").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_what_lies_behind_the_last_committed_result_is_cut_off(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.note(OPENED, ev.Begun(at=1.0))
        journal.commit([(settled(0), b"zero\n")])
    with (tmp_path / "j" / ANSWERS).open("ab") as file:
        file.write(b"half of a line that no eve")
    with Journal(tmp_path / "j") as journal:
        journal.commit([(settled(1), b"one\n")])
    assert (tmp_path / "j" / ANSWERS).read_bytes() == b"zero\none\n"


def test_a_second_process_is_refused_and_a_dead_one_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from moongate.batch.journal import Journal; "
        "journal = Journal(Path(sys.argv[1]))"
    )
    folder = tmp_path / "j"
    with Journal(folder):
        with pytest.raises(UsageError, match="worked on by another process"):
            Journal(folder)
        other = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True)
        assert other.returncode == 1 and "worked on by another process" in other.stderr
    held = subprocess.Popen(
        [sys.executable, "-c", f"{code}; print(1, flush=True); sys.stdin.read()", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert held.stdout is not None and held.stdout.readline()
    with pytest.raises(UsageError):
        Journal(folder)
    held.kill()
    held.communicate()
    Journal(folder).close()


FULL = """
import resource, sys
from pathlib import Path
from moongate.batch import events as ev
from moongate.batch.journal import Journal
from moongate.batch.records import Outcome
from moongate.errors import StorageError
journal = Journal(Path(sys.argv[1]))
journal.note(ev.Begun(at=1.0))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
done = 0
try:
    for index in range(4):
        entry = ev.Settled(outcome=Outcome(index=index, status=200)), b"x" * 40_000 + b"\\n"
        journal.apply(journal.commit([entry]))
        done += 1
except StorageError as error:
    print(done, error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    journal.apply(journal.commit([entry]))
    print(journal.state.tally.completed)
"""


@pytest.mark.parametrize(("most", "survived"), [(100_000, 2), (30_000, 0)])
def test_a_disk_that_is_full_takes_nothing_that_was_committed_and_the_same_may_be_tried_again(
    tmp_path: Path, most: int, survived: int
) -> None:
    """A file size limit: what the disk does when it is full, for one process and without being root."""
    folder = tmp_path / "j"
    with Journal(folder) as journal:
        journal.note(OPENED)
    ran = subprocess.run([sys.executable, "-c", FULL, str(folder), str(most)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    first, second = ran.stdout.splitlines()
    assert first.startswith(f"{survived} ") and "cannot" in first and second == str(survived + 1)
    assert look(folder).tally.completed == survived + 1
    assert [len(line) for _, line in results(folder)] == [40_001] * (survived + 1)


def test_a_damaged_journal_is_said_so(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.note(OPENED)
    os.truncate(tmp_path / "j" / JOURNAL, 5000)
    with pytest.raises(StorageError, match=r"damaged|cannot"):
        Journal(tmp_path / "j")
