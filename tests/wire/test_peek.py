"""Which models a body names: as json.loads reads it where that is unambiguous, refused where it is not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moongate.errors import RequestRefusedError
from moongate.wire.peek import models_in, names_in, pairs_in

keys = st.sampled_from(["model", "models", "Model", "MODEL", "modelſ", "messages", "stream", "x"]) | st.text(
    max_size=4
)
leaves = st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=6) | st.just("kimi-k2.6")
values = st.recursive(leaves, lambda v: st.lists(v, max_size=3) | st.dictionaries(keys, v, max_size=3), max_leaves=8)


def _named(value: dict[str, object]) -> list[object] | None:
    """What an honest reading of a body without repeated keys gives; None where it must be refused."""
    if any(key.casefold() in ("model", "models") and key not in ("model", "models") for key in value):
        return None
    names = [] if value.get("model") is None else [value["model"]]
    more = value.get("models")
    if more is not None:
        if not isinstance(more, list):
            return None
        names += more
    return names if names and all(isinstance(name, str) and name for name in names) else None


@given(st.dictionaries(keys, values, max_size=5), st.booleans(), st.sampled_from([None, 1]))
def test_agrees_with_json_loads(value: dict[str, object], ascii_only: bool, indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    expected = _named(value)
    if expected is None:
        with pytest.raises(RequestRefusedError):
            models_in(body)
    else:
        assert list(models_in(body)) == expected


@given(st.binary(max_size=60) | st.text('{}[]",:model\\u0 \n1e-.NaNtrufalsn', max_size=60).map(str.encode))
@example(b'{"model":"a"}{"model":"b"}')
def test_never_reads_what_json_does_not(body: bytes) -> None:
    with contextlib.suppress(RequestRefusedError):
        names = models_in(body)
        pairs = json.loads(body, object_pairs_hook=lambda pairs: pairs)
        assert {name for key, value in pairs if key == "model" for name in [value]} <= set(names)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"model"',
        b'[{"model":"kimi-k2.6"}]',
        b"{}",
        b'{"model":null}',
        b'{"model":""}',
        b'{"model":7}',
        b'{"model":["kimi-k2.6"]}',
        b'{"models":"kimi-k2.6"}',
        b'{"models":[]}',
        b'{"model":"a","models":[1]}',
        b'{"model":"a","model":"a"}',
        b'{"model":"a","mod\\u0065l":"b"}',
        b'{"mod\\u0065l":"a","\\u006dodel":"b"}',
        b'{"models":["a"],"models":["b"],"model":"a"}',
        b'{"model":"a","Model":"b"}',
        b'{"MODEL":"a"}',
        b'{"model":"a","\\u004dODELS":["b"]}',
        b'{"model":"a","x":NaN}',
        b'{"model":"a","x":Infinity}',
        b'{"model":"a","x":-Infinity}',
        b'{"model":"a",}',
        b'{"model":"a"} x',
        b'{"model":"a"}{"model":"b"}',
        b'{model:"a"}',
        b"{'model':'a'}",
        b'{"model":"a"//\n}',
        b'{"model" "a"}',
        b'{"model":"a\n"}',
        b'{"model":"a","x":01}',
        b'\xef\xbb\xbf{"model":"a"}',
        '{"model":"a"}'.encode("utf-16"),
        b'{"model":"\xff"}',
        b'{"model":"a"',
        b'{"model":"a","x":' + b"[" * 200_000,
        b'{"model":"a","x":' + b'{"x":' * 200_000,
        b"\x00",
        b'\x00{"model":"a"}',
    ],
)
def test_refused(body: bytes) -> None:
    with pytest.raises(RequestRefusedError, match=r"not sent|nothing was sent"):
        models_in(body)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"model":"kimi-k2.6"}', ("kimi-k2.6",)),
        (b' \r\n\t{ "x" : {"model":"inner"} , "model" : "kimi-k2.6" } \n', ("kimi-k2.6",)),
        (b'{"mod\\u0065l":"kimi-k2.6"}', ("kimi-k2.6",)),
        (b'{"model":"a","models":["b","c"]}', ("a", "b", "c")),
        (b'{"models":["b"],"model":null}', ("b",)),
        (b'{"model":"a","messages":[{"model":"x","model":"y"}]}', ("a",)),
        (b'{"model":"a","models":null,"":1}', ("a",)),
    ],
)
def test_named(body: bytes, names: tuple[str, ...]) -> None:
    assert models_in(body) == names


spellings = st.sampled_from(
    ["model", "Model", "models", "MODELS", "m\\u006fdel", "modelſ", "a", "remodel", "messages"]
)
written = st.sampled_from(
    ['"kimi-k2.6"', '"a model"', '"\\u006d"', "null", "7", '["m"]', '{"model":"n"}', '{"a":[{}]}', '""']
)
bodies = st.lists(st.tuples(spellings, written), max_size=4).map(
    lambda pairs: ("{" + ",".join(f'"{key}":{text}' for key, text in pairs) + "}").encode()
)


@given(bodies, st.sampled_from([b"", b" ", b"x", b"\xff"]))
def test_the_glance_at_an_ordinary_body_sees_what_the_long_look_sees(body: bytes, rest: bytes) -> None:
    def outcome(look: Callable[[bytes], tuple[str, ...]]) -> object:
        try:
            return look(body + rest)
        except RequestRefusedError as error:
            return type(error)

    assert outcome(models_in) == outcome(lambda whole: names_in(whole, pairs_in(whole)))
