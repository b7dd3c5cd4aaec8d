"""moongate as a user runs it: a process of its own, in an environment of its own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from moongate.settings.load import scrubbed
from moongate.testing import MoonshotServer

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home folder."""
    (tmp_path / "home").mkdir(exist_ok=True)
    return tmp_path / "home"


@pytest.fixture
def env(home: Path) -> dict[str, str]:
    """An environment without any key, whose folders all lie below the empty home."""
    plain = {name: value for name, value in scrubbed().items() if not name.startswith(("MOONGATE_", "XDG_"))}
    return plain | {"HOME": str(home)}


@pytest.fixture
def server() -> Iterator[MoonshotServer]:
    """A server that lists only kimi-k2.6."""
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        yield server


@pytest.fixture
def named(env: dict[str, str], server: MoonshotServer) -> dict[str, str]:
    """The environment that names the server as Moonshot."""
    return env | {"MOONSHOT_BASE_URL": server.base_url, "MOONSHOT_API_KEY": server.key}


@pytest.fixture
def run() -> Run:
    """Run one command line as a process and return what came of it."""

    def call(
        *arguments: str,
        env: Mapping[str, str],
        cwd: Path | None = None,
        largest_file: int | None = None,
        timeout_s: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        def limited() -> None:
            if largest_file is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

        bytecode = {} if largest_file is None else {"PYTHONDONTWRITEBYTECODE": "1"}  # it would be kept, cut short
        return subprocess.run(
            [sys.executable, "-m", "moongate", *arguments],
            env=dict(env) | bytecode,
            cwd=cwd or env["HOME"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            preexec_fn=limited if os.name == "posix" else None,
        )

    return call


@pytest.fixture
def questions(tmp_path: Path) -> Callable[[int], Path]:
    """Return what writes a batch file of so many lines, `in.jsonl` with q0, q1, …, and returns its folder."""

    def write(count: int) -> Path:
        with (tmp_path / "in.jsonl").open("w", encoding="utf-8") as file:
            for number in range(count):
                body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": f"question {number}"}]}
                line = {"custom_id": f"q{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
                file.write(json.dumps(line) + "\n")
        return tmp_path

    return write
