"""Forms, cut byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from moongate.testing.multipart import parts

KIND = 'multipart/form-data; boundary="b0unDary"'


def form(content: bytes) -> bytes:
    head = b'--b0unDary\r\nContent-Disposition: form-data; name="file"; filename="a b.txt"\r\n'
    return head + b"Content-Type: text/plain\r\n\r\n" + content + b"\r\n--b0unDary--\r\n"


@given(st.binary(max_size=50) | st.sampled_from([b"\r\n", b"\r\n--", b"x--b0unDary", b"a\r\n\r\nb", b"\n", b"\r"]))
def test_content_survives(content: bytes) -> None:
    assume(b"\r\n--b0unDary" not in b"\r\n" + content)  # whoever makes a form chooses another boundary then
    (part,) = parts(KIND, form(content))
    assert (part.name, part.filename, part.content) == ("file", "a b.txt", content)


@pytest.mark.parametrize(
    "kind", ["", "application/json", "multipart/form-data", 'multipart/mixed; boundary="b0unDary"']
)
def test_no_form_has_no_parts(kind: str) -> None:
    assert list(parts(kind, form(b"x"))) == []
