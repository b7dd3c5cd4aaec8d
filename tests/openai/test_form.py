"""Forms, read strictly."""

from __future__ import annotations

import pytest

from moongate.errors import RequestRefusedError
from moongate.openai.form import fields, only, text

KIND = "multipart/form-data; boundary=b"


def form(*parts: bytes) -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def part(name: str, content: bytes = b"x", more: str = "") -> bytes:
    return f'Content-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content


def test_fields_come_byte_for_byte() -> None:
    found = fields(
        KIND, form(part("purpose", b"batch"), part("file", b"\r\n--a\x00", '; filename="f"\r\nContent-Type: a/b'))
    )
    assert text(found, "purpose") == "batch"
    assert only(found, "file") == b"\r\n--a\x00"


@pytest.mark.parametrize("names", [(), ("model", "model"), ("model", "Model"), ("model", "model[]"), ("MODEL",)])
def test_a_field_that_is_not_there_once_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(RequestRefusedError):
        only(fields(KIND, form(part("other"), *map(part, names))), "model")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", form(part("a"))),
        ("multipart/form-data", form(part("a"))),
        ("multipart/form-data; boundary=b; boundary=c", form(part("a"))),
        (KIND, b"preamble\r\n" + form(part("a"))),
        (KIND, form(part("a")) + b"epilogue"),
        (KIND, form(part("a"))[:-4]),
        (KIND, form(b"no head")),
        (KIND, form(b'Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\nx')),
        (KIND, form(b"Content-Disposition: form-data; name*=utf-8''model\r\n\r\nx")),
        (KIND, b""),
    ],
)
def test_whatever_is_not_plain_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(RequestRefusedError):
        fields(kind, body)


def test_text_is_utf_8() -> None:
    with pytest.raises(RequestRefusedError):
        text(fields(KIND, form(part("model", b"\xff"))), "model")
