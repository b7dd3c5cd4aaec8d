"""Server-sent events: any split of any stream gives the same events."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moongate.errors import BrokenStreamError, TooLargeError
from moongate.wire.sse import Decoder

# what matters to the format, and characters of one to four bytes
ALPHABET = [
    "data: ",
    "data:",
    "data",
    ":",
    "event: x",
    "a",
    "é",
    "月",
    "🌙",
    " ",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\ufeff",
]
streams = st.lists(st.sampled_from(ALPHABET), max_size=30).map(lambda parts: "".join(parts).encode())


def _events(*pieces: bytes) -> list[str]:
    decoder = Decoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


@example("\n\ufeffdata: a\n\n".encode(), [1])
@example("\ufeffdata: a\n\n".encode(), [1, 2])
@given(streams, st.lists(st.integers(0, 200), max_size=8))
def test_splits_do_not_matter(stream: bytes, places: list[int]) -> None:
    cuts = sorted(min(place, len(stream)) for place in places)
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert _events(*pieces) == _events(stream) == _events(*(bytes([byte]) for byte in stream))


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", ["a"]),
        (b"data:a\r\n\r\ndata:  b\r\rdata: c\n\n", ["a", " b", "c"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b": OPENROUTER PROCESSING\n\ndata: a\n\n: x\n\n", ["a"]),
        (b"event: ping\nid: 7\nretry: 1\n\ndata: a\n\n", ["a"]),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"data\n\n", [""]),
        (b"data: a\n", []),
        (b"database: a\n\n", []),
        ("data: 月\n\n".encode(), ["月"]),
    ],
)
def test_events(stream: bytes, events: list[str]) -> None:
    assert _events(stream) == events


def test_half_a_character_that_nothing_completes() -> None:
    with pytest.raises(BrokenStreamError, match="UTF-8"):
        _events(b"data: \xe6\n\n")


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 600, b"data: " + b"x" * 60 + b"\n", b"data:\n", b"x" * 300])
def test_an_event_is_bounded_however_it_is_made(piece: bytes) -> None:
    decoder = Decoder(max_event_bytes=1000)
    with pytest.raises(TooLargeError):
        for _ in range(2000):
            decoder.feed(piece)
