"""Images, videos and documents for a message: read or fetched, then carried inline or uploaded, as their size asks.

Only what a caller hands in explicitly is opened; nothing is ever fetched because a message mentions it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moongate.errors import UsageError
from moongate.facts.files import MAX_FILE_BYTES
from moongate.facts.providers import Provider
from moongate.wire.media import Kind, checked_type, inline_part

INLINE_BYTES = 8 * 1024 * 1024  # larger media are uploaded where the provider takes uploads
MAX_INLINE_BYTES = 70 * 1024 * 1024  # in base64 still below the 100 MB that a request may have


@dataclass(frozen=True, kw_only=True)
class Media:
    """Media ready to be carried. `part` is None when it has to be uploaded first."""

    kind: Kind
    content: bytes
    filename: str
    part: Mapping[str, Any] | None


def media_from(source: str | Path | bytes, kind: Kind, row: Provider, *, allow_private: bool = False) -> Media:
    """Return an image or a video from a path, an http(s) address or bytes.

    Raises UsageError for what is no such thing, is too large, or lies at an address that is not public.
    """
    content, filename = _content(source, allow_private=allow_private)
    mime = checked_type(content[:16], kind, name=repr(filename))
    if len(content) <= INLINE_BYTES or not _takes_uploads(row):
        if len(content) > MAX_INLINE_BYTES:
            raise UsageError(f"{filename!r} is too large to be sent inline, and {row.title} takes no uploads.")
        return Media(kind=kind, content=content, filename=filename, part=inline_part(kind, mime, content))
    return Media(kind=kind, content=content, filename=filename, part=None)


def extracted_message(filename: str, text: str) -> dict[str, str]:
    """Return a document's extracted text as the system message that the platform's guides ask for."""
    return {"role": "system", "content": f"{filename}\n\n{text}"}


def _takes_uploads(row: Provider) -> bool:
    return row.files is not None and row.dialect == "moonshot"


def _content(source: str | Path | bytes, *, allow_private: bool) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        content, filename = source, "media"
    elif isinstance(source, str) and source.startswith(("http://", "https://")):
        from moongate.transport.fetch import fetch

        content = fetch(source, max_bytes=MAX_FILE_BYTES, allow_private=allow_private)
        filename = source.rsplit("/", 1)[-1].split("?")[0] or "media"
    else:
        content, filename = _read(Path(source)), Path(source).name
    if not 0 < len(content) <= MAX_FILE_BYTES:
        raise UsageError(f"{filename!r} has {len(content)} bytes; between 1 byte and 100 MB can be sent.")
    return content, filename


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
