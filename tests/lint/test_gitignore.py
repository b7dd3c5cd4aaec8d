"""What git ignores, held against git itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from moongate.lint.gitignore import Ignores
from moongate.lint.walk import files

PATTERNS = [
    r"*.log",
    r"build",
    r"/top.py",
    r"docs/*.md",
    r"a/**/z.py",
    r"!keep.log",
    r"**/deep/*.js",
    r"x[0-9].py",
    r"data/",
    r"\#odd",
    r"we?rd",
]
PATHS = (
    *("a.log", "keep.log", "s/build/x.py", "top.py", "s/top.py", "docs/a.md", "docs/s/a.md", "a/z.py", "a/b/c/z.py"),
    *("q/deep/f.js", "x1.py", "xy.py", "data/f.py", "s/data/f.py", "#odd", "weird", "other.py"),
)


def test_as_git_has_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("\n".join(PATTERNS) + "\n")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / ".gitignore").write_text("!top.py\nnested.py\n")
    (tmp_path / ".git" / "info" / "exclude").write_text("excluded.py\n")
    for path in [*PATHS, "s/nested.py", "excluded.py"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    listed = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "-oc", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    by_git = {line.strip('"') for line in listed.stdout.splitlines()}
    by_us = {path.removeprefix(f"{tmp_path}/") for path in files([str(tmp_path)])}
    skipped = {path for path in by_git if path.endswith(".log") or path.startswith("s/build")}
    assert by_us - {".gitignore", "s/.gitignore"} == by_git - {".gitignore", "s/.gitignore"} - skipped | (
        by_us & skipped
    )


@pytest.mark.parametrize(("path", "ignored"), [("a.py", False), ("b/c.gen.py", True), ("tests/x/y.py", True)])
def test_patterns_of_the_settings(path: str, ignored: bool) -> None:
    where = Ignores().within("", "tests/**\n*.gen.py")
    assert where.ignores(path, is_folder=False) is ignored


def test_a_named_file_is_looked_at_all_the_same(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / "a.py").write_text("x")
    assert list(files([str(tmp_path / "a.py")])) == [str(tmp_path / "a.py")]
