"""Standard streams that are closed, full, or cannot show every letter: real processes, through a shell."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def shell(line: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a shell line in which $M is the command."""
    command = f"{sys.executable} -m moongate"
    return subprocess.run(
        ["sh", "-c", line],
        env=os.environ | {"M": command} | env,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
    )


@pytest.mark.parametrize("command", ["--version", "--help", "chat hi", "chat hi --json", "models", "models --json"])
def test_a_full_stdout_is_told_in_one_line(server, command) -> None:
    ran = shell(f"$M {command} </dev/null >/dev/full")
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert "Exception" not in ran.stderr


@pytest.mark.parametrize("command", ["--version", "chat hi", "chat hi --json --stream", "models"])
def test_a_closed_stdout_is_nobody_listening(server, command) -> None:
    ran = shell(f"$M {command} </dev/null >&-")
    assert ran.returncode in (0, 2)
    assert "Traceback" not in ran.stderr
    assert "foresee" not in ran.stderr


def test_a_closed_stdin_is_no_conversation(server) -> None:
    assert shell("$M chat hi <&-").stdout == "hi\n"
    ran = shell("$M chat <&-")
    assert ran.returncode == 2
    assert "There is no prompt." in ran.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_letters_that_the_terminal_cannot_show_cost_no_answer(server, encoding) -> None:
    ran = shell("echo 'héllo ☃' | $M chat", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert ran.returncode == 0
    assert "llo" in ran.stdout
    assert shell("$M check </dev/null", PYTHONIOENCODING=encoding).returncode == 0


def test_a_prompt_in_another_locale_arrives_as_it_was_typed(server) -> None:
    ran = shell("$M chat 'münchen' </dev/null", LC_ALL="POSIX", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert ran.returncode == 0
    assert server.requests[-1].json()["messages"][0]["content"] == "münchen"
