"""Any bytes are read without failing; a file is opened once; others' files are left alone."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.lint.knowledge import Knowledge
from moongate.lint.options import Options
from moongate.lint.pool import lint_files
from moongate.lint.run import lint_bytes, lint_file, masked
from moongate.lint.walk import files

NAMES = [
    "a.py", "a.ts", "a.sh", "a.json", "a.yaml", "a.toml", ".env", "a.ini", "Dockerfile", "a.ipynb", "a.md", "a.go",
    "a.java", "a.kt", "a.rs", "a.php", "a.rb", "a.cs", "Makefile", "a.vue", "a.swift",
]  # fmt: skip
SAMPLES = sorted(p for p in (Path(__file__).parent / "samples").rglob("*") if p.is_file())
PIECES = rb"""" ' ` { } ( ) [ ] ${ \ # // /* => -> : - model kimi-k2 && ? :: = <<EOF """.split()
PIECES += [b'"""', b"\n", b"\r\n", b"\t", b"\xff\xfe", b"```python\n", b": ", b"- "]


@given(st.sampled_from(NAMES), st.binary(max_size=300))
def test_no_bytes_make_it_fail(name: str, data: bytes) -> None:
    lint_bytes(name, b"kimi " + data, Knowledge(), Options())


@given(st.sampled_from(NAMES), st.sampled_from(SAMPLES), st.integers(0, 2**32))
def test_no_damaged_source_makes_it_fail(name: str, sample: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 — damage, no secret
    data = bytearray(sample.read_bytes())
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(data))
        data[at : at + chance.choice((0, 0, 9))] = chance.choice(PIECES)
    for finding in lint_bytes(name, bytes(data), Knowledge(), Options()).findings:
        assert 0 <= finding.start <= finding.end <= len(data)


@pytest.mark.parametrize("name", ["a.py", "a.ts", "a.json", "a.yaml", "a.rb", "a.sh"])
def test_deep_nesting_is_said_or_survived(name: str) -> None:
    for piece in (b"(", b"[", b"{", b"a=", b"a ? b : ", b"(a) => ", b"- ", b"`${"):
        lint_bytes(name, b"kimi\nx = " + piece * 2000, Knowledge(), Options())


def test_no_file_is_opened_twice(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"f{number}.py").write_text(
            'c = OpenAI(base_url="https://api.moonshot.ai")\n' if number % 3 else "x = 1\n"
        )
    opened: list[str] = []
    watching = [True]

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching[0] and event == "open" and str(arguments[0]).startswith(str(tmp_path)):
            opened.append(str(arguments[0]))

    sys.addaudithook(watch)
    found = [r for batch in lint_files(files([str(tmp_path)]), Knowledge(), Options()) for r in batch.results]
    watching[0] = False
    read = [path for path in opened if path.endswith(".py")]
    assert len(read) == len(set(read)) == 30
    assert len(found) == 20


def test_several_processes_find_the_same_in_the_same_order(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"f{number:03}.py").write_text('c = OpenAI(base_url="https://api.moonshot.ai")\n')
    paths = list(files([str(tmp_path)]))
    one, two = ([r for b in lint_files(paths, Knowledge(), Options(), jobs=n) for r in b.results] for n in (1, 2))
    assert one == two
    assert [result.path for result in one] == paths


def test_generated_binary_and_unreadable_files_are_left_alone(tmp_path: Path) -> None:
    bad = b'c = OpenAI(base_url="https://api.moonshot.ai")\n'
    for name, data in {"a.py": b"# @generated\n" + bad, "b.py": b"\0" + bad, "c.unknown": bad}.items():
        (tmp_path / name).write_bytes(data)
        assert lint_file(str(tmp_path / name), Knowledge(), Options()).findings == ()
    gone = lint_file(str(tmp_path / "gone.py"), Knowledge(), Options())
    assert "not read" in gone.notes[0]


def test_a_file_that_does_not_parse_is_searched_as_text_and_said() -> None:
    result = lint_bytes(
        "a.py", b'print "x"\nc = OpenAI(base_url="https://api.moonshot.ai")\n', Knowledge(), Options()
    )
    assert [f.code for f in result.findings] == ["MG011"]
    assert "searched as text" in result.notes[0]


def test_keys_are_stars_of_the_same_length() -> None:
    assert masked("key sk-abcdefghijklmnopqrstuv end") == "key sk-********************** end"
