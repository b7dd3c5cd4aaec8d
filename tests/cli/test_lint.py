"""`moongate lint`, as people and CI call it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Moongate = Callable[..., Any]
CODE = """\
client = OpenAI(base_url="https://api.moonshot.ai/v1")
client.chat.completions.create(model="moonshotai/kimi-k2.6")
client.chat.completions.create(model="kimi-k2-0711-preview")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one bad file, as the working directory."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text(CODE)
    monkeypatch.chdir(folder)
    return folder


def test_findings_end_in_one_and_none_in_zero(moongate: Moongate, project: Path) -> None:
    ran = moongate("lint")
    assert ran.code == 1
    assert "app.py:2:39: MG002" in ran.out
    assert "2 errors, 0 warnings in 1 file; --fix mends 1 of them." in ran.err
    (project / "app.py").write_text("x = 1\n")
    assert moongate("lint").code == 0


def test_json_has_the_documented_shape(moongate: Moongate, project: Path) -> None:
    told = moongate("lint", "--format", "json").json
    assert told["files"] == 1
    assert told == moongate("lint", "--json").json
    assert list(told["findings"][0]) == [
        "path", "line", "column", "code", "severity", "message", "reason", "found", "instead", "provider",
    ]  # fmt: skip
    assert told["findings"][0] | {"message": "", "reason": ""} == {
        "path": "app.py", "line": 2, "column": 39, "code": "MG002", "severity": "error", "message": "", "reason": "",
        "found": "moonshotai/kimi-k2.6", "instead": "kimi-k2.6", "provider": "moonshot",
    }  # fmt: skip


def test_fix_writes_and_diff_does_not(moongate: Moongate, project: Path) -> None:
    ran = moongate("lint", "--diff")
    assert '+client.chat.completions.create(model="kimi-k2.6")' in ran.out
    assert (project / "app.py").read_text() == CODE
    ran = moongate("lint", "--fix", "--select", "MG002")
    assert ran.code == 0
    assert (project / "app.py").read_text() == CODE.replace("moonshotai/kimi-k2.6", "kimi-k2.6")


def test_saved_lists_come_before_hints(moongate: Moongate, project: Path) -> None:
    (project / "lists").mkdir()
    body = {"object": "list", "data": [{"id": "kimi-k2-0711-preview"}, {"id": "moonshotai/kimi-k2.6"}]}
    (project / "lists" / "moonshot.json").write_text(json.dumps(body))
    ran = moongate("lint", "app.py", "--lists", "lists")
    assert ran.code == 0, ran.out
    assert moongate("lint", "--lists", "nowhere").code == 2


def test_settings_of_the_project_count(moongate: Moongate, project: Path) -> None:
    (project / "moongate.toml").write_text('[lint]\nignore = ["MG002"]\nseverity = { MG003 = "warning" }\n')
    ran = moongate("lint")
    assert ran.code == 0
    assert "MG003" in ran.out
    (project / "moongate.toml").write_text('[lint]\nignor = ["MG002"]\n')
    assert moongate("lint").code == 2


def test_a_lock_binds_what_nothing_else_does(moongate: Moongate, project: Path) -> None:
    (project / "app.py").write_text('MODEL = "kimi-k2.6"\n')
    (project / "moongate.lock").write_text(
        'version = 1\ndefault = "openrouter"\n[endpoints.openrouter]\nbase_url = "https://openrouter.ai/api/v1"\n'
        'listed_at = 2026-11-01T00:00:00Z\nsha256 = "0"\ntotal = 1\nlisted = ["moonshotai/kimi-k2.6"]\n'
        '[endpoints.openrouter.ids."moonshotai/kimi-k2.6"]\n'
    )
    told = moongate("lint", "--json").json["findings"]
    assert [(f["code"], f["provider"], f["instead"]) for f in told] == [
        ("MG002", "openrouter", "moonshotai/kimi-k2.6")
    ]
    assert "lock" in told[0]["reason"]


def test_live_lists_are_fetched_only_when_asked_for(
    moongate: Moongate, project: Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "app.py").write_text(f'c = OpenAI(base_url="{server.base_url}")\nc.create(model="kimi-k2.6")\n')
    before = len(server.requests)
    assert moongate("lint").code == 0
    assert len(server.requests) == before


def test_wrong_usage_ends_in_two(moongate: Moongate, project: Path) -> None:
    assert moongate("lint", "nowhere.py").code == 2
    assert moongate("lint", "--select", "XX").code == 2
    assert moongate("lint", "--format", "sarif", "--statistics").code == 2


def test_statistics_count_by_rule(moongate: Moongate, project: Path) -> None:
    ran = moongate("lint", "--statistics")
    assert ran.out.splitlines() == ["code\tname\tfindings", "MG002\tforeign-id\t1", "MG003\tretired-id\t1"]
