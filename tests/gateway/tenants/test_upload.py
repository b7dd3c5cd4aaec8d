"""A multipart body taken apart as it arrives."""

from __future__ import annotations

import pytest

from moongate.gateway.tenants.asked import Unfit
from moongate.gateway.tenants.upload import Upload


@pytest.mark.parametrize("size", [1, 2, 7, 4096])
def test_pieces_of_any_size_make_the_same_file(shop, tmp_path, size) -> None:
    content = shop.lines(20) + b"\r\n--the-boundar\r\n--the-boundary"[:20]
    body = shop.form(content)
    with Upload(shop.kind, tmp_path / "file") as upload:
        for start in range(0, len(body), size):
            upload.feed(body[start : start + size])
        upload.done()
        assert (upload.purpose, upload.filename, upload.size) == ("batch", "in.jsonl", len(content))
        assert (tmp_path / "file").read_bytes() == content
        assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"nonsense", "cannot be read"),
        (b'--the-boundary\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut', "its end"),
        (
            b'--the-boundary\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--the-boundary--',
            "file is required",
        ),
        (b"--the-boundary\r\n" + b"x: y\r\n" * 20, "cannot be read"),
        (
            b'--the-boundary\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n' * 2
            + b"--the-boundary--\r\n",
            "'purpose' twice",
        ),
        (
            b'--the-boundary\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n' + b"x" * 2000,
            "longer than 1024 bytes",
        ),
        (
            b"".join(
                b'--the-boundary\r\nContent-Disposition: form-data; name="%d"\r\n\r\nx\r\n' % n for n in range(20)
            ),
            "more than 16 parts",
        ),
    ],
)
def test_what_is_no_upload_is_said_to_be_none(shop, tmp_path, body, said) -> None:
    with pytest.raises(Unfit, match=said), Upload(shop.kind, tmp_path / "file") as upload:
        upload.feed(body)
        upload.done()
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/form-data", "multipart/mixed; boundary=x"])
def test_another_kind_of_body_is_refused(tmp_path, kind) -> None:
    with pytest.raises(Unfit, match="multipart/form-data"):
        Upload(kind, tmp_path / "file")
