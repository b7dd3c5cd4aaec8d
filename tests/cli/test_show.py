"""What reaches a terminal: a real pseudo-terminal, a real process."""

from __future__ import annotations

import logging
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from moongate.cli import show
from moongate.testing import Answer, Fault


def on_a_terminal(*arguments: str, stderr_too: bool = True) -> bytes:
    """Run moongate on a pseudo-terminal and return what it wrote there."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "moongate", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=child,
        stderr=child if stderr_too else subprocess.DEVNULL,
    )
    os.close(child)
    written = bytearray()
    while True:
        try:
            piece = os.read(parent, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(parent)
    process.wait(timeout=30)
    return bytes(written)


EVIL = "before\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b31m\x08\u202eafter"


def test_an_answer_cannot_drive_the_terminal(server) -> None:
    server.replies = [Answer(EVIL)]
    written = on_a_terminal("chat", "hi", "--no-stream", "--no-color").decode()
    assert "before" in written
    assert "red" in written
    assert not any(mark in written for mark in ("\x1b", "\x9b", "\x07", "\x08", "\u202e"))


def test_nor_can_a_stream_that_splits_its_sequences(server) -> None:
    server.replies = [Answer(EVIL)]
    written = on_a_terminal("chat", "hi", "--no-color").decode()
    assert not any(mark in written for mark in ("\x1b", "\x9b", "\x07", "\x08", "\u202e"))


def test_nor_can_a_providers_message(server) -> None:
    server.inject(Fault(path="/models", status=403, body={"error": {"message": EVIL, "type": "x"}}))
    assert b"\x1b" not in on_a_terminal("models", "--no-color")


def test_nor_can_an_id(server) -> None:
    server.inject(Fault(path="/models", status=200, body={"data": [{"id": "kimi\x1b[31m"}, {"id": "kimi-k2.6"}]}))
    written = on_a_terminal("models", "--no-color", stderr_too=False)
    assert b"kimi-k2.6" in written
    assert b"\x1b" not in written


def test_no_color_is_obeyed(server, monkeypatch) -> None:
    assert b"\x1b[32m" in on_a_terminal("check")
    monkeypatch.setenv("NO_COLOR", "1")
    assert b"\x1b[" not in on_a_terminal("check")


def test_a_reader_that_leaves_is_no_error(server) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "moongate", "models"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=30)
    assert err == b""


@pytest.fixture
def logged() -> Iterator[logging.Logger]:
    """The library's log, left as it was."""
    log = logging.getLogger("moongate")
    before = log.handlers, log.propagate, log.level
    yield log
    log.handlers, log.propagate, log.level = before


def _fails(log: logging.Logger) -> None:
    try:
        os.environ["SK_SECRET"]
    except KeyError:
        log.exception("a call failed")


def test_a_fault_in_the_log_is_told_with_its_place_and_whole_with_debug(
    logged: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    show.log_to_stderr(show.Show())
    _fails(logged)
    told = capsys.readouterr().err
    assert re.fullmatch(r"error: a call failed \(KeyError in [^;]+, line \d+; --debug shows all of it\)\n", told)
    show.log_to_stderr(show.Show(debug=True))
    _fails(logged)
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_quiet_leaves_errors(logged: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    show.log_to_stderr(show.Show(quiet=True))
    logged.warning("a warning")
    logged.error("an error")
    assert capsys.readouterr().err == "error: an error\n"
