"""Streamed chats: recorded streams in any split give one answer; what breaks says so and keeps what came."""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.errors import BrokenStreamError, InsufficientBalanceError, MoongateError, OverloadedError, ServerError
from moongate.facts.chat import Answer, Chunk, Usage
from moongate.facts.money import Money
from moongate.facts.providers import built_in
from moongate.testing import Readings, ToolCall
from moongate.testing.chat import Completion
from moongate.testing.chat import Usage as Spent
from moongate.testing.shapes import events
from moongate.wire.stream import ChatStream

ROW = built_in()["moonshot"]
STREAMS = {path.stem: path.read_bytes() for path in sorted((Path(__file__).parent / "streams").glob("*.sse"))}
TWICE = Usage(prompt_tokens=89, completion_tokens=67, reasoning_tokens=26)


def _read(*pieces: bytes) -> tuple[list[Chunk], Answer]:
    stream = ChatStream(ROW, asked_model="kimi-k2.6")
    chunks = [chunk for piece in pieces for chunk in stream.feed(piece)]
    return chunks, stream.finish()


def _answer(*pieces: bytes) -> Answer:
    return _read(*pieces)[1]


def _served() -> dict[str, bytes]:
    """Return a stream of each dialect as the offline server writes it: reasoning, text beyond ASCII, two calls."""
    calls = (ToolCall(name="f", arguments={"a": "月"}), ToolCall(name="f", arguments={}))
    done = Completion(
        id="x", created=1, model="m", content="晚上好 🌙", reasoning="想…", tool_calls=calls, finish_reason="stop",
        usage=Spent(prompt=9, completion=7, cached=4, reasoning=2), cost=Decimal("0.00002"), piece=1,
    )  # fmt: skip
    return {
        dialect: b"".join(events(done, dialect=dialect, readings=Readings(), include_usage=True))
        for dialect in ("moonshot", "openrouter", "aimlapi", "openai")
    }


ALL = STREAMS | _served()


@given(st.sampled_from(sorted(ALL)), st.data())
def test_any_split_gives_the_same_chunks_and_the_same_answer(name: str, data: st.DataObject) -> None:
    body = ALL[name]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert _read(*pieces) == _read(body)


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_byte_by_byte_with_any_line_end(name: str, line_end: bytes) -> None:
    body = ALL[name].replace(b"\r\n", b"\n").replace(b"\n", line_end)
    assert _read(*(bytes([byte]) for byte in body)) == _read(ALL[name])


@pytest.mark.parametrize("dialect", ["moonshot", "openrouter", "aimlapi", "openai"])
def test_every_dialect_says_the_same(dialect: str) -> None:
    answer = _answer(ALL[dialect])
    assert (answer.content, [call.arguments for call in answer.tool_calls]) == ("晚上好 🌙", ['{"a":"月"}', "{}"])
    assert answer.reasoning == (None if dialect == "openai" else "想…")
    assert answer.usage is not None and (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (9, 7)
    reported = "0.00002 USD" if dialect in ("openrouter", "aimlapi") else "None"
    assert str(answer.usage.reported_cost) == reported


@pytest.mark.parametrize("name", ["recorded_usage_twice", "usage_twice", "usage_in_choice", "usage_on_top"])
def test_usage_is_counted_once_wherever_it_stands(name: str) -> None:
    answer = _answer(STREAMS[name])
    assert answer.usage == TWICE and answer.finish_reason == "stop" and answer.reasoning == "The"
    assert answer.content == ("" if name.startswith("recorded") else "晚上好 🌙 ok")
    assert (answer.id, answer.model, answer.asked_model) == (
        "chatcmpl-6a5aba7e3fbb8333b875d4a9",
        "kimi-k3",
        "kimi-k2.6",
    )


def test_cached_tokens_stand_inside_the_prompt() -> None:
    usage = _answer(STREAMS["recorded_cached"]).usage
    assert usage == Usage(prompt_tokens=8, completion_tokens=11, cached_tokens=8)


def test_tool_calls_are_put_together_by_index() -> None:
    calls = _answer(STREAMS["tools"]).tool_calls
    assert [(c.id, c.name, c.arguments) for c in calls] == [
        ("get_weather_0", "get_weather", '{"city":"Paris"}'),
        ("get_weather_0", "get_time", "{}"),  # ids repeat: they are opaque
    ]


def test_openrouter_says_its_cost_and_comments() -> None:
    answer = _answer(STREAMS["openrouter_comments"])
    assert answer.usage is not None and str(answer.usage.reported_cost) == "0.0000205 USD"
    assert (answer.content, answer.reasoning, answer.usage.cached_tokens) == ("hi", "Hm", 4)


def _broken(*pieces: bytes) -> MoongateError:
    with pytest.raises(MoongateError) as caught:
        _answer(*pieces)
    return caught.value


TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"so far"}}]}\n\n'


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b"data: [DONE",
        b"data: {garbage}\n\ndata: [DONE]\n\n",
        b"data: [1, 2]\n\n",
        b'data: "text"\n\n',
        b'data: {"choices":{}}\n\n',
        b"data: <html>\n\n",
        b"data: \xff\n\n",
        b"data: " + b"[" * 100_000 + b"\n\n",
    ],
)
def test_a_broken_stream_keeps_what_came(rest: bytes) -> None:
    error = _broken(TEXT, rest)
    assert isinstance(error, BrokenStreamError) and error.partial == "so far" and error.exit_code == 4
    assert "charged" in error.advice


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (
            b'{"error":{"message":"The engine is currently overloaded","type":"engine_overloaded_error"}}',
            OverloadedError,
        ),
        (
            b'{"error":{"message":"Your account org-0123456789abcdef <ak-test> has insufficient balance",'
            b'"type":"exceeded_current_quota_error"}}',
            InsufficientBalanceError,
        ),
        (
            b'{"error":{"code":502,"message":"Provider returned error","metadata":{"error_type":"timeout"}},'
            b'"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}',
            ServerError,
        ),
    ],
)
def test_an_error_inside_a_stream_keeps_its_kind(event: bytes, kind: type[MoongateError]) -> None:
    error = _broken(TEXT + b"data: " + event + b"\n\n")
    assert error.partial == "so far"
    assert type(error) is kind and "org-0123" not in str(error) and "ak-test" not in str(error)


def test_nothing_after_done_belongs_to_the_answer() -> None:
    done = b"data: [DONE]\n\n"
    assert _answer(TEXT + done + TEXT + b"data: garbage\n\n").content == "so far"


def test_only_the_first_choice_is_read() -> None:
    other = b'data: {"choices":[{"index":1,"delta":{"content":"other"},"finish_reason":"length"}]}\n\n'
    assert _answer(TEXT, other, b"data: [DONE]\n\n").content == "so far"
    both = b'data: {"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}\n\n'
    assert _answer(both, b"data: [DONE]\n\n").content == "a"


def test_a_cost_in_a_chunk_of_its_own_and_the_counts_both_stay() -> None:
    cost = b'data: {"choices":[{"index":0,"delta":{}}],"meta":{"usage":{"usd_spent":0.00005967}}}\n\n'
    counts = b'data: {"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":11}}\n\n'
    choice = b'data: {"choices":[{"delta":{},"usage":{"prompt_tokens":2,"completion_tokens":11}}]}\n\n'
    expected = Usage(prompt_tokens=2, completion_tokens=11, reported_cost=Money.of("0.00005967", "USD"))
    for pieces in itertools.permutations([cost, counts, choice]):
        assert _answer(*pieces, b"data: [DONE]\n\n").usage == expected
    assert _answer(cost, choice, b"data: [DONE]\n\n").usage == expected
