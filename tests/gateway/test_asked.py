"""What the gateway reads in a request, and what it sends on."""

from __future__ import annotations

import json

import pytest

from moongate.errors import RequestRefusedError
from moongate.gateway.asked import Asked, asked_from, edited, renamed


def sent(request: Asked) -> bytes:
    assert isinstance(request.body, bytes)
    return edited(request.body, request.edits)


def test_a_plain_request_travels_as_it_is() -> None:
    body = b'{"model":"m","messages":[],"temperature":1.0,"x":12345678901234567890.50,"u":"\\u00e9\\ud83d\\ude00"}'
    request = asked_from(body)
    assert request.body == body
    assert (request.model, request.stream, request.max_tokens, request.choices) == ("m", False, None, 1)


def test_a_stream_asks_for_its_usage_and_keeps_its_other_options() -> None:
    request = asked_from(b'{"model":"m","stream":true,"stream_options":{"chunk":7}}')
    assert json.loads(sent(request))["stream_options"] == {"chunk": 7, "include_usage": True}
    assert (request.stream, request.include_usage) == (True, False)
    assert asked_from(b'{"model":"m","stream":true,"stream_options":{"include_usage":true}}').include_usage
    assert not asked_from(b'{"model":"m","stream":true,"stream_options":null}').include_usage


@pytest.mark.parametrize(
    ("extra", "most"),
    [
        ('"max_tokens":5', 5),
        ('"max_completion_tokens":7,"max_tokens":5', 7),
        ('"max_tokens":-1', None),
        ('"max_tokens":"5"', None),
        ('"max_tokens":true', None),
        ('"max_tokens":null', None),
    ],
)
def test_the_bound_on_the_answer_is_the_larger_of_the_two(extra: str, most: int | None) -> None:
    assert asked_from(f'{{"model":"m",{extra}}}'.encode()).max_tokens == most


def test_every_model_is_read() -> None:
    assert asked_from(b'{"model":"a","models":["b","c"]}').models == ("a", "b", "c")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"model":"a","model":"b"}', b'{"model":"a","MODEL":"b"}', b'{"x":1}'])
def test_what_could_be_read_in_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(RequestRefusedError):
        asked_from(body)


@pytest.mark.parametrize("more", ["", ',"unusual":1', ',"u":"\\u00e9"', ',"x":{"model":"inner","stream":false}', " "])
@pytest.mark.parametrize("options", ["", ',"stream_options":null', ',"stream_options":{"chunk":[1,{"a":"}"}]}'])
@pytest.mark.parametrize("stream", ["true", "false"])
def test_the_quick_reading_and_the_walk_agree(more: str, options: str, stream: str) -> None:
    text = (
        f'{{"messages":[{{"content":"a \\\\\\"model\\": }} "}}],"model" :"m", "stream": {stream}{options}{more}}}\n'
    )
    request = asked_from(text.encode())
    assert (request.models, request.stream) == (("m",), stream == "true")
    body = json.loads(sent(request))
    assert {**body, "stream_options": 0} == {**json.loads(text), "stream_options": 0}
    if stream == "true":
        assert body["stream_options"]["include_usage"] is True
    renamed_body = json.loads(edited(text.encode(), renamed(request, 'other "id"')))
    assert renamed_body == {**body, "model": 'other "id"'}


def test_a_long_body_is_walked_through() -> None:
    long = json.dumps({"messages": [{"role": "user", "content": 'say "model" \\ ' * 5000}], "model": "m", "n": 2})
    assert (asked_from(long.encode()).model, asked_from(long.encode()).choices) == ("m", 2)
    for more in (',"Model":"b"}', ',"n":3}', ',"STREAM":true}'):
        with pytest.raises(RequestRefusedError):
            asked_from((long[:-1] + more).encode())
