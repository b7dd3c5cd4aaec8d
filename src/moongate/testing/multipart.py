"""A multipart/form-data body into its parts, byte for byte. Pure; only what an upload needs."""

from __future__ import annotations

import email
import email.message
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Part:
    """One field of a form."""

    name: str
    filename: str | None
    content: bytes


def parts(content_type: str, body: bytes) -> Iterator[Part]:
    """Yield the parts of a form; nothing when it is none."""
    header = email.message.Message()
    header["content-type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/form-data" or not boundary:
        return
    mark = b"\r\n--" + boundary.encode("latin-1", "replace")  # a header may spell any character (RFC 2231)
    for section in (b"\r\n" + body).split(mark)[1:]:
        if section.startswith(b"--"):
            return
        head, _, content = section.partition(b"\r\n\r\n")
        yield _part(head, content)


def _part(head: bytes, content: bytes) -> Part:
    fields = email.message_from_string(head.decode("utf-8", "replace").lstrip("\r\n") + "\r\n\r\n")
    name = fields.get_param("name", header="content-disposition", failobj="")
    return Part(name=str(name), filename=fields.get_filename(), content=content)
