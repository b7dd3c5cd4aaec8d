"""`moongate serve --check-config`: faults by file and line on stdout, exit code 2, nothing served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

FAULTY = '[gateway]\nhosts = 3\n\n[gateway.upstreams.a]\nprovider = "moonshot"\nkey_env = "NOT_SET"\n'


def test_faults_are_named_by_file_and_line(moongate: Any, tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(FAULTY)
    ran = moongate("serve", "--check-config", "--config", str(path))
    assert ran.code == 2
    first, second = ran.out.splitlines()
    assert first == f"{path}:2: [gateway] hosts is 3, expected a list of texts."
    assert second.startswith(f"{path}:6: [gateway.upstreams.a]: The variable NOT_SET is not set.")
    told = moongate("serve", "--check-config", "--config", str(path), "--json").json
    assert told["ok"] is False
    assert [(fault["line"], fault["setting"]) for fault in told["faults"]] == [
        (2, "gateway.hosts"),
        (6, "gateway.upstreams.a.key_env"),
    ]


def test_nothing_wrong_is_exit_code_0(moongate: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOT_SET", "sk-set")
    path = tmp_path / "gate.toml"
    path.write_text(FAULTY.replace("3", '["gate.example"]'))
    ran = moongate("serve", "--check-config", "--config", str(path))
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        "nothing wrong; upstreams: Moonshot\n  a: https://api.moonshot.ai/v1, key 8d4f0386… from NOT_SET\n"
    )
    assert moongate("serve", "--check-config", "--config", str(path), "--json").json == {"ok": True, "faults": []}


def test_a_key_that_others_can_read_is_noted(moongate: Any, tmp_path: Path) -> None:
    key, path = tmp_path / "key", tmp_path / "gate.toml"
    key.write_text("sk-aaaaaaaa\n")
    path.write_text(f'[gateway.upstreams.a]\nprovider = "moonshot"\nkey_file = "{key}"\n')
    for mode, noted in ((0o644, True), (0o600, False)):
        key.chmod(mode)
        ran = moongate("serve", "--check-config", "--config", str(path))
        assert ran.code == 0
        assert (f"note: '{key}' holds a key, and others than its owner can read it" in ran.err) == noted
