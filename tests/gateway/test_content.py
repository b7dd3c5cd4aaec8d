"""Kept content: bounded, cut, removed on time, and never a reason for a call to fail."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from moongate.gateway import content
from moongate.gateway.content import BODY_MAX, QUEUE_MAX, Content, Said
from moongate.gateway.seams import Caller, Hold, Want


def hold(number: int, at: float = 100_000.0) -> Hold:
    caller = Caller(key_id=3, account_id=1, account="ada", currency="USD")
    return Hold(f"r{number}", caller, Want(1, 1, "m", "p", "USD", at), 1, 1, None, 0.0)


def found(kept: Content, request_id: str) -> Said | None:
    with contextlib.closing(content.opened(kept.path)) as connection:
        return content.find(connection, request_id)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Content]:
    kept = Content(tmp_path / "content.sqlite3", on=True, days=1, clock=lambda: 100_000.0)
    yield kept
    kept.close()


def test_long_bodies_are_cut_and_said_to_be(kept: Content) -> None:
    kept.keep(hold(1), b"q" * (BODY_MAX + 1), b"a")
    kept.write()
    said = found(kept, "r1")
    assert said is not None
    assert (len(said.request), said.answer, said.is_cut, said.key_id) == (BODY_MAX, b"a", True, 3)


def test_what_is_too_old_goes(kept: Content) -> None:
    kept.keep(hold(1, at=100_000.0 - 86_401), b"q", b"a")
    kept.keep(hold(2, at=100_000.0 - 86_399), b"q", b"a")
    kept.write()
    assert not kept.due
    assert found(kept, "r1") is None
    assert found(kept, "r2") is not None


def test_what_comes_faster_than_it_is_written_is_left_out_and_said(
    kept: Content, caplog: pytest.LogCaptureFixture
) -> None:
    body, room = b"q" * BODY_MAX, QUEUE_MAX // (2 * BODY_MAX)
    for number in range(room + 1):
        kept.keep(hold(number), body, body)
    kept.write()
    assert found(kept, f"r{room - 1}") is not None
    assert found(kept, f"r{room}") is None
    assert "content of 1 calls is not kept" in caplog.text
    kept.keep(hold(room), b"q", b"")
    kept.write()
    assert found(kept, f"r{room}") is not None


def test_a_file_that_cannot_be_written_costs_the_content_only(
    kept: Content, caplog: pytest.LogCaptureFixture
) -> None:
    kept.write()
    assert kept._connection is None  # nothing to keep yet
    kept.keep(hold(0), b"q", b"")
    kept.write()
    assert kept._connection is not None
    kept._connection.execute("PRAGMA query_only = ON")
    kept.keep(hold(1), b"secret words", b"a")
    kept.write()
    assert "content of 1 calls is not kept" in caplog.text
    assert "secret words" not in caplog.text
