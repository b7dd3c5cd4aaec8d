"""A conversation on a real terminal: what is typed goes out, what came before goes along, Ctrl-D ends it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time


def read_until(terminal: int, wanted: bytes, *, limit_s: float = 30.0) -> bytes:
    """Return what the terminal shows until `wanted` is among it."""
    shown, ends = b"", time.monotonic() + limit_s
    while wanted not in shown and time.monotonic() < ends:
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 4096)
    assert wanted in shown, shown
    return shown


def test_a_conversation(named, server) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "moongate", "chat", "--no-color"],
        env=named,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        read_until(ours, b"> ")
        os.write(ours, b"good morning\n")
        read_until(ours, b"good morning\r\n> ")
        os.write(ours, b"and good night\n")
        read_until(ours, b"and good night\r\n> ")
        os.write(ours, b"\x04")
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    sent = server.requests[-1].json()["messages"]
    assert [(message["role"], message["content"]) for message in sent] == [
        ("user", "good morning"),
        ("assistant", "good morning"),
        ("user", "and good night"),
    ]


def test_an_empty_line_sends_nothing_and_an_error_ends_with_its_code(named, server) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "moongate", "chat", "-m", "kimi-k2-6"],
        env=named,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        read_until(ours, b"> ")
        os.write(ours, b"\nhello\n")
        read_until(ours, b"Nothing was sent.")
        assert process.wait(timeout=30) == 1
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert server.count("POST", "/v1/chat/completions") == 0
