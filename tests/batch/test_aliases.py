"""Aliases in batch files: the ids in their place, and not another byte changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from moongate.batch.aliases import spelled_out, write
from moongate.errors import RequestRefusedError

IDS = {"best": "kimi-k2.6", "b\u00e9st": "k\u00fcnftig"}


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        (b'{"body": {"model": "best"}}\n', b'{"body": {"model": "kimi-k2.6"}}\n'),
        (b'{ "body" :{"x":1.0, "model" : "best" ,"y":"best"} }\r\n', None),
        (b'{"body":{"model":"b\\u0065st"}}', b'{"body":{"model":"kimi-k2.6"}}'),
        ('{"body":{"model":"b\u00e9st"}}'.encode(), '{"body":{"model":"k\u00fcnftig"}}'.encode()),
        (
            b'{"body":{"models":["other","best"],"model":"best"}}',
            b'{"body":{"models":["other","kimi-k2.6"],"model":"kimi-k2.6"}}',
        ),
        (b'{"model":"best","body":{"model": "kimi-k2.6"}}', b'{"model":"best","body":{"model": "kimi-k2.6"}}'),
        (b'{"body":{"messages":[{"model":"best"}]}}', b'{"body":{"messages":[{"model":"best"}]}}'),
        (b'{"model":"best"}', b'{"model":"best"}'),
    ],
)
def test_only_the_bodys_own_model_changes(line: bytes, becomes: bytes | None) -> None:
    if becomes is None:
        becomes = line.replace(b'"best" ,', b'"kimi-k2.6" ,')
    assert spelled_out(line, IDS) == becomes


def test_a_line_that_is_no_object_is_refused() -> None:
    with pytest.raises(RequestRefusedError):
        spelled_out(b"[]", IDS)


def test_blank_lines_stay_and_the_copy_is_its_owners(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b'{"body":{"model":"best"}}\n\n{"body":{"model":"best"}}')
    write(tmp_path / "in", tmp_path / "out", IDS)
    assert (tmp_path / "out").read_bytes() == b'{"body":{"model":"kimi-k2.6"}}\n\n{"body":{"model":"kimi-k2.6"}}'
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0
