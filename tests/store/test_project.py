"""Where a project's files are looked for, and what is said about TOML that cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moongate.errors import ConfigError
from moongate.store import project


def test_upward_to_the_repository_s_root(tmp_path: Path) -> None:
    inner = tmp_path / "repository" / "packages" / "one"
    inner.mkdir(parents=True)
    (tmp_path / "repository" / ".git").mkdir()
    found = list(project.folders(inner, tmp_path / "home"))
    assert [folder.name for folder in found] == ["one", "packages", "repository"]


def test_not_above_the_home_folder(tmp_path: Path) -> None:
    inner = tmp_path / "home" / "one"
    inner.mkdir(parents=True)
    assert list(project.folders(inner, tmp_path / "home")) == [inner, tmp_path / "home"]


def test_not_in_another_user_s_folder(tmp_path: Path) -> None:
    assert list(project.folders(tmp_path, tmp_path, uid=os.getuid() + 1)) == []
    assert project.belongs_to(tmp_path) and not project.belongs_to(tmp_path, os.getuid() + 1)
    assert not project.belongs_to(tmp_path / "absent")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = 1\nb = \n", "line 2"),
        (b"\xff", "not valid TOML"),
        (b"a = " + b"[" * 60_000, "nested too deeply"),
        (b"#" * 100_001, "larger than 100000 bytes"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        project.toml(tmp_path / "a.toml", max_bytes=100_000)


def test_a_file_that_is_absent_and_one_with_a_byte_order_mark(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        project.toml(tmp_path / "absent.toml", max_bytes=10)
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert project.toml(tmp_path / "a.toml", max_bytes=10) == {"a": 1}
