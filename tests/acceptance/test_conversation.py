"""A conversation on a real terminal: what is typed goes out, what came before goes along, Ctrl-D ends it."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator


def read_until(terminal: int, wanted: bytes, *, limit_s: float = 30.0) -> bytes:
    """Return what the terminal shows until `wanted` is among it."""
    shown, ends = b"", time.monotonic() + limit_s
    while wanted not in shown and time.monotonic() < ends:
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 4096)
    assert wanted in shown, shown
    return shown


@contextlib.contextmanager
def conversation(env: dict[str, str], *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start `moongate chat` on a terminal of its own; give the process and our end of the terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "moongate", "chat", *arguments]
    process = subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_a_conversation(named, server) -> None:
    with conversation(named, "--no-color") as (process, ours):
        read_until(ours, b"> ")
        os.write(ours, b"good morning\n")
        read_until(ours, b"good morning\r\n> ")
        os.write(ours, b"and good night\n")
        read_until(ours, b"and good night\r\n> ")
        os.write(ours, b"\x04")
        assert process.wait(timeout=30) == 0
    sent = server.requests[-1].json()["messages"]
    assert [(message["role"], message["content"]) for message in sent] == [
        ("user", "good morning"),
        ("assistant", "good morning"),
        ("user", "and good night"),
    ]


def test_an_empty_line_sends_nothing_and_an_error_ends_with_its_code(named, server) -> None:
    with conversation(named, "-m", "kimi-k2-6") as (process, ours):
        read_until(ours, b"> ")
        os.write(ours, b"\nhello\n")
        read_until(ours, b"Nothing was sent.")
        assert process.wait(timeout=30) == 1
    assert server.count("POST", "/v1/chat/completions") == 0
