"""A multipart/form-data body into its fields, read as strictly as no server does.

Whatever could be read in two ways is refused. For uploads it holds the whole body; no IO.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from moongate.errors import RequestRefusedError

_BOUNDARY = re.compile(r'multipart/form-data;\s*boundary="?([A-Za-z0-9\'()+_,./:=?-]{1,70})"?', re.IGNORECASE)
_HEAD = re.compile(r'content-disposition: form-data; name="([^"\r\n]*)"(?:; filename="([^"\r\n]*)")?', re.IGNORECASE)
_KIND = re.compile(r"content-type: [^\r\n]*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a form."""

    name: str
    content: bytes


def fields(content_type: str, body: bytes) -> tuple[Field, ...]:
    """Return the fields of a form. Raises RequestRefusedError when it is none, or no plain one."""
    said = _BOUNDARY.fullmatch(content_type.strip())
    if said is None:
        _refuse(f"{content_type!r} is no plain multipart/form-data")
    sections = (b"\r\n" + body).split(b"\r\n--" + said[1].encode())
    if len(sections) < 2 or sections[0] or sections[-1] not in (b"--", b"--\r\n"):
        _refuse("its form does not begin and end where it should")
    return tuple(_field(section) for section in sections[1:-1])


def only(found: tuple[Field, ...], name: str) -> bytes:
    """Return the one field of that name. Raises RequestRefusedError for none, several, or one with a like name."""
    alike = [field for field in found if field.name.casefold().partition("[")[0].strip() == name]
    if len(alike) != 1 or alike[0].name != name:
        _refuse(f"its form needs the field {name!r} exactly once")
    return alike[0].content


def text(found: tuple[Field, ...], name: str) -> str:
    """Return the one field of that name as text. Raises RequestRefusedError as `only` does, and for other bytes."""
    try:
        return only(found, name).decode()
    except UnicodeDecodeError:
        _refuse(f"the field {name!r} of its form is not UTF-8")


def _field(section: bytes) -> Field:
    head, gap, content = section.partition(b"\r\n\r\n")
    if not gap or not head.startswith(b"\r\n"):
        _refuse("a field of its form has no head")
    first, *more = head[2:].decode("utf-8", "replace").split("\r\n")
    said = _HEAD.fullmatch(first)
    if said is None or not all(_KIND.fullmatch(line) for line in more):
        _refuse("a field of its form has an unusual head")
    return Field(name=said[1], content=content)


def _refuse(why: str) -> NoReturn:
    raise RequestRefusedError(f"The request body was not sent: {why}.")
