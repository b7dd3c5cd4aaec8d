"""Settings decided from an environment, a folder and a home that the test makes up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from moongate.settings import Flags, Settings, load


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Return `home`, its `work` below it, and the user's `config`; all exist and are empty."""
    found = {"home": tmp_path / "h", "work": tmp_path / "h" / "src" / "work", "config": tmp_path / "config"}
    for folder in found.values():
        folder.mkdir(parents=True, exist_ok=True)
    return found


@pytest.fixture
def decide(folders: dict[str, Path]) -> Callable[..., Settings]:
    """Decide from an environment and flags, in the work folder."""

    def call(env: dict[str, str] | None = None, cwd: Path | None = None, **flags: object) -> Settings:
        environment = {"MOONGATE_CONFIG_DIR": str(folders["config"]), **(env or {})}
        return load(Flags(**flags), env=environment, cwd=cwd or folders["work"], home=folders["home"])  # type: ignore[arg-type]

    return call
