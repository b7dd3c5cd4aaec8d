"""A file and a batch of an account, and how they are shown. Pure.

The objects are OpenAI's with the fields that Moonshot documents (OpenAPI document, 2026-08-17); `errors` and
`expired_at`, which only OpenAI's has, say why a batch did not come to its end.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from moongate.facts.batches import ENDED, ENDPOINT, Status
from moongate.gateway.seams import Whereabouts

STAMPS = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
Document = dict[str, Any]


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file. Its content is kept here, or at an upstream, which knows it by an id that nobody else is told."""

    id: str
    account_id: int
    filename: str
    purpose: str
    bytes: int
    created_at: int
    status: str = "ready"
    upstream: str | None = None  # the name of the one that it was sent to
    base_url: str | None = None
    key: str | None = None  # the fingerprint of the one that it was sent with
    upstream_id: str | None = None

    @property
    def whereabouts(self) -> Whereabouts:
        """The account that it lies with, at an upstream."""
        return Whereabouts(self.base_url or "", self.key or "")

    @property
    def mark(self) -> str:
        """What its name begins with at an upstream, so that it is known there without an id."""
        return f"{self.id}-"

    @property
    def document(self) -> Document:
        """The FileObject."""
        names = ("id", "bytes", "created_at", "filename", "purpose", "status")
        more = {"object": "file", "status_details": ""}
        return {name: getattr(self, name) for name in names} | more


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """One thing for which a batch failed; `line` counts from 1, None for the file as a whole."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One batch. `at` says when it came to each of its states; the key that made it pays for its lines."""

    id: str
    account_id: int
    key_id: int
    input_file_id: str
    completion_window: str
    created_at: int
    expires_at: int
    metadata: dict[str, str] | None = None
    status: Status = "validating"
    at: dict[str, int] = {}
    total: int = 0
    completed: int = 0
    failed: int = 0
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: tuple[Wrong, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.status in ENDED

    @property
    def document(self) -> Document:
        """The BatchObject."""
        names = ("id", "input_file_id", "completion_window", "status", "output_file_id", "error_file_id")
        wrong = [{"code": w.code, "message": w.message, "param": w.param, "line": w.line} for w in self.errors]
        return {
            **{name: getattr(self, name) for name in names},
            "object": "batch",
            "endpoint": ENDPOINT,
            "errors": {"object": "list", "data": wrong} if wrong else None,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            **{f"{stamp}_at": self.at.get(stamp) for stamp in STAMPS},
            "request_counts": {"total": self.total, "completed": self.completed, "failed": self.failed},
            "metadata": self.metadata,
        }

    def entered(self, status: Status, now: float, **changes: Any) -> Batch:
        """Return it in another state; one that has ended, or is being cancelled, does not go back to work."""
        if self.ended or (self.status == "cancelling" and status in ("in_progress", "finalizing")):
            status = self.status
        at = self.at if status in self.at else {**self.at, status: int(now)}
        return replace(self, status=status, at=at, **changes)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a list, newest first."""

    rows: tuple[File | Batch, ...]
    has_more: bool = False

    @property
    def document(self) -> Document:
        """The list object."""
        data = [row.document for row in self.rows]
        ends: Mapping[str, Any] = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
        return {"object": "list", "data": data, "has_more": self.has_more, **ends}


def new_id(kind: str) -> str:
    """Return an id that nobody can guess."""
    return f"{kind}-{secrets.token_hex(12)}"
