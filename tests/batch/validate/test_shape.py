"""The quick reading accepts no line that is not ordinary, and says of the others what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moongate.batch.validate.shape import Read, Shape

BODY = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, "stop": ["x"]}
SHAPE = Shape(BODY)


def request(custom_id: str = "a", **body: Any) -> dict[str, Any]:
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": {**BODY, **body}}


def quick(*lines: dict[str, Any] | str | bytes) -> Read | None:
    texts = [
        one if isinstance(one, bytes) else (one if isinstance(one, str) else json.dumps(one)).encode()
        for one in lines
    ]
    texts = [one + b"\n" for one in texts]
    return SHAPE.read(b"".join(texts), texts)


def test_what_it_reads() -> None:
    two = [{"role": "system", "content": 'a: "b"\\'}, {"role": "user", "content": "晚:上"}]
    read = quick(request("a:1"), request("b", messages=two, max_tokens=7, stop="x:y"))
    assert read is not None
    assert read.ids == ["a:1", "b"] and read.text == 'hia: "b"\\晚:上'
    assert SHAPE.names == ("max_tokens", "stop")
    assert list(read.values()) == [(5, b'["x"]'), (7, b'"x:y"')]
    other_order = {
        "url": "/v1/chat/completions",
        "body": dict(reversed(BODY.items())),
        "method": "POST",
        "custom_id": "c",
    }
    assert quick(other_order) is not None
    assert quick(json.dumps(request()).encode() + b" \r") is not None


def test_texts_in_parts_are_texts() -> None:
    parts = [{"type": "text", "text": "one: "}, {"type": "text", "text": "TWO"}]
    messages = [{"role": "system", "content": "in short"}, {"role": "user", "content": parts}]
    read = quick(request(messages=messages), request("b"))
    assert read is not None and [read.texts(0), read.texts(1)] == [["in short", "one: ", "TWO"], ["hi"]]
    assert read.text == "in shortone: TWOhi"
    assert read.ask("two", 0) and not read.ask("two", 1) and not read.ask("json", 0)


GOOD = json.dumps(request())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        GOOD + GOOD,
        GOOD[:-1],
        GOOD.replace('"POST"', '"GET"'),
        GOOD.replace("/v1/", "/v2/"),
        GOOD.replace('"a"', '""'),
        GOOD.replace('"a"', "1"),
        GOOD.replace("kimi-k2.6", "kimi-k2-6"),
        GOOD.replace('"hi"', '""'),
        GOOD.replace('"hi"', "[]"),
        GOOD.replace('"hi"', '[{"type": "text", "text": ""}]'),
        GOOD.replace('"hi"', '[{"type": "text", "text": "hi", "text": "ho"}]'),
        GOOD.replace('"hi"', '[{"type": "image_url", "image_url": "ms://x"}]'),
        GOOD.replace('"user", "content": "hi"', '"tool", "content": [{"type": "text", "text": "hi"}]'),
        GOOD.replace('"user"', '"developer"'),
        GOOD.replace('"role"', '"name": "x", "role"'),
        GOOD.replace('"max_tokens": 5', '"max_tokens": 5.0'),
        GOOD.replace('"max_tokens": 5', '"max_tokens": true'),
        GOOD.replace('"max_tokens": 5', '"max_tokens": null'),
        GOOD.replace('"max_tokens": 5, ', ""),
        GOOD.replace('"max_tokens": 5', '"max_tokens": 5, "Model": "x"'),
        GOOD.replace('"max_tokens": 5', '"max_tokens": 5, "models": ["x"]'),
        GOOD.replace('"messages": [', '"messages": [], "x": ['),
        # the same key twice
        GOOD.replace('"max_tokens": 5', '"max_tokens": 9, "max_tokens": 5'),
        GOOD.replace('"model": "kimi-k2.6"', '"model": "kimi-k2.6", "model": "kimi-k2.6"'),
        GOOD.replace('"model": "kimi-k2.6"', '"model": "kimi-k2.6", "\\u006dodel": "kimi-k2.6"'),
        GOOD.replace('"role": "user"', '"role": "system", "role": "user"'),
        GOOD.replace('"custom_id": "a"', '"custom_id": "b", "custom_id": "a"'),
        GOOD.replace('"a"', '"a\\ud800"'),
        GOOD.encode().replace(b'"x"', b'"\xff"'),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.encode() + b"\0",
    ],
)
def test_what_it_does_not_read(line: str | bytes) -> None:
    assert quick(GOOD) is not None
    assert quick(GOOD, line, GOOD) is None


def test_two_on_one_line_and_a_blank_one_are_not_two_lines() -> None:
    assert quick(GOOD + GOOD, "") is None
    assert quick(GOOD[:-1], "}") is None


@pytest.mark.parametrize("name", ["Model", "MESSAGES", "a:b", 'a"b', "a\\b", "a\nb"])
def test_keys_that_could_be_taken_for_others_have_no_shape(name: str) -> None:
    assert Shape.fits(BODY) and not Shape.fits({**BODY, name: 1})


@pytest.mark.parametrize(
    "messages", [None, "hi", ["hi"], [{"role": "user"}], [{"role": "user", "content": "", "x": 1}]]
)
def test_unusual_messages_have_no_shape(messages: Any) -> None:
    assert not Shape.fits({**BODY, "messages": messages})


def test_shapes_are_told_apart() -> None:
    assert Shape.key(BODY) == Shape.key({**BODY, "max_tokens": 9, "stop": "y"})
    others: list[dict[str, Any]] = [{"max_tokens": 1.5}, {"model": "x"}, {"n": 1}]
    assert all(Shape.key({**BODY, **other}) != Shape.key(BODY) for other in others)
