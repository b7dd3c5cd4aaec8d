"""An answer in chunks, whole or cut, through the parser or past it: what the sink is told is the same."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.errors import MoongateError
from moongate.facts.providers import built_in
from moongate.transport.connection import Connection
from moongate.transport.network import Network
from moongate.transport.pool import Pool

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
ROW, NETWORK = built_in()["moonshot"], Network()
LAST = b"0\r\n\r\n"


class Wire:
    """The transport of a connection that nothing is at the other end of."""

    def __init__(self) -> None:
        self.closed = False

    def write(self, data: bytes) -> None:
        """Take a request."""

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


class Told:
    """A sink that notes what it is told."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self.pieces = 0
        self.ended = False
        self.error: MoongateError | None = None

    def on_head(self, status: int, headers: Any) -> None:
        self.status = status

    def on_body(self, piece: bytes) -> None:
        self.body += piece
        self.pieces += 1

    def on_end(self) -> None:
        self.ended = True

    def on_whole(self, head: bytes, body: bytes) -> None:
        raise AssertionError("an answer in chunks is never taken for a whole one")

    def on_error(self, error: MoongateError) -> None:
        self.error = error

    @property
    def outcome(self) -> tuple[object, ...]:
        return self.status, self.body, self.ended, type(self.error)


def heard(*ways: list[bytes]) -> list[Told]:
    """Return what a sink is told of an answer that arrives in these pieces, for each way to cut it."""

    async def hear() -> list[Told]:
        pool = Pool(ROW, NETWORK)
        found = [_one(pool, pieces) for pieces in ways]
        await pool.close()
        return found

    return asyncio.run(hear())


def _one(pool: Pool, pieces: list[bytes]) -> Told:
    connection, told = Connection(pool), Told()
    connection.connection_made(Wire())  # type: ignore[arg-type]
    connection.send(b"", told)
    for piece in pieces:
        if piece and told.error is None and not told.ended:
            connection.data_received(piece)
    return told


def chunk(data: bytes, *, size: bytes | None = None) -> bytes:
    return b"%b\r\n%b\r\n" % (b"%x" % len(data) if size is None else size, data)


texts = st.one_of(
    st.binary(min_size=1, max_size=40),
    st.sampled_from([b"data: {}\n\n", b"\r\n", b"\r\n3\r\nabc\r\n", b"0\r\n\r\n", b"1\r\nx", b"x" * 300]),
)
frames = st.one_of(
    texts.map(chunk),
    texts.map(lambda data: chunk(data, size=b"%X" % len(data))),
    texts.map(lambda data: chunk(data, size=b"000%x" % len(data))),
    texts.map(lambda data: chunk(data, size=b"%x;name=value" % len(data))),
)
wrong = st.one_of(
    texts.map(lambda data: chunk(data, size=b"%x" % (len(data) + 1))),
    texts.map(lambda data: chunk(data, size=b"0x%x" % len(data))),
    texts.map(lambda data: chunk(data, size=b"+%x" % len(data))),
    texts.map(lambda data: chunk(data) + b"\r\n"),
    texts.filter(lambda data: not data.startswith(b"0")),  # that would be an end, and what follows another answer
)


@given(answer=st.lists(frames, min_size=1, max_size=6), broken=st.one_of(st.none(), wrong), data=st.data())
def test_chunks_are_told_alike_however_they_arrive(
    answer: list[bytes], broken: bytes | None, data: st.DataObject
) -> None:
    parts = [HEAD, *answer, *([] if broken is None else [broken]), LAST]
    whole = b"".join(parts)
    cuts = data.draw(st.lists(st.integers(1, len(whole)), max_size=8))
    at = [0, *sorted(cuts), len(whole)]
    cut_up = [whole[a:b] for a, b in itertools.pairwise(at)]
    in_one, *others = heard([whole], [bytes([byte]) for byte in whole], parts, cut_up)
    assert [other.outcome for other in others] == [in_one.outcome] * 3
    if broken is None:
        assert in_one.ended


def test_a_chunk_that_comes_alone_is_told_at_once() -> None:
    (told,) = heard([HEAD + chunk(b"one"), chunk(b"two"), chunk(b"three"), chunk(b"four")[:-1]])
    assert (told.body, told.pieces, told.ended) == (b"onetwothreefour", 4, False)


@pytest.mark.parametrize("cut", range(1, len(chunk(b"two")) - 1))
def test_the_beginning_of_a_chunk_is_no_chunk(cut: int) -> None:
    two = chunk(b"two")
    (told,) = heard([HEAD + chunk(b"one") + two[:cut], two[cut:], chunk(b"x") + LAST])
    assert (told.body, told.ended) == (b"onetwox", True)
