"""Journals: whole lines come back, cut ones do not, wherever the cut is."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.gateway.journal import Journal, Line, framed, path_of, read


def line(number: int, **more: object) -> Line:
    fields = {
        "at": 1000.0 + number, "account_id": 1, "key_id": 1, "request_id": f"r{number}", "model": "m",
        "asked_model": "m", "provider": "p", "prompt_tokens": 1, "completion_tokens": 2, "cached_tokens": 0,
        "reasoning_tokens": 0, "cost_nano": 5, "currency": "USD", "price_basis": "a\nb", "latency_ms": 3,
        "outcome": "ok", "status": 200, "day": 0, "budgets": 0,
    }  # fmt: skip
    return Line(**{**fields, **more})  # type: ignore[arg-type]


def raw(*lines: Line) -> bytes:
    return b"".join(framed(msgspec.json.encode(one)) for one in lines)


def lines_in(path: Path, position: int = 0) -> tuple[list[Line], int, int]:
    groups = list(read(path, position))
    end = groups[-1].end if groups else position
    return [one for group in groups for one in group.lines], end, sum(group.broken for group in groups)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return path_of(tmp_path_factory.mktemp("journals"), 7, 1)


def test_a_line_takes_one_line_whatever_is_in_it() -> None:
    assert raw(line(1)).count(b"\n") == 1


@given(cut=st.integers(0, 2000))
def test_calls_that_were_written_together_come_back_together_or_not_at_all(path: Path, cut: int) -> None:
    written = [line(number) for number in range(5)]
    text = framed(msgspec.json.encode(written[:3])) + raw(*written[3:])
    path.write_bytes(text[:cut])
    whole = text[:cut].count(b"\n")
    lines, _, broken = lines_in(path)
    assert lines == written[: (0, 3, 4, 5)[whole]]
    assert broken == 0
    path.write_bytes(text.replace(b'"r1"', b'"rx"'))
    assert lines_in(path)[::2] == (written[3:], 1)


@given(cut=st.integers(0, 2000))
def test_what_is_cut_off_anywhere_leaves_the_whole_lines_before_it(path: Path, cut: int) -> None:
    written = [line(number) for number in range(5)]
    text = raw(*written)[:cut]
    path.write_bytes(text)
    found, end, broken = lines_in(path)
    assert found == written[: text.count(b"\n")]
    assert (end, broken) == (text.rfind(b"\n") + 1, 0)


def test_reading_goes_on_where_it_stopped(path: Path) -> None:
    path.write_bytes(raw(line(1)))
    _, end, _ = lines_in(path)
    path.write_bytes(raw(line(1), line(2)))
    assert lines_in(path, end)[0] == [line(2)]
    assert lines_in(path.with_name("gone.log"))[0] == []


@given(where=st.integers(0, 70), byte=st.integers(0, 255))
def test_a_damaged_line_is_left_out_and_counted(path: Path, where: int, byte: int) -> None:
    text = bytearray(raw(line(1)))
    if byte in (text[where], 10):
        return
    text[where] = byte
    path.write_bytes(raw(line(0)) + bytes(text) + raw(line(2)))
    assert lines_in(path)[0] == [line(0), line(2)]
    assert lines_in(path)[2] == 1


FILL = """
import resource, sys
from pathlib import Path
from moongate.gateway.journal import Journal
resource.setrlimit(resource.RLIMIT_FSIZE, (250, resource.RLIM_INFINITY))
journal = Journal(Path(sys.argv[1]))
journal.append(b"x" * 99 + bytes([10]))
for _ in range(2):
    journal.append(b"y" * 99 + bytes([10]))
    if journal.size == 300: sys.exit("it took more than there is room for")
"""


def test_a_line_that_the_disk_does_not_take_whole_is_taken_back(tmp_path: Path) -> None:
    assert resource.RLIMIT_FSIZE  # the nearest thing to a full disk that needs no rights
    target = tmp_path / "00000001-000001.log"
    ran = subprocess.run([sys.executable, "-c", FILL, str(target)], capture_output=True, text=True)
    assert "OSError" in ran.stderr
    assert target.read_bytes() == b"x" * 99 + b"\n" + b"y" * 99 + b"\n"


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "00000001-000001.log")
    journal.close()
    with pytest.raises(OSError, match="Bad file"):
        journal.append(b"x\n")
