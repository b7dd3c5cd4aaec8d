"""An event that is read in passing tells what it must; everything unusual is left to a reading of the whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moongate.gateway.event import event_from

COUNTS = {"prompt_tokens": 30, "completion_tokens": 20}


def read(**payload: Any) -> Any:
    return event_from(json.dumps({"model": "kimi-k2.6"} | payload).encode())


def test_tokens_in_the_choice_and_at_the_top() -> None:
    ours = read(choices=[{"index": 0, "finish_reason": "stop", "usage": COUNTS | {"cached_tokens": 7}}])
    assert (ours.took.prompt_tokens, ours.took.cached_tokens) == (30, 7)
    assert (ours.is_top, ours.is_extra, ours.finishes) == (False, False, True)
    extra = read(choices=[], usage=COUNTS | {"completion_tokens_details": {"reasoning_tokens": 9}})
    assert (extra.took.completion_tokens, extra.took.reasoning_tokens) == (20, 9)
    assert (extra.is_top, extra.is_extra, extra.finishes) == (True, True, False)
    words = read(choices=[{"index": 0, "delta": {"content": '"usage"'}, "finish_reason": None}])
    assert (words.model, words.took, words.finishes) == ("kimi-k2.6", None, False)


@pytest.mark.parametrize(
    "payload",
    [
        {"error": {"message": "no"}},
        {"choices": [{"index": 0}, {"index": 1}]},
        {"choices": [{"index": 1, "usage": COUNTS}]},
        {"choices": [{"index": 0, "finish_reason": 3}]},
        {"choices": None},
        {"usage": COUNTS | {"cost": 0.01}},
        {"usage": COUNTS, "meta": {"usage": {"usd_spent": 0.01}}},
        {"usage": COUNTS | {"prompt_tokens": 0}},
        {"usage": {"completion_tokens": 20}},
        {"usage": COUNTS | {"completion_tokens": -1}},
        {"model": 5},
    ],
)
def test_what_is_unusual_is_left_alone(payload: dict[str, Any]) -> None:
    assert read(**payload) is None
    assert event_from(b"[DONE]") is None
