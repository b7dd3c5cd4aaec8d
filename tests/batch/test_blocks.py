"""Any file is cut into whole lines, whatever its line ends and however it is read; memory is bounded."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.batch.blocks import blocks, opened
from moongate.errors import UsageError


@given(st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"x"))), st.booleans(), st.integers(1, 20))
def test_blocks_put_together_are_the_file(lines: list[bytes], ended: bool, size: int) -> None:
    content = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    found = list(blocks(io.BytesIO(content), size=size))
    assert b"".join(block.data for block in found) == content
    assert [one for block in found for one in block.lines] == io.BytesIO(content).readlines()
    number, offset = 1, 0
    for block in found:
        assert (block.first, block.offset, block.size, block.too_long) == (number, offset, len(block.data), False)
        assert b"".join(block.lines) == block.data
        number, offset = number + len(block.lines), offset + block.size


def test_a_line_too_long_is_told_and_not_kept() -> None:
    content = b"short\n" + b"x" * 5000 + b"\nafter\n" + b"y" * 5000
    found = list(blocks(io.BytesIO(content), size=64, longest=1000))
    assert [(b.first, b.lines[0][:5], b.size, b.too_long) for b in found] == [
        (1, b"short", 6, False),
        (2, b"xxxxx", 5001, True),
        (3, b"after", 6, False),
        (4, b"yyyyy", 5000, True),
    ]
    assert max(len(block.data) for block in found) == 200


def test_packed_files_are_unpacked(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(b"a\nb\n"))
    with opened(tmp_path / "in.jsonl.gz") as file:
        assert [block.data for block in blocks(file)] == [b"a\nb\n"]
    (tmp_path / "plain").write_bytes(b"a\nb")
    with opened(tmp_path / "plain") as file:
        assert [block.data for block in blocks(file)] == [b"a\n", b"b"]


def test_what_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError, match="cannot be read"):
            opened(path)
    (tmp_path / "half.gz").write_bytes(gzip.compress(bytes(range(256)) * 999)[:-20])
    with opened(tmp_path / "half.gz") as file, pytest.raises(UsageError, match="to its end"):
        list(blocks(file))
