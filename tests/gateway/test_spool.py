"""Large bodies on the disk: the room is shared, and a disk that is full is no more than that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from moongate.gateway.spool import FullError, Spool

FULL_DISK = """
import pathlib, resource, sys
from moongate.gateway.spool import FullError, Spool
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
spool = Spool(pathlib.Path(sys.argv[1]))
body = spool.open()
try:
    while True:
        body.write(b"x" * 700)  # less than a buffer: what was not taken is still in it when the file is closed
except FullError as error:
    print(error)
body.close()
body.close()
print(spool.used)
"""


def test_bodies_share_the_room_and_give_it_back_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path, most_bytes=10)
    one, other = spool.open(), spool.open()
    one.write(b"123456")
    with pytest.raises(FullError, match="10 bytes are in use"):
        other.write(b"12345")
    assert (bytes(one.whole()), spool.used) == (b"123456", 6)
    one.close()
    one.close()
    assert spool.used == 0
    other.write(b"1234567890")
    assert bytes(other.whole()) == b"1234567890"
    with pytest.raises(FullError, match="the body was closed"):
        one.whole()
    other.close()


def test_a_body_that_the_disk_did_not_take_is_closed_without_a_fault(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()) == (0, ["[Errno 27] File too large", "0"]), done.stderr
