"""Names to lines and back, on disk, each name once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moongate.batch.names import Names
from moongate.batch.records import Line
from moongate.errors import UsageError


def lines(*ids: str) -> Iterator[Line]:
    return (Line(index=index, number=index + 1, custom_id=id_, body=b"{}") for index, id_ in enumerate(ids))


def test_names_are_found_by_line_and_lines_by_name(tmp_path: Path) -> None:
    with Names(tmp_path) as names:
        names.fill(lines("b", "a", "ü'\"; --"))
    with Names(tmp_path) as names:
        assert [names.index(id_) for id_ in ("a", "b", "ü'\"; --", "nobody")] == [1, 0, 2, None]
        assert list(names.of([2, 0, 9])) == [(2, "ü'\"; --"), (0, "b")]


def test_a_name_twice_leaves_nothing_behind(tmp_path: Path) -> None:
    with Names(tmp_path) as names:
        names.fill(lines("old"))
        with pytest.raises(UsageError, match="Line 3 has the custom_id 'a'"):
            names.fill(lines("a", "b", "a"))
        assert names.index("old") == 0 and names.index("b") is None
