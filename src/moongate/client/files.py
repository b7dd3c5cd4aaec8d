"""Files at a provider: upload, list, show, content, delete. `client.files` is one of these.

The two classes differ only in waiting. A batch file names models in its lines, so the guard reads every line first.
"""

from __future__ import annotations

import io
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from moongate.client.guard import Guard
from moongate.errors import ModelRefusedError, RequestRefusedError, TooLargeError, UsageError
from moongate.facts.files import FileObject
from moongate.store.atomic import replacing
from moongate.wire import filecalls, rules
from moongate.wire.calls import Call
from moongate.wire.filecalls import Source
from moongate.wire.peek import models_in

if TYPE_CHECKING:
    from moongate.client.aio import AsyncClient
    from moongate.client.sync import Client

log = logging.getLogger("moongate")
Progress = Callable[[int, int], None]


class Files:
    """The Files API of a blocking client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def upload(
        self, file: str | Path | bytes, *, purpose: str, filename: str | None = None, progress: Progress | None = None
    ) -> FileObject:
        """Upload a file given by path or as bytes. `progress` is told (bytes sent, size in bytes).

        Raises RuleError for an empty file or one above 100 MB, and what the guard raises for a batch file whose
        lines name a model that is not listed; nothing is sent then.
        """
        rules, guard = self._client.settings.rules, self._client.guard
        return self._client.call(_upload(guard, rules, file, purpose, filename, progress))

    def list(self) -> tuple[FileObject, ...]:
        """Return every file of the account."""
        return self._client.call(filecalls.listed(self._client.provider))

    def show(self, file_id: str) -> FileObject:
        """Return one file's description."""
        return self._client.call(filecalls.show(self._client.provider, file_id))

    def content(self, file_id: str) -> bytes:
        """Return what a file holds: extracted text, or the lines of a batch."""
        return self._client.call(filecalls.content(self._client.provider, file_id))

    def save(self, file_id: str, path: str | Path) -> int:
        """Write what a file holds to `path`, in one step and without holding it in memory; return its size in bytes.

        Raises TooLargeError beyond 512 MiB, StorageError when `path` cannot be written; then `path` is as it was.
        """
        call = filecalls.content(self._client.provider, file_id)
        with replacing(path) as file, self._client.pieces(call) as pieces:
            return sum(_written(file, piece, file_id) for piece in pieces)

    def delete(self, file_id: str) -> bool:
        """Delete a file; returns whether the platform says it is gone."""
        return self._client.call(filecalls.delete(self._client.provider, file_id))


class AsyncFiles:
    """The Files API of an asyncio client."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def upload(
        self, file: str | Path | bytes, *, purpose: str, filename: str | None = None, progress: Progress | None = None
    ) -> FileObject:
        """Upload a file given by path or as bytes; see `Files.upload`."""
        rules, guard = self._client.settings.rules, self._client.guard
        return await self._client.call(
            await self._client.in_thread(lambda: _upload(guard, rules, file, purpose, filename, progress))
        )

    async def list(self) -> tuple[FileObject, ...]:
        """Return every file of the account."""
        return await self._client.call(filecalls.listed(self._client.provider))

    async def show(self, file_id: str) -> FileObject:
        """Return one file's description."""
        return await self._client.call(filecalls.show(self._client.provider, file_id))

    async def content(self, file_id: str) -> bytes:
        """Return what a file holds: extracted text, or the lines of a batch."""
        return await self._client.call(filecalls.content(self._client.provider, file_id))

    async def save(self, file_id: str, path: str | Path) -> int:
        """Write what a file holds to `path`; see `Files.save`. The disk is written from the loop, piece by piece."""
        call = filecalls.content(self._client.provider, file_id)
        with replacing(path) as file:
            async with self._client.pieces(call) as pieces:
                return sum([_written(file, piece, file_id) async for piece in pieces])

    async def delete(self, file_id: str) -> bool:
        """Delete a file; returns whether the platform says it is gone."""
        return await self._client.call(filecalls.delete(self._client.provider, file_id))


def _written(file: BinaryIO, piece: bytes, file_id: str) -> int:
    """Write a piece of a file that comes from outside, within a bound."""
    if file.tell() + len(piece) > filecalls.MAX_CONTENT_BYTES:
        raise TooLargeError(f"File {file_id!r} is larger than {filecalls.MAX_CONTENT_BYTES // 2**20} MiB.")
    return file.write(piece)


def _upload(
    guard: Guard,
    mode: rules.Mode,
    file: str | Path | bytes,
    purpose: str,
    filename: str | None,
    progress: Progress | None,
) -> Call[FileObject]:
    source = _source(file, filename)
    if mode != "pass":
        findings = rules.check_file(size=source.size, purpose=purpose, row=guard.row)
        for warning in rules.passable(findings):
            log.warning("not certain: %s", warning.message)
    call = filecalls.upload(
        guard.row, source, purpose=purpose, boundary=f"moongate-{secrets.token_hex(16)}", progress=progress
    )
    if purpose == "batch":
        _check_lines(guard, source)
    return call


def _source(file: str | Path | bytes, filename: str | None) -> Source:
    if isinstance(file, bytes):
        return Source(filename=filename or "file", size=len(file), open=lambda: io.BytesIO(file))
    path = Path(file)

    def opened() -> BinaryIO:
        return path.open("rb")

    try:
        with opened() as first:  # says now, not in the middle of a request, whether it can be read
            size = first.seek(0, io.SEEK_END)
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    return Source(filename=filename or path.name, size=size, open=opened)


def _check_lines(guard: Guard, source: Source) -> None:
    """Have the guard read the model of every line of a batch file."""
    allowed: set[str] = set()
    with source.open() as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    _check_line(guard, line, allowed)
                except (ModelRefusedError, RequestRefusedError) as error:
                    error.message = f"Line {number} of {source.filename!r}: {error.message}"
                    raise


def _check_line(guard: Guard, line: bytes, allowed: set[str]) -> None:
    try:
        body = msgspec.json.decode(line, type=dict[str, msgspec.Raw])["body"]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError) as error:
        raise RequestRefusedError("It is no batch request with a body, so nothing was sent.") from error
    for name in models_in(bytes(body)):
        if name not in allowed:
            if guard.allow(name).id != name:
                raise ModelRefusedError(f"{name!r} is not a listed id; ids in a batch file are not rewritten.")
            allowed.add(name)
