"""Numbers of several workers: real processes count, anybody adds up, nothing that was counted is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from moongate.errors import StorageError
from moongate.gateway import counts
from moongate.gateway.counts import Counts, read_all
from moongate.gateway.metrics import rendered

WORKER = """
import sys, pathlib
from moongate.gateway.counts import Counts
counts = Counts(pathlib.Path(sys.argv[1]))
for _ in range(1000):
    counts.ended(("main", "kimi-k2.6", "ok", "USD"), (10, 5, 2, 1, 3), None)
counts.stands("workers", 1)
counts.flush()
print("counted", flush=True)
sys.stdin.read()
"""


def test_workers_add_up_and_the_dead_ones_calls_stay(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "counted\n"
    assert _value(read_all(tmp_path), "moongate_calls") == 3000
    assert _value(read_all(tmp_path), "moongate_workers") == 3
    workers[0].kill()
    workers[0].wait()
    assert _value(read_all(tmp_path), "moongate_calls") == 3000
    assert _value(read_all(tmp_path), "moongate_workers") == 2
    for worker in workers:
        worker.communicate(timeout=10)
    assert _value(read_all(tmp_path), "moongate_workers") == 0


def _value(read: list[counts.Read], name: str) -> float:
    families = {family.name: family for family in text_string_to_metric_families(rendered(read))}
    return sum(sample.value for sample in families[name].samples) if name in families else 0


def test_without_a_folder_the_numbers_are_this_processes_own() -> None:
    one, other = Counts(), Counts()
    one.answered("/v1/models", 200)
    assert [read.cells for read in one.all()] == [(1,)]
    assert other.all() == []
    one.close()
    other.close()


def test_times_fall_into_their_buckets() -> None:
    held = Counts()
    for seconds in (0.05, 0.1, 0.11, 10_000.0):
        held.ended(("main", "kimi-k2.6", "ok", "USD"), (0, 0, 0, 0, 0), (seconds, 0.0003, None))
    (read,) = [each for each in held.all() if each.kind == "times"]
    assert (read.cells[1], read.cells[2], read.cells[len(counts.SECONDS) + 1]) == (2, 1, 1)
    assert read.cells[0] == 10_000_260_000
    overhead = read.cells[len(counts.SECONDS) + 2 :]
    assert (overhead[0], overhead[3]) == (1200, 4)
    assert sum(overhead[len(counts.MILLISECONDS) + 2 :]) == 0  # no first byte came
    held.close()


def test_more_names_than_there_is_room_for_are_counted_together() -> None:
    held = Counts()
    for number in range(10_000):
        held.ended(("main", f"model-{number}", "ok", "USD"), (0, 0, 0, 0, 1), None)
    read = held.all()
    assert sum(each.cells[0] for each in read) == 10_000
    assert dict(read[-1].labels)["model"] == "other"
    held.close()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        Counts(tmp_path / "file")


def test_what_is_no_file_of_ours_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "x.counts").write_bytes(b"?")
    assert read_all(tmp_path) == []


def test_each_gateway_has_a_folder_of_its_own_and_what_a_killed_one_left_goes(tmp_path: Path) -> None:
    database = tmp_path / "gateway.sqlite3"
    with counts.shared_folder(database) as one:
        left = one.with_name("left")
        left.mkdir()
        Counts(left).close()
        with counts.shared_folder(database) as other:
            assert one != other
            assert one.exists()
            assert not left.exists()
            held = Counts(other)
            held.answered("/x", 200)
            held.flush()
            assert [read.cells for read in read_all(other)] == [(1,)]
            assert read_all(one) == []
            held.close()
        assert not other.exists()
    assert not one.exists()


FULL_DISK = """
import os, pathlib, resource, sys
from moongate.gateway import counts as module
from moongate.gateway.counts import Counts, read_all
folder = pathlib.Path(sys.argv[1])
counts = Counts(folder)
for limit in (resource.RLIM_INFINITY, 1):  # room for a while, and then no more
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for number in range(400):
        counts.ended(("main", f"model-{limit}-{number}", "ok", "USD"), (10, 5, 2, 1, 3), (1.0, 0.1, None))
        counts.flush()
calls = [one for one in read_all(folder) if one.kind == "calls"]
print(sum(one.cells[0] for one in calls), 400 <= len(calls) < 800, dict(calls[-1].labels)["model"])
with next(folder.iterdir()).open("rb") as file:
    ends = [os.lseek(file.fileno(), start, os.SEEK_HOLE) - start for start in (0, module.CELLS * 8)]
print([end <= room for end, room in zip(ends, (counts._room[0] * 8, counts._room[1]))])
"""


def test_no_page_is_written_that_a_full_disk_might_not_give(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path / "counts")], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["800 True other", "[True, True]"], done.stderr


NO_DISK = """
import pathlib, resource, sys
from moongate.errors import StorageError
from moongate.gateway.counts import Counts
resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
try:
    Counts(pathlib.Path(sys.argv[1]))
except StorageError as error:
    print(error)
"""


def test_a_file_that_gets_no_room_is_not_left_behind(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", NO_DISK, str(tmp_path / "counts")], capture_output=True, text=True)
    assert "File too large" in done.stdout, done.stderr
    assert list((tmp_path / "counts").iterdir()) == []
