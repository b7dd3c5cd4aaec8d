"""`/v1/files` and `/v1/batches`: what an account made, and nothing else. No list of an upstream passes through."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from moongate.errors import MoongateError
from moongate.facts.files import MAX_FILE_BYTES, PURPOSES
from moongate.gateway import replies
from moongate.gateway.clerk import Clerk
from moongate.gateway.gate import Gate, RefusedError, pieces
from moongate.gateway.relay import told
from moongate.gateway.replies import Refusal
from moongate.gateway.seams import Caller
from moongate.gateway.tenants.archive import Archive, FullError
from moongate.gateway.tenants.asked import PAGE_MAX, Unfit, limit_from, order_from
from moongate.gateway.tenants.away import Away, may_have_arrived, no_file
from moongate.gateway.tenants.places import Places
from moongate.gateway.tenants.records import Batch, File, new_id
from moongate.gateway.tenants.upload import Upload
from moongate.wire import rules

if TYPE_CHECKING:
    from moongate.gateway.upstream import Upstream

BATCH = "batch"  # the purpose
UPLOADS_AT_ONCE = 8
ELSEWHERE = "x-moongate-provider"  # the header that names the upstream for a file
AROUND = 64 * 1024  # bytes of a multipart body beside its file
TEXT = "text/plain; charset=utf-8"
FILE_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
TOO_LARGE = replies.invalid("File size is too large, max file size is 100MB, please confirm and re-upload the file")
EMPTY = replies.invalid("File size is zero, please confirm and re-upload the file")

Handler = Callable[[Request, Caller], Awaitable[Response]]


class Tenants:
    """The routes. `poke` is called when there is something new to do for batches."""

    def __init__(
        self, gate: Gate, archive: Clerk[Archive], places: Places, away: Away, poke: Callable[[], None]
    ) -> None:
        self._gate = gate
        self._archive = archive
        self._away = away
        self._places = places
        self._poke = poke
        self._uploads = 0

    def routes(self) -> list[Route]:
        """Return the routes."""
        found: tuple[tuple[str, str, Handler], ...] = (
            ("POST", "/v1/files", self.upload),
            ("GET", "/v1/files", self.files),
            ("GET", "/v1/files/{file_id}", self.file),
            ("DELETE", "/v1/files/{file_id}", self.drop),
            ("GET", "/v1/files/{file_id}/content", self.content),
            ("POST", "/v1/batches", self.create),
            ("GET", "/v1/batches", self.batches),
            ("GET", "/v1/batches/{batch_id}", self.batch),
            ("POST", "/v1/batches/{batch_id}/cancel", self.cancel),
        )
        return [Route(path, self._known(handler), methods=[method]) for method, path, handler in found]

    async def upload(self, request: Request, caller: Caller) -> Response:
        """Answer POST /v1/files: the body goes to the disk as it arrives."""
        if request.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
            raise RefusedError(replies.ENCODED)
        if int(request.headers.get("content-length") or 0) > 2 * MAX_FILE_BYTES:
            raise RefusedError(TOO_LARGE)
        if self._uploads >= UPLOADS_AT_ONCE:
            raise RefusedError(replies.NO_ROOM)
        self._uploads += 1
        try:
            return _shown(await self._uploaded(request, caller))
        finally:
            self._uploads -= 1

    async def _uploaded(self, request: Request, caller: Caller) -> File:
        id_ = new_id("file")
        with Upload(request.headers.get("content-type", ""), self._places.part(id_)) as upload:
            taken = 0
            async with contextlib.aclosing(pieces(request.receive)) as arriving:
                async for piece in arriving:
                    taken += len(piece)
                    if taken > 2 * MAX_FILE_BYTES:
                        break
                    upload.feed(piece)
            if upload.is_too_large or taken > MAX_FILE_BYTES + AROUND:
                raise RefusedError(TOO_LARGE)
            await asyncio.to_thread(upload.done)
            if upload.purpose not in PURPOSES:
                raise RefusedError(replies.invalid(f"Invalid purpose: {upload.purpose[:80]}"))
            if not upload.size:
                raise RefusedError(EMPTY)
            file = File(
                id=id_,
                account_id=caller.account_id,
                filename=upload.filename or "",
                purpose=upload.purpose,
                bytes=upload.size,
                created_at=int(time.time()),
            )
            try:
                if upload.purpose != BATCH:
                    wanted = request.headers.get(ELSEWHERE)
                    return await self._sent_away(file, self._away.destination(caller, wanted))
                await self._archive.ask(lambda archive: archive.add_file(file))
            except FullError as error:
                raise RefusedError(replies.invalid(str(error))) from error
        return file

    async def _sent_away(self, file: File, upstream: Upstream) -> File:
        """Upload a file that lies here to an upstream, noted before it leaves: none is there that nobody knows of."""
        rules.passable(rules.check_file(size=file.bytes, purpose=file.purpose, row=upstream.row))
        base_url, key = upstream.whereabouts.base_url, upstream.whereabouts.key
        begun = replace(file, upstream=upstream.name, base_url=base_url, key=key)
        await self._archive.ask(lambda archive: archive.begin_upload(begun))
        try:
            known = await self._away.send(upstream, begun, self._places.part(file.id))
        except (MoongateError, RefusedError) as error:
            if not may_have_arrived(error):
                await self._archive.ask(lambda archive: archive.drop_upload(file.id))
            elif isinstance(error, MoongateError):
                error.message += " It may have the file all the same; then it is deleted there."
            raise
        ended = replace(begun, upstream_id=known.id, created_at=known.created_at, status=known.status or file.status)
        await self._archive.ask(lambda archive: archive.end_upload(ended))
        return ended

    async def files(self, request: Request, caller: Caller) -> Response:
        """Answer GET /v1/files?purpose=&after=&limit=, newest first."""
        query = request.query_params
        limit, purpose, after = limit_from(query.get("limit"), PAGE_MAX), query.get("purpose"), query.get("after")
        page = await self._archive.ask(
            lambda archive: archive.files(caller.account_id, purpose=purpose, after=after, limit=limit)
        )
        return _json(page.document)

    async def file(self, request: Request, caller: Caller) -> Response:
        """Answer GET /v1/files/{file_id}; of one that lies at an upstream as it is there now."""
        file = await self._file(request, caller)
        if file.upstream is None:
            return _shown(file)
        known = await self._away.show(file)
        if known is None:
            raise RefusedError(no_file(file.id))
        details = (known.status_details or "").replace(file.upstream_id or file.id, file.id)
        return _shown(replace(file, status=known.status or file.status), details)

    async def content(self, request: Request, caller: Caller) -> Response:
        """Answer GET /v1/files/{file_id}/content with the file as it was uploaded, or as a batch wrote it.

        Of one that lies at an upstream, with what that makes of it: the text that was extracted.
        """
        file = await self._file(request, caller)
        if file.upstream is not None:
            return Relayed(file, self._away)
        path = self._places.path(file.id)
        if not path.is_file():
            raise RefusedError(no_file(file.id))
        return FileResponse(path, media_type=TEXT, headers=FILE_HEADERS)

    async def drop(self, request: Request, caller: Caller) -> Response:
        """Answer DELETE /v1/files/{file_id}: where it lies, then here."""
        id_ = request.path_params["file_id"]
        file = await self._file(request, caller)
        if file.upstream is not None:
            await self._away.delete(file)
        if not await self._archive.ask(lambda archive: archive.drop_file(caller.account_id, id_)):
            raise RefusedError(no_file(id_))
        return _json({"id": id_, "object": "file", "deleted": True})

    async def create(self, request: Request, caller: Caller) -> Response:
        """Answer POST /v1/batches: it is checked and worked off after the answer."""
        order = order_from(await self._gate.body(request.headers, request.receive))
        now = int(time.time())
        batch = Batch(
            id=new_id("batch"),
            account_id=caller.account_id,
            key_id=caller.key_id,
            input_file_id=order.input_file_id,
            completion_window=order.window,
            created_at=now,
            expires_at=now + order.window_s,
            metadata=order.metadata,
        )
        unfit = Unfit(f"input_file_id {order.input_file_id[:80]} is not a file with purpose batch")
        file = await self._archive.ask(lambda archive: archive.file(caller.account_id, order.input_file_id))
        if file is None or file.purpose != BATCH:
            raise unfit
        try:
            await self._archive.ask(lambda archive: archive.add_batch(batch))
        except FileNotFoundError:  # deleted in between
            raise unfit from None
        self._poke()
        return _json(batch.document)

    async def batches(self, request: Request, caller: Caller) -> Response:
        """Answer GET /v1/batches?after=&limit=, newest first."""
        limit, after = limit_from(request.query_params.get("limit")), request.query_params.get("after")
        page = await self._archive.ask(lambda archive: archive.batches(caller.account_id, after=after, limit=limit))
        return _json(page.document)

    async def batch(self, request: Request, caller: Caller) -> Response:
        """Answer GET /v1/batches/{batch_id}."""
        id_ = request.path_params["batch_id"]
        batch = await self._archive.ask(lambda archive: archive.batch(id_, caller.account_id))
        if batch is None:
            raise RefusedError(_no_batch(id_))
        return _json(batch.document)

    async def cancel(self, request: Request, caller: Caller) -> Response:
        """Answer POST /v1/batches/{batch_id}/cancel: lines that have their result keep it."""
        id_ = request.path_params["batch_id"]
        batch, could = await self._archive.ask(lambda archive: archive.cancel(caller.account_id, id_))
        if batch is None:
            raise RefusedError(_no_batch(id_))
        if not could:
            raise Unfit(f"a batch that is {batch.status} cannot be cancelled")
        self._poke()
        return _json(batch.document)

    async def _file(self, request: Request, caller: Caller) -> File:
        id_ = request.path_params["file_id"]
        file = await self._archive.ask(lambda archive: archive.file(caller.account_id, id_))
        if file is None:
            raise RefusedError(no_file(id_))
        return file

    def _known(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return a handler that knows who calls, and answers what cannot be met."""

        async def handled(request: Request) -> Response:
            caller = self._gate.caller(request.headers)
            try:
                return await handler(request, caller)
            except Unfit as error:
                raise RefusedError(replies.invalid(f"Invalid request: {error}")) from error

        return handled


class Relayed(StreamingResponse):
    """What an upstream says that a file holds, passed on as it comes; where that breaks off, so does the answer."""

    def __init__(self, file: File, away: Away) -> None:
        super().__init__(iter(()), media_type=TEXT, headers={**FILE_HEADERS, ELSEWHERE: file.upstream or ""})
        self._file = file
        self._away = away

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or tell what is wrong before there is a first byte. The upstream is let go whoever leaves."""
        try:
            async with self._away.content(self._file) as self.body_iterator:
                await self._pass_on(scope, receive, send)
        except MoongateError as error:
            if error.status == 404:
                raise RefusedError(no_file(self._file.id)) from error
            raise

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except MoongateError as error:
            told(error)  # the head is out: only a connection that ends early can say so


def _no_batch(id_: str) -> Refusal:
    return Refusal(status=404, type="resource_not_found_error", message=f"batch {id_[:80]} not found")


def _shown(file: File, details: str = "") -> Response:
    where = {} if file.upstream is None else {ELSEWHERE: file.upstream}
    return _json(file.document | {"status_details": details}, where)


def _json(value: Any, more: Mapping[str, str] = MappingProxyType({})) -> Response:
    headers = {"content-type": "application/json; charset=utf-8", "cache-control": "no-store", **more}
    return Response(msgspec.json.encode(value), 200, headers)
