"""A file kept at a provider, and what may be uploaded."""

from __future__ import annotations

from typing import Literal

import msgspec

Purpose = Literal["file-extract", "image", "video", "batch"]
PURPOSES: tuple[Purpose, ...] = ("file-extract", "image", "video", "batch")
MAX_FILE_BYTES = 100 * 1024 * 1024  # per file; 1000 files and 10 GB per user (OpenAPI document, 2026-08-17)


class FileObject(msgspec.Struct, frozen=True, kw_only=True):
    """One uploaded file. `bytes` is its size, `created_at` seconds since the epoch."""

    id: str
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: str = ""
    status_details: str | None = None
