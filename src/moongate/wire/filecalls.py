"""The Files API as calls. Opening and reading files is the door's, their limits are the rules'."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, TypeVar
from urllib.parse import quote

import msgspec

from moongate.errors import NotOfferedError, UsageError
from moongate.facts.files import FileObject
from moongate.facts.providers import Provider
from moongate.wire.calls import Call, Upload
from moongate.wire.replies import Reply, decode_as

T = TypeVar("T")
MAX_CONTENT_BYTES = 512 * 1024 * 1024


class _Files(msgspec.Struct):
    data: list[FileObject]


class _Deleted(msgspec.Struct):
    deleted: bool


@dataclass(frozen=True, kw_only=True)
class Source:
    """What to upload: its name, its size in bytes, and how to open it."""

    filename: str
    size: int
    open: Callable[[], BinaryIO]


def upload(
    row: Provider,
    source: Source,
    *,
    purpose: str,
    boundary: str,
    progress: Callable[[int, int], None] | None = None,
) -> Call[FileObject]:
    """Send a file. Not repeated by itself: a second upload is a second file.

    `boundary` is a text that the file does not hold; chance is the caller's.

    Which sizes and purposes a platform takes is a matter of `rules.check_file`.
    """
    path = _path(row)
    head = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n'
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{_header_safe(source.filename)}"\r\n'
        "content-type: application/octet-stream\r\n\r\n"
    )
    return Call(
        method="POST",
        url=row.url(path),
        upload=Upload(
            head=head.encode(),
            tail=f"\r\n--{boundary}--\r\n".encode(),
            size=source.size,
            open=source.open,
            progress=progress,
        ),
        headers={"content-type": f"multipart/form-data; boundary={boundary}"},
        decode=_file,
        repeatable=False,
    )


def listed(row: Provider) -> Call[tuple[FileObject, ...]]:
    """Every file of the account; the call has no pages."""
    return Call(method="GET", url=row.url(_path(row)), decode=lambda reply: tuple(_decoded(reply, _Files).data))


def show(row: Provider, file_id: str) -> Call[FileObject]:
    """One file."""
    return Call(method="GET", url=row.url(_one(row, file_id)), decode=_file)


def content(row: Provider, file_id: str) -> Call[bytes]:
    """What a file holds: the text that was extracted, or the lines of a batch."""
    return Call(
        method="GET",
        url=row.url(f"{_one(row, file_id)}/content"),
        decode=lambda reply: reply.body,
        max_reply_bytes=MAX_CONTENT_BYTES,
    )


def delete(row: Provider, file_id: str) -> Call[bool]:
    """Delete a file; returns whether the platform says it is gone."""
    return Call(
        method="DELETE", url=row.url(_one(row, file_id)), decode=lambda reply: _decoded(reply, _Deleted).deleted
    )


def _path(row: Provider) -> str:
    if row.files is None:
        raise NotOfferedError(f"{row.title} has no Files API that moongate knows.")
    return row.files


def _one(row: Provider, file_id: str) -> str:
    if not file_id:
        raise UsageError("A file id is empty.")
    return f"{_path(row)}/{quote(file_id, safe='')}"


def _file(reply: Reply) -> FileObject:
    return _decoded(reply, FileObject)


def _decoded(reply: Reply, shape: type[T]) -> T:
    return decode_as(shape, reply.body, what="The answer about a file")


def _header_safe(filename: str) -> str:
    """Return a file name that cannot end its header line; quotes as browsers write them (WHATWG form data)."""
    return filename.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
