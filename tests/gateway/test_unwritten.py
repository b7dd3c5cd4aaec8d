"""A disk that takes nothing for a while: calls are refused or go on, as configured, and nothing is lost unsaid."""

from __future__ import annotations

import errno

import pytest

from moongate.errors import StorageError
from moongate.gateway import unwritten
from moongate.gateway.unwritten import OnFull, Unwritten


class Disk:
    """Where lines are written, as long as there is room."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.room = 0

    def write(self, line: bytes) -> None:
        if len(self.lines) >= self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.lines.append(line)


def lines_for(disk: Disk, on_full: OnFull) -> Unwritten:
    return Unwritten(disk.write, on_full)


FULL = OSError(errno.ENOSPC, "No space left on device")


def test_refusing_lets_no_call_begin_and_keeps_the_line_of_the_one_that_was_made(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = Disk()
    waiting = lines_for(disk, "refuse")
    with pytest.raises(StorageError, match="No space left"):
        waiting.keep(b"1", FULL)
    with pytest.raises(StorageError, match="No space left"):
        waiting.check()
    waiting.retry()
    waiting.recovered()
    assert (waiting.shut, waiting.waiting) == (True, 1)
    assert waiting.trouble == "the disk is full: calls are refused"
    disk.room = 1
    waiting.retry()
    waiting.recovered()
    waiting.check()
    assert (disk.lines, waiting.waiting, waiting.trouble) == ([b"1"], 0, None)
    assert "DOES NOT TAKE" in caplog.text
    assert "calls are refused" in caplog.text
    assert "nothing is lost" in caplog.text


def test_going_on_keeps_lines_in_order_until_there_is_room(caplog: pytest.LogCaptureFixture) -> None:
    disk = Disk()
    waiting = lines_for(disk, "go_on")
    for line in (b"1", b"2", b"3"):
        waiting.keep(line, FULL)
        waiting.check()
    disk.room = 2
    waiting.retry()
    assert (disk.lines, waiting.waiting) == ([b"1", b"2"], 1)
    disk.room = 3
    waiting.retry()
    assert disk.lines == [b"1", b"2", b"3"]
    assert "no budget holds" in caplog.text


def test_what_is_too_much_for_the_memory_is_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(unwritten, "MOST", 2)
    disk = Disk()
    waiting = lines_for(disk, "go_on")
    for line in (b"1", b"2", b"3"):
        waiting.keep(line, FULL)
    disk.room = 9
    waiting.retry()
    waiting.recovered()
    assert disk.lines == [b"1", b"2"]
    assert "1 settled calls are lost" in caplog.text


def test_only_a_full_disk_is_blamed_on_the_disk() -> None:
    waiting = lines_for(Disk(), "go_on")
    locked = StorageError("locked")
    locked.__cause__ = OSError(errno.EACCES, "Permission denied")
    assert not waiting.blames(locked)
    full = StorageError("full")
    full.__cause__ = FULL
    assert waiting.blames(full)
    assert waiting.full


def test_lines_that_still_wait_at_the_end_are_told_as_lost(caplog: pytest.LogCaptureFixture) -> None:
    disk = Disk()
    waiting = lines_for(disk, "go_on")
    for line in (b"1", b"2", b"3"):
        waiting.keep(line, FULL)
    disk.room = 1
    waiting.give_up()
    assert (disk.lines, waiting.waiting) == ([b"1"], 2)
    assert "2 SETTLED CALLS ARE LOST" in caplog.text
    caplog.clear()
    disk.room = 3
    waiting.give_up()
    assert (disk.lines, caplog.text) == ([b"1", b"2", b"3"], "")
