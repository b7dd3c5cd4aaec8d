"""A faithful server named by the environment, and the command line run in this process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from moongate.cli.main import run
from moongate.testing import MoonshotServer


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MoonshotServer]:
    """A server that lists only kimi-k2.6, which the environment names as Moonshot."""
    with MoonshotServer(models=["kimi-k2.6"]) as server:
        monkeypatch.setenv("MOONSHOT_BASE_URL", server.base_url)
        monkeypatch.setenv("MOONSHOT_API_KEY", server.key)
        yield server


@pytest.fixture(autouse=True)
def nothing_piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard input is there, and empty."""
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield


@pytest.fixture
def moongate(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run one command line."""

    def call(*arguments: str) -> Ran:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Ran(code=code, out=captured.out, err=captured.err)

    return call


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository's root, as the working directory."""
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Iterator[MoonshotServer]:
    """A server that lists what OpenRouter does, which the environment names as that."""
    with MoonshotServer(dialect="openrouter") as router:
        monkeypatch.setenv("OPENROUTER_BASE_URL", router.base_url)
        yield router
