"""Parts put together are the file; each is within the limits; a chosen line is the one that was meant."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.batch.records import Limits, Part
from moongate.batch.split import pick, split, stretch
from moongate.errors import UsageError

LINES = st.lists(st.binary(min_size=0, max_size=30).map(lambda b: b.replace(b"\n", b"x")), max_size=40)


def parts_of(path: Path, limits: Limits) -> list[Part]:
    return list(split(path, limits))


def content_of(part: Part) -> bytes:
    with stretch(part.path, part.offset, part.size) as file:
        return file.read()


@given(LINES, st.integers(31, 90), st.integers(1, 9) | st.none(), st.booleans())
def test_split_and_put_together(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], most: int, count: int | None, ended: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "in.jsonl"
    path.write_bytes(b"\n".join(lines) + (b"\n" if ended else b""))
    parts = parts_of(path, Limits(max_bytes=most, max_lines=count))
    full = [line for line in lines if line.strip()]
    put = [line for part in parts for line in content_of(part).split(b"\n") if line.strip()]
    assert put == full
    first = 0
    for number, part in enumerate(parts):
        assert (part.number, part.first) == (number, first)
        assert 0 < part.size <= most and (count is None or part.lines <= count)
        assert part.lines == len([line for line in content_of(part).split(b"\n") if line.strip()])
        first += part.lines
    for one, next_ in itertools.pairwise(parts):  # no part could have taken the line after it
        line = content_of(next_).lstrip(b" \t\r\x0b\x0c\n").split(b"\n")[0]
        assert one.lines == count or one.size + len(line) + 1 > most or next_.offset > one.offset + one.size


def test_a_line_that_no_file_may_hold(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"a\n" + b"x" * 50 + b"\n")
    with pytest.raises(UsageError, match="line 2 has 51 bytes"):
        parts_of(tmp_path / "in", Limits(max_bytes=50))


def test_a_stretch_is_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(bytes(range(100)))
    with stretch(tmp_path / "in", 10, 20) as file:
        assert file.read(5) == bytes(range(10, 15))
        assert file.read() == bytes(range(15, 30)) and file.read() == b""
        assert file.seek(0, 2) == 20 and file.seek(-2, 1) == 18 and file.read() == bytes([28, 29])
        assert file.seek(3) == 3 and file.read(1) == bytes([13])
    with pytest.raises(UsageError):
        stretch(tmp_path / "none", 0, 1)


@given(LINES, st.data())
def test_picked_lines(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], data: st.DataObject) -> None:
    folder = tmp_path_factory.getbasetemp()
    full = [line for line in lines if line.strip()]
    (folder / "in.jsonl").write_bytes(b"\n".join(lines))
    chosen = sorted(data.draw(st.sets(st.integers(0, max(len(full) - 1, 0)))) if full else [])
    assert pick(folder / "in.jsonl", chosen, folder / "out.jsonl") == len(chosen)
    assert (folder / "out.jsonl").read_bytes() == b"".join(full[index] + b"\n" for index in chosen)


def test_a_line_that_is_not_there_any_more(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"a\nb\n")
    with pytest.raises(UsageError, match="no line 2"):
        pick(tmp_path / "in", [0, 2], tmp_path / "out")
    assert not (tmp_path / "out").exists()
