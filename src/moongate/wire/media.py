"""Images and videos as parts of a message, without IO: what bytes are, and how a part carries them.

The Kimi API takes media only as data URLs or as `ms://` references to uploaded files; public addresses are refused
(platform documentation, 2026-08-13). Fetching and uploading is `moongate.client.media`.
"""

from __future__ import annotations

import base64
from typing import Any, Literal

from moongate.errors import UsageError

Kind = Literal["image", "video"]

_STARTS: tuple[tuple[bytes, Kind, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image", "image/png"),
    (b"\xff\xd8\xff", "image", "image/jpeg"),
    (b"GIF87a", "image", "image/gif"),
    (b"GIF89a", "image", "image/gif"),
    (b"BM", "image", "image/bmp"),
    (b"\x1aE\xdf\xa3", "video", "video/webm"),
    (b"FLV\x01", "video", "video/x-flv"),
    (b"\x00\x00\x01\xba", "video", "video/mpeg"),
)
_RIFF: dict[bytes, tuple[Kind, str]] = {b"WEBP": ("image", "image/webp"), b"AVI ": ("video", "video/x-msvideo")}
_BRANDS = {b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif", b"avif": "image/avif"}


def media_type(start: bytes) -> tuple[Kind, str] | None:
    """Return the kind and the MIME type of media by their first 16 bytes, or None for bytes that are neither."""
    for magic, kind, mime in _STARTS:
        if start.startswith(magic):
            return kind, mime
    if start[:4] == b"RIFF" and start[8:12] in _RIFF:
        return _RIFF[start[8:12]]
    if start[4:8] == b"ftyp":
        brand = start[8:12]
        if brand in _BRANDS:
            return "image", _BRANDS[brand]
        return "video", "video/quicktime" if brand == b"qt  " else "video/mp4"
    return None


def checked_type(start: bytes, wanted: Kind, *, name: str) -> str:
    """Return the MIME type of media of the wanted kind. Raises UsageError for anything else."""
    found = media_type(start)
    if found is None:
        raise UsageError(f"{name} is neither an image nor a video that moongate knows; nothing was sent.")
    if found[0] != wanted:
        raise UsageError(f"{name} is {found[1]}, no {wanted}; nothing was sent.")
    return found[1]


def inline_part(kind: Kind, mime: str, content: bytes) -> dict[str, Any]:
    """Return a part that carries the bytes themselves, as a data URL."""
    return _part(kind, f"data:{mime};base64,{base64.b64encode(content).decode()}")


def uploaded_part(kind: Kind, file_id: str) -> dict[str, Any]:
    """Return a part that refers to an uploaded file."""
    return _part(kind, f"ms://{file_id}")


def _part(kind: Kind, url: str) -> dict[str, Any]:
    name = f"{kind}_url"
    return {"type": name, name: {"url": url}}
