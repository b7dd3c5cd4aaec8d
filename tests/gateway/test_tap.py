"""A stream that goes on as the bytes it came in: however it is cut, and whichever way an event is read."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.errors import BrokenStreamError, OverloadedError
from moongate.facts.providers import built_in
from moongate.gateway.tap import WEIGHED, Tap
from moongate.wire.fold import Fold, chunk_from

COUNTS = {"prompt_tokens": 30, "completion_tokens": 20, "total_tokens": 50}
DONE = b"data: [DONE]\n\n"


def event(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish} | more.pop("choice", {})
    payload = {"id": "c", "model": "kimi-k2.6", "choices": [] if delta is None else [choice], **more}
    return b"data: " + json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode() + b"\n\n"


def tap(*, include_usage: bool = False) -> Tap:
    return Tap(built_in()["moonshot"], asked_model="kimi-k2.6", include_usage=include_usage, embedded=False)


def numbers(usage: Any) -> tuple[object, ...] | None:
    if usage is None:
        return None
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "reported_cost")
    return tuple(getattr(usage, name) for name in names)


WORDS = (event({"role": "assistant", "content": ""}), event({"content": "grüße"}), event({"content": "a } b"}))
OURS = (*WORDS, event({}, "stop", choice={"usage": COUNTS | {"cached_tokens": 7}}), event(None, usage=COUNTS))
THEIRS = (*WORDS, event({}, "stop"), event(None, usage=COUNTS | {"prompt_tokens_details": {"cached_tokens": 7}}))
DEARER = (*WORDS, event({}, "stop"), event(None, usage=COUNTS | {"cost": 0.0125}))
STREAMS = {"Moonshot's": OURS, "OpenAI's": THEIRS, "OpenRouter's": DEARER}


@pytest.mark.parametrize("name", STREAMS)
@given(data=st.data())
def test_however_it_is_cut_the_same_goes_on_and_the_same_is_read(name: str, data: st.DataObject) -> None:
    events = STREAMS[name]
    whole = b"".join(events) + DONE
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=12))
    include_usage = data.draw(st.booleans())
    in_one, cut_up = tap(include_usage=include_usage), tap(include_usage=include_usage)
    at = [0, *sorted(cuts), len(whole)]
    out = b"".join(cut_up.feed(whole[a:b]) for a, b in itertools.pairwise(at))
    assert out == in_one.feed(whole)
    assert cut_up.done
    assert out.startswith(b"".join(WORDS))
    told = [json.loads(line[6:]) for line in out.decode().splitlines() if line]
    assert told[3]["choices"][0]["usage"]["prompt_tokens"] == 30
    assert len(told) == (5 if include_usage else 4)
    fold = Fold(asked_model="kimi-k2.6")
    for one in events:
        fold.add(chunk_from(json.loads(one[6:])))
    assert numbers(cut_up.usage) == numbers(in_one.usage) == numbers(fold.answer().usage)
    assert cut_up.model == in_one.model == "kimi-k2.6"
    assert cut_up.said_bytes == in_one.said_bytes
    assert len("grüßea ".encode()) <= in_one.said_bytes <= 30  # about as much: the role is weighed, too


counts = st.fixed_dictionaries(
    {"prompt_tokens": st.integers(-1, 5), "completion_tokens": st.integers(-1, 5)},
    optional={
        "cached_tokens": st.integers(-1, 3),
        "prompt_tokens_details": st.fixed_dictionaries({}, optional={"cached_tokens": st.integers(0, 3)}),
        "completion_tokens_details": st.fixed_dictionaries({"reasoning_tokens": st.integers(0, 3)}),
        "cost": st.sampled_from([0.5, 0, "much"]),
    },
)
usages = st.one_of(st.none(), counts, st.sampled_from([{}, "none", 5]))
told = st.fixed_dictionaries(
    {"model": st.sampled_from(["", "kimi-k2.6", "other", None])},
    optional={
        "usage": usages,
        "choices": st.lists(
            st.fixed_dictionaries(
                {"delta": st.just({"content": "x"})},
                optional={
                    "index": st.sampled_from([0, 1, None]),
                    "finish_reason": st.sampled_from([None, "stop", 3]),
                    "usage": usages,
                },
            ),
            max_size=2,
        ),
        "meta": st.sampled_from([{"usage": {"usd_spent": 0.25}}, None, 3]),
    },
)


@given(payloads=st.lists(told, min_size=1, max_size=5))
def test_what_is_read_in_passing_is_what_reading_it_all_gives(payloads: list[dict[str, Any]]) -> None:
    passing, fold = tap(include_usage=True), Fold(asked_model="kimi-k2.6")
    for payload in payloads:
        payload["see"] = {"usage": 0}  # so that it is looked at
        passing.feed(b"data: " + json.dumps(payload).encode() + b"\n\n")
        fold.add(chunk_from(payload))
    assert numbers(passing.usage) == numbers(fold.answer().usage)
    assert passing.model == (fold.answer().model or passing.model)


@pytest.mark.parametrize("more", [{}, {"usage": None}])
def test_text_is_weighed_while_it_goes_by(more: dict[str, Any]) -> None:
    passing, word, count = tap(), event({"content": "grüße"}, **more), WEIGHED // 10
    for _ in range(count):
        assert passing.feed(word) == word
        assert sum(map(len, passing._weight._pieces)) <= WEIGHED
    assert passing.said_bytes == count * len("grüße".encode())
    assert passing.usage is None


def test_what_follows_the_end_is_dropped_and_an_error_is_raised() -> None:
    passing = tap()
    assert passing.feed(WORDS[0] + DONE + WORDS[1]) == WORDS[0]
    assert passing.feed(WORDS[1]) == b""
    with pytest.raises(OverloadedError, match="overloaded"):
        tap().feed(b'data: {"error": {"message": "overloaded", "type": "engine_overloaded_error"}}\n\n')
    with pytest.raises(BrokenStreamError, match="UTF-8"):
        tap().feed(b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n')


def test_a_finish_without_usage_is_held_and_given_on_at_the_end() -> None:
    passing, finish = tap(), event({}, "stop")
    assert passing.feed(finish) == b""
    assert passing.feed(DONE) == finish
    assert passing.usage is None
