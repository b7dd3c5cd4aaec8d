"""The fake's files: uploaded, listed, shown, read back, deleted, each seen only by the account that owns it.

Nothing is extracted: the content of a file is what was uploaded. Limits are the documented ones (2026-08-13).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from moongate.testing.accounts import Account
from moongate.testing.exchange import Received, Reply, refuse, reply_json
from moongate.testing.multipart import parts
from moongate.testing.readings import Readings
from moongate.testing.world import World

FILE_MAX_BYTES = 100 * 1024 * 1024
TOTAL_MAX_BYTES = 10 * 1024**3
COUNT_MAX = 1000
PURPOSES = {
    "four": ("file-extract", "image", "video", "batch"),
    "six": ("file-extract", "image", "video", "batch", "batch_output", "lambda"),
    "extract": ("file-extract",),
}
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
TEXT = ("content-type", "text/plain; charset=utf-8")


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One file of one account."""

    id: str
    org: str
    filename: str
    purpose: str
    content: bytes
    created_at: int  # seconds since the epoch

    def shown(self) -> dict[str, Any]:
        """Return the FileObject."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "ready",
            "status_details": "",
        }


class Files:
    """Every file there is. The limits may be lowered by a test."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}
        self.file_max_bytes = FILE_MAX_BYTES
        self.total_max_bytes = TOTAL_MAX_BYTES
        self.count_max = COUNT_MAX

    def of(self, account: Account) -> tuple[StoredFile, ...]:
        """Return an account's files, oldest first."""
        return tuple(file for file in tuple(self._files.values()) if file.org == account.org)

    def get(self, account: Account, id_: str) -> StoredFile:
        """Return one file of an account; a missing one or somebody else's raises the 404."""
        file = self._files.get(id_)
        if file is None or file.org != account.org:
            raise refuse("file_not_found", id=id_)
        return file

    def add(self, account: Account, *, filename: str, purpose: str, content: bytes, at: float) -> StoredFile:
        """Store a file for an account."""
        id_ = f"file-{secrets.token_hex(10)}"
        file = StoredFile(
            id=id_,
            org=account.org,
            filename=filename,
            purpose=purpose,
            content=content,
            created_at=int(at),
        )
        self._files[id_] = file
        return file

    def remove(self, id_: str) -> None:
        """Forget a file."""
        self._files.pop(id_, None)

    def upload(self, world: World, request: Received) -> Reply:
        """Answer POST /files."""
        account = world.caller(request)
        form = {part.name: part for part in parts(request.headers.get("content-type", ""), request.body)}
        file = form.get("file")
        if file is None or file.filename is None:
            raise refuse("file_missing")
        purpose = form["purpose"].content.decode("utf-8", "replace") if "purpose" in form else ""
        _check_purpose(purpose, world.readings)
        if purpose == "file-extract" and not world.readings.images_extracted and file.content.startswith(_IMAGES):
            raise refuse("file_image")
        self._check_room(account, len(file.content))
        stored = self.add(account, filename=file.filename, purpose=purpose, content=file.content, at=world.clock())
        return reply_json(stored.shown())

    def _check_room(self, account: Account, size: int) -> None:
        if size == 0:
            raise refuse("file_zero")
        if size > self.file_max_bytes:
            raise refuse("file_large")
        mine = self.of(account)
        if len(mine) >= self.count_max:
            raise refuse("file_count", limit=self.count_max)
        if sum(len(file.content) for file in mine) + size > self.total_max_bytes:
            raise refuse("file_total")

    def list(self, world: World, request: Received) -> Reply:
        """Answer GET /files, which takes no parameters."""
        rows = [file.shown() for file in self.of(world.caller(request))]
        return reply_json({"object": "list", "data": rows})

    def show(self, world: World, request: Received, id_: str) -> Reply:
        """Answer GET /files/{id}."""
        return reply_json(self.get(world.caller(request), id_).shown())

    def content(self, world: World, request: Received, id_: str) -> Reply:
        """Answer GET /files/{id}/content."""
        return Reply(headers=(TEXT,), body=self.get(world.caller(request), id_).content)

    def delete(self, world: World, request: Received, id_: str) -> Reply:
        """Answer DELETE /files/{id}."""
        self.remove(self.get(world.caller(request), id_).id)
        return reply_json({"id": id_, "object": "file", "deleted": True})


def _check_purpose(purpose: str, readings: Readings) -> None:
    if purpose not in PURPOSES[readings.purposes]:
        raise refuse("file_purpose" if readings.purposes == "extract" else "file_purposes", purpose=purpose)
