"""A stream that is written anew on its way, however it is cut."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.errors import MoongateError, NotJsonError
from moongate.facts.providers import built_in
from moongate.gateway.recast import ALIVE, Recast, as_moonshot

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def event(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": choices, **more}).encode() + b"\n\n"


STREAM = (
    event({"role": "assistant", "content": None}),
    event({"content": "grüße"}),
    event({}, "stop", timings={"t": 1}),
    event(None, usage=USAGE | {"prompt_tokens_details": {"cached_tokens": 0}}, timings={"t": 1}),
    b"data: [DONE]\n\n",
)


def tap(*, include_usage: bool = False, embedded: bool = True) -> Recast:
    return Recast(built_in()["local"], asked_model="m", include_usage=include_usage, embedded=embedded)


def payloads(out: list[bytes]) -> list[Any]:
    return [json.loads(piece.removeprefix(b"data: ")) for piece in out]


@given(cuts=st.lists(st.integers(0, 400), max_size=12), include_usage=st.booleans())
def test_however_it_is_cut_the_same_events_come_out(cuts: list[int], include_usage: bool) -> None:
    whole = b"".join(STREAM)
    at = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    cut_up, in_one = tap(include_usage=include_usage), tap(include_usage=include_usage)
    out = [e for a, b in itertools.pairwise(at) for e in cut_up.feed(whole[a:b]) if e != ALIVE]  # a comment, any time
    assert out == in_one.feed(whole)
    assert cut_up.done
    assert cut_up.answer == in_one.answer
    assert cut_up.answer.usage is not None
    assert cut_up.answer.usage.completion_tokens == 2
    assert len(out) == (4 if include_usage else 3)
    assert payloads(out)[2]["choices"][0]["usage"] == USAGE


def test_the_embedded_models_own_fields_are_taken_out() -> None:
    out = payloads(tap(include_usage=True).feed(b"".join(STREAM)))
    assert not any("timings" in payload for payload in out)
    assert out[0]["choices"][0]["delta"]["content"] == ""
    assert out[-1]["usage"] == USAGE


def test_another_endpoints_events_pass_byte_for_byte() -> None:
    passing = tap(embedded=False)
    assert passing.feed(STREAM[0] + STREAM[1]) == [STREAM[0], STREAM[1]]


def test_a_finish_without_usage_is_not_swallowed_and_keeps_its_place() -> None:
    held = tap(embedded=False)
    assert held.feed(STREAM[2]) == []
    assert payloads(held.feed(event({"content": ""}))) == [
        json.loads(STREAM[2][6:]),
        json.loads(event({"content": ""})[6:]),
    ]
    again = tap(embedded=False)
    again.feed(STREAM[2])
    assert payloads(again.feed(STREAM[4])) == [json.loads(STREAM[2][6:])]
    assert again.done


def test_a_comment_keeps_the_connection_alive_and_nothing_follows_the_end() -> None:
    assert tap().feed(b": PROCESSING\n\n") == [ALIVE]
    ended = tap()
    ended.feed(STREAM[4])
    assert ended.feed(STREAM[1]) == []
    assert ended.answer.content == ""


def test_an_error_in_the_stream_and_what_is_no_chunk_are_raised() -> None:
    with pytest.raises(MoongateError):
        tap().feed(b'data: {"error": {"message": "overloaded", "type": "server_error"}}\n\n')
    with pytest.raises(NotJsonError):
        tap().feed(b"data: <html>\n\n")


def test_cached_tokens_stand_in_both_places_when_there_are_some() -> None:
    shaped = as_moonshot({"choices": [], "usage": USAGE | {"prompt_tokens_details": {"cached_tokens": 2}}})
    assert shaped["usage"] == USAGE | {"cached_tokens": 2, "prompt_tokens_details": {"cached_tokens": 2}}
