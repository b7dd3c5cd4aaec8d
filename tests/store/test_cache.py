"""Lists on disk: private, whole or absent, whatever happens while they are written."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from moongate.errors import StorageError
from moongate.store.cache import Entry, ListCache

URL = "https://api.moonshot.ai/v1"


@pytest.fixture
def cache(tmp_path: Path) -> ListCache:
    return ListCache(folder=tmp_path / "deep" / "lists")


def _entry(url: str = URL, fingerprint: str = "f", fetched_at: float = 5.0, body: str = "{}") -> Entry:
    return Entry(base_url=url, fingerprint=fingerprint, fetched_at=fetched_at, attempted_at=fetched_at, body=body)


def test_there_and_back(cache: ListCache) -> None:
    assert cache.read(URL, "f") is None
    cache.write(_entry(body='{"data":[]} 月'))
    assert cache.read(URL, "f") == _entry(body='{"data":[]} 月')
    assert cache.read(URL, "g") is None and cache.read(URL + "x", "f") is None


def test_files_and_folder_are_private_whatever_the_umask(cache: ListCache) -> None:
    before = os.umask(0)
    try:
        cache.write(_entry())
        with cache.alone(URL, "f", timeout_s=1):
            modes = {stat.S_IMODE(path.stat().st_mode) for path in cache.folder.iterdir()}
    finally:
        os.umask(before)
    assert modes == {0o600} and stat.S_IMODE(cache.folder.stat().st_mode) == 0o700


def test_an_entry_in_anothers_place_is_not_read(cache: ListCache) -> None:
    cache.write(_entry())
    cache.write(_entry(url="https://evil.example/v1", body="evil"))
    ours, theirs = (cache._path(url, "f") for url in (URL, "https://evil.example/v1"))
    theirs.replace(ours)
    assert cache.read(URL, "f") is None


@pytest.mark.parametrize("place", ["file", "/dev/null/x", "/proc/x"])
def test_a_folder_that_cannot_be_is_a_storage_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = ListCache(folder=tmp_path / place)
    with pytest.raises(StorageError, match="cannot be written") as caught:
        cache.write(_entry())
    assert "MOONGATE_CACHE_DIR" in caught.value.advice
    assert cache.read(URL, "f") is None and cache.seen_elsewhere("f", besides=URL) == ()
    with cache.alone(URL, "f", timeout_s=0.1):
        pass


FULL = """
import resource, sys
from pathlib import Path
from moongate.errors import StorageError
from moongate.store.cache import Entry, ListCache
resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))  # after the imports: Python would keep bytecode cut short by it
try:
    ListCache(folder=Path(sys.argv[1])).write(Entry(base_url="u", fingerprint="f", body="x" * 9999))
except StorageError as error:
    print(error)
"""


def test_a_full_disk_leaves_nothing_behind(cache: ListCache) -> None:
    ran = subprocess.run([sys.executable, "-c", FULL, str(cache.folder)], capture_output=True, text=True, check=True)
    assert "cannot be written" in ran.stdout and list(cache.folder.iterdir()) == []


WRITE = """
import sys
from pathlib import Path
from moongate.store.cache import Entry, ListCache
cache, number = ListCache(folder=Path(sys.argv[1])), 0
while True:
    number += 1
    body = f"{number}:" + "x" * 200_000 + f":{number}"
    cache.write(Entry(base_url="u", fingerprint="f", fetched_at=float(number), body=body))
    if number == 1:
        print("writing", flush=True)
"""


def test_a_kill_while_writing_leaves_a_whole_entry(cache: ListCache) -> None:
    for delay in (0.0, 0.003, 0.011):
        with subprocess.Popen([sys.executable, "-c", WRITE, str(cache.folder)], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None and child.stdout.readline() == b"writing\n"
            time.sleep(delay)
            child.send_signal(signal.SIGKILL)
        entry = cache.read("u", "f")
        assert entry is not None
        first, _, last = entry.body.split(":")
        assert first == last == str(int(entry.fetched_at))


def test_one_at_a_time_and_the_lock_is_never_waited_for_forever(cache: ListCache) -> None:
    inside = threading.Event()
    leave = threading.Event()
    order = []

    def hold() -> None:
        with cache.alone(URL, "f", timeout_s=10):
            inside.set()
            leave.wait(10)
            order.append("holder")

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(10)
    with cache.alone(URL, "f", timeout_s=0.05):
        order.append("impatient")  # two lists fetched are better than none
    with cache.alone(URL, "other key", timeout_s=10):
        order.append("other")
    leave.set()
    with cache.alone(URL, "f", timeout_s=10):
        order.append("patient")
    holder.join()
    assert order == ["impatient", "other", "holder", "patient"]


def test_where_else_a_key_got_a_list(cache: ListCache) -> None:
    for url, fingerprint, fetched_at in (("a", "f", 1.0), ("b", "f", 0.0), ("c", "g", 1.0), (URL, "f", 1.0)):
        cache.write(_entry(url=url, fingerprint=fingerprint, fetched_at=fetched_at))
    (cache.folder / "junk.json").write_bytes(b"\xff")
    assert cache.seen_elsewhere("f", besides=URL) == ("a",)


def test_what_killed_writers_left_is_swept_away(cache: ListCache) -> None:
    cache.write(_entry())
    old, young = cache.folder / ".new-old", cache.folder / ".new-young"
    old.touch()
    young.touch()
    os.utime(old, (0, 0))
    cache.write(_entry())
    assert (old.exists(), young.exists()) == (False, True)
