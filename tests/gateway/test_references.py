"""Which files a body refers to, however it is spelled."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.gateway.references import file_ids_in, may_refer


def body(*urls: str) -> bytes:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": parts}]}).encode()


def test_each_file_is_found_once_in_order() -> None:
    assert file_ids_in(body("ms://b", "ms://a", "data:image/png;base64,AA", "ms://b")) == ("b", "a")


@pytest.mark.parametrize("text", ["see ms://a", 'he said "ms://a" to me', "ms:/a", "m s://a", "https://x/ms://a"])
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert file_ids_in(json.dumps({"content": text}).encode()) == ()


@pytest.mark.parametrize("spelled", [rb"ms:\/\/a", rb"\u006ds://a", rb"m\u0073:\u002f/a", rb"ms\u003A\/\u002Fa"])
def test_escapes_hide_nothing(spelled: bytes) -> None:
    raw = b'{"url":"%b"}' % spelled
    assert json.loads(raw) == {"url": "ms://a"}
    assert may_refer(raw)
    assert file_ids_in(raw) == ("a",)


@given(st.data(), st.text("abc-_.019", min_size=1, max_size=8))
def test_whatever_a_parser_reads_as_a_reference_is_found(data: st.DataObject, id_: str) -> None:
    def spelled(character: str) -> str:
        ways = [character, f"\\u{ord(character):04x}", f"\\u{ord(character):04X}"]
        return data.draw(st.sampled_from([*ways, "\\/"] if character == "/" else ways))

    raw = f'{{"url": "{"".join(map(spelled, "ms://"))}{id_}"}}'.encode()
    assert json.loads(raw)["url"] == f"ms://{id_}"
    assert may_refer(raw)
    assert file_ids_in(raw) == (id_,)


@pytest.mark.parametrize("url", ["MS://a", "Ms://a", " ms://a", "\n\tms://a", "m\ts://a", "ms:\r\n//a", "ms:/\n/a"])
def test_what_a_parser_of_urls_takes_for_one_is_one(url: str) -> None:
    for raw in (body(url), body(url).replace(b"s", rb"\u0073")):
        assert may_refer(raw)
        assert file_ids_in(raw) == ("a",)


def test_one_within_a_string_hides_none_behind_it() -> None:
    raw = json.dumps({"content": 'he said "ms://x" and', "url": "ms://a"}).encode()
    assert file_ids_in(raw) == ("a",)
