"""A file that is written in one step, on a real disk."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from moongate.errors import StorageError
from moongate.store.atomic import replacing, write_lines


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != "home"}


def test_it_is_there_whole(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_bytes(b"before")
    with replacing(target) as file:
        file.write(b"after")
        assert target.read_bytes() == b"before"
    assert target.read_bytes() == b"after" and names(tmp_path) == {"out"}


def test_lines_are_written_and_counted(tmp_path: Path) -> None:
    assert write_lines(tmp_path / "out", iter([b"one\n", b"two\n"])) == 2
    assert (tmp_path / "out").read_bytes() == b"one\ntwo\n"


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with pytest.raises(ZeroDivisionError), replacing(target) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert names(tmp_path) == set()


def test_a_kill_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"before")
    code = (
        "import os, sys; from moongate.store.atomic import replacing\n"
        "with replacing(sys.argv[1]) as file:\n"
        "    file.write(b'x' * 3_000_000); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")]).returncode == -9
    assert (tmp_path / "out").read_bytes() == b"before"


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"before")
    (tmp_path / "link").symlink_to("real")
    with replacing(tmp_path / "link") as file:
        file.write(b"after")
    assert (tmp_path / "real").read_bytes() == b"after" and (tmp_path / "link").is_symlink()


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    with replacing(tmp_path / "pipe") as file:
        file.write(b"through")
    reader.join()
    assert got == [b"through"]


@pytest.mark.parametrize("name", ["missing/out", "."])
def test_a_place_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError, match="cannot be written"), replacing(tmp_path / name):
        pass
    assert names(tmp_path) == set()
