"""Which files a body refers to, however it is spelled."""

from __future__ import annotations

import json
import mmap
import tempfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.gateway.asked import Edit, edited
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


TEXTS = [
    "ms://a",
    "MS://a",
    " ms://a",
    "ms://a/b",
    "see ms://a",
    '"ms://a"',
    '{"url": "ms://a"}',
    'x "url": ',
    "\\",
    "é",
]
NESTED = st.recursive(
    st.sampled_from([*TEXTS, 1, None]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["url", "image_url", "text", "ms://a", 'a"url', "url:"]), inner, max_size=4)
    ),
    max_leaves=20,
)


def written(value: Any, key: str = "") -> Any:
    """What a body says once its references are written otherwise."""
    if isinstance(value, dict):
        return {key: written(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [written(inner) for inner in value]
    if key.endswith("url") and isinstance(value, str) and value.strip().lower().startswith("ms://"):
        return f"ms://their-{value.strip()[5:]}"
    return value


@given(NESTED, st.sampled_from([None, 0, 3]), st.booleans())
def test_only_urls_are_written_otherwise_and_nothing_else_changes(document, indent, is_ascii) -> None:
    raw = json.dumps({"model": "m", "messages": document}, indent=indent, ensure_ascii=is_ascii).encode()
    edits = tuple(
        Edit(each.start, each.end, json.dumps(f"ms://their-{each.id}").encode())
        for each in references_in(raw)
        if each.is_url
    )
    assert json.loads(edited(raw, edits)) == {"model": "m", "messages": written(document)}


def test_they_are_found_in_a_body_on_the_disk() -> None:
    names = [f"file-{number}" for number in range(50)]
    with tempfile.TemporaryFile() as file:
        file.write(body(*(f"ms://{name}" for name in names)))
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert may_refer(mapped)
            assert ids_in(mapped) == names
