"""Every test begins with an empty home and no provider, proxy or key in its environment.

The embedded model's weights stay where they are: their folder is worked out here, before anything is taken away.
"""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import platformdirs
import pytest

os.environ.setdefault("MOONGATE_TEST_CACHE", str(platformdirs.user_cache_path("moongate")))
hypothesis.settings.register_profile("moongate", deadline=None, database=None, max_examples=60)
hypothesis.settings.load_profile("moongate")

_OURS = ("MOONSHOT", "MOONGATE_", "KIMI_", "OPENROUTER_", "AIMLAPI_", "AIML_", "OPENAI_", "ANTHROPIC_")
_FOLDERS = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home of this test, an empty folder."""
    for name in tuple(os.environ):
        if (name.startswith(_OURS) and name != "MOONGATE_TEST_CACHE") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in _FOLDERS:
        monkeypatch.setenv(name, str(home / name.lower()))
    for kind in ("cache", "data", "config"):
        monkeypatch.setenv(f"MOONGATE_{kind.upper()}_DIR", str(home / kind))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return home


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that skipped anything where nothing may be skipped: the gate has every program that tests need."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("MOONGATE_NO_SKIP") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("skipped tests count as failures here (MOONGATE_NO_SKIP)", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
