"""Which files a body refers to, however it is spelled."""

from __future__ import annotations

import json
import mmap
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.gateway.references import may_refer, references_in


def body(*urls: str) -> bytes:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": parts}]}).encode()


def ids_in(raw: bytes) -> list[str]:
    return [reference.id for reference in references_in(raw)]


def test_every_one_is_found_in_order_where_it_stands() -> None:
    raw = body("ms://b", "ms://a", "data:image/png;base64,AA", "ms://b")
    found = list(references_in(raw))
    assert [reference.id for reference in found] == ["b", "a", "b"]
    assert [json.loads(raw[reference.start : reference.end]) for reference in found] == ["ms://b", "ms://a", "ms://b"]


@pytest.mark.parametrize("text", ["see ms://a", 'he said "ms://a" to me', "ms:/a", "m s://a", "https://x/ms://a"])
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert ids_in(json.dumps({"content": text}).encode()) == []


@pytest.mark.parametrize(
    "spelled", [rb"ms:\/\/a", rb"\u006ds://a", rb"m\u0073:\u002f/a", rb"ms\u003A\/\u002Fa", rb"ms://\u0061"]
)
def test_escapes_hide_nothing(spelled: bytes) -> None:
    raw = b'{"url":"%b"}' % spelled
    assert json.loads(raw) == {"url": "ms://a"}
    assert may_refer(raw)
    assert ids_in(raw) == ["a"]


@given(st.data(), st.text('abc-_.019/"\\\n é%', min_size=1, max_size=8).filter(lambda id_: id_.strip() == id_))
def test_whatever_a_parser_reads_as_a_reference_is_found(data: st.DataObject, id_: str) -> None:
    def spelled(character: str) -> str:
        plain = json.dumps(character, ensure_ascii=False)[1:-1]
        ways = [plain, f"\\u{ord(character):04x}", f"\\u{ord(character):04X}"]
        return data.draw(st.sampled_from([*ways, "\\/"] if character == "/" else ways))

    raw = f'{{"url": "{"".join(map(spelled, f"ms://{id_}"))}"}}'.encode()
    assert json.loads(raw)["url"] == f"ms://{id_}"
    assert may_refer(raw)
    assert ids_in(raw) == [id_.replace("\n", "")]


@pytest.mark.parametrize(
    "url",
    ["MS://a", "Ms://a", " ms://a", "\n\tms://a", "m\ts://a", "ms:\r\n//a", "ms:/\n/a", "ms://a ", "ms://\na\t"],
)
def test_what_a_parser_of_urls_takes_for_one_is_one(url: str) -> None:
    for raw in (body(url), body(url).replace(b"s", rb"\u0073")):
        assert may_refer(raw)
        assert ids_in(raw) == ["a"]


def test_one_within_a_string_hides_none_behind_it() -> None:
    raw = json.dumps({"content": 'he said "ms://x" and', "url": "ms://a"}).encode()
    assert ids_in(raw) == ["a"]


@pytest.mark.parametrize(
    ("text", "is_url"),
    [
        ('{"url":"ms://a"}', True),
        ('{"image_url" : "ms://a"}', True),
        ('{"video_url":{\n  "url":\n    "ms://a"}}', True),
        ('{"text":"ms://a"}', False),
        ('{"content":"ms://a"}', False),
        ('{"url":["ms://a"]}', False),
        ('{"file_id":"ms://a"}', False),
    ],
)
def test_a_text_that_is_one_is_told_from_a_url(text: str, is_url: bool) -> None:
    (found,) = references_in(text.encode())
    assert (found.id, found.is_url) == ("a", is_url)


def test_they_are_found_in_a_body_on_the_disk() -> None:
    names = [f"file-{number}" for number in range(50)]
    with tempfile.TemporaryFile() as file:
        file.write(body(*(f"ms://{name}" for name in names)))
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert may_refer(mapped)
            assert ids_in(mapped) == names
