"""Precision and recall over whole files: the samples beside this test, and the corpus, which others wrote.

Each folder's `expected.toml` says what is wrong in its files, as LINE:CODE; the files themselves bear no marks.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from moongate.facts.providers import built_in
from moongate.lint.gather import gather
from moongate.lint.knowledge import Knowledge
from moongate.lint.options import Options
from moongate.lint.run import lint_file

HERE = Path(__file__).parent
LEAST_RECALL, LEAST_PRECISION = 0.95, 0.98


@dataclass(frozen=True)
class Score:
    """How many findings were right, missing, and too many."""

    name: str
    files: int
    right: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def recall(self) -> float:
        return self.right / max(1, self.right + len(self.missing))

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + len(self.extra))

    def __str__(self) -> str:
        rates = f"recall {self.recall:.3f}, precision {self.precision:.3f}"
        return f"{self.name}: {self.files} files, {self.right} findings right, {rates}"


def score(folder: Path, knowledge: Knowledge) -> Score:
    """Compare what is found with what is expected. `A|B`: either will do; `?A` counts neither way."""
    right, missing, extra = 0, list[str](), list[str]()
    expected = tomllib.loads((folder / "expected.toml").read_text("utf-8"))
    for path, places in expected.items():
        found = _found(folder, path, knowledge)
        for line, codes in (place.split(":") for place in places):
            hit = next(
                (f"{line}:{code}" for code in codes.removeprefix("?").split("|") if f"{line}:{code}" in found), None
            )
            found.discard(hit or "")
            if not codes.startswith("?"):
                right += hit is not None
                missing += [f"{path}:{line}:{codes}"] if hit is None else []
        extra += [f"{path}:{place}" for place in sorted(found)]
    return Score(folder.name, len(expected), right, tuple(missing), tuple(extra))


def _found(folder: Path, path: str, knowledge: Knowledge) -> set[str]:
    assert (folder / path).is_file(), f"{path} stands in expected.toml and is not there"
    found = lint_file(str(folder / path), knowledge, Options(today="2026-11-25")).findings
    return {f"{finding.line}:{finding.code}" for finding in found}


@pytest.mark.parametrize("name", [path.parent.name for path in sorted(HERE.glob("*/expected.toml"))])
def test_precision_and_recall(name: str, scores: list[str]) -> None:
    folder = HERE / name
    lists = folder / "lists"
    knowledge, _ = gather(rows=built_in(), lists=lists if lists.is_dir() else None)
    result = score(folder, knowledge)
    scores.append(str(result))
    assert result.recall >= LEAST_RECALL, result.missing
    assert result.precision >= LEAST_PRECISION, result.extra
