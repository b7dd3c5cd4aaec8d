"""The first thing a newcomer runs: the real embedded model, and keys in the environment that it must not touch."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None, reason="xllamacpp is not installed: pip install 'moongate[local]'"
)


def alive_with(mark: str) -> list[str]:
    """Return the processes whose environment holds a mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it ended meanwhile, or is not ours to read
            continue
    return found


def test_the_demo(run, named, server, tmp_path) -> None:
    mark = f"MARK_OF_THIS_TEST={tmp_path}"
    env = named | dict([mark.split("=", 1)]) | {
        "MOONGATE_CACHE_DIR": os.environ["MOONGATE_TEST_CACHE"],
        "KIMI_API_KEY": "sk-of-the-user",
        "OPENROUTER_API_KEY": "",
        "MOONGATE_PROVIDER": "aimlapi",
    }  # fmt: skip
    ran = run("demo", env=env)
    assert ran.returncode == 0, ran.stderr
    for fact in ("key", "base_url", "models", "model", "balance", "estimate", "chat", "reconcile"):
        assert f"verified   {fact}" in ran.stdout
    assert "does not list 'SmolLM2-135m-instruct'" in ran.stderr
    assert "does not list 'kimi-k2.6'" in ran.stderr
    assert "fictional" in ran.stdout
    assert server.requests == ()
    assert server.key not in ran.stdout + ran.stderr
    assert alive_with(mark) == []
