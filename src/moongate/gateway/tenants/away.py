"""Files that an account keeps at an upstream: for extraction, images, videos. They stay where they were uploaded.

The gateway knows whose each one is. It never shows an upstream's own list, which holds everybody's, and a chat that
refers to a file goes to the upstream that has it, or nowhere.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from moongate.errors import MoongateError, NotJsonError, UnavailableError
from moongate.facts.files import FileObject
from moongate.gateway import replies
from moongate.gateway.clerk import Clerk
from moongate.gateway.gate import RefusedError
from moongate.gateway.references import FILE_ID, FILES_MAX, file_ids_in
from moongate.gateway.replies import Refusal
from moongate.gateway.seams import Caller
from moongate.gateway.tenants.archive import Archive
from moongate.gateway.tenants.asked import Unfit
from moongate.gateway.tenants.records import File
from moongate.wire import filecalls, rules
from moongate.wire.peek import Body

if TYPE_CHECKING:
    from moongate.gateway.upstream import Upstream
    from moongate.gateway.upstreams import Upstreams

T = TypeVar("T")
UNTOLD = (None, 502, 504)  # statuses that do not say whether the upstream took what it was sent


class Away:
    """The files of all accounts that lie at upstreams."""

    def __init__(self, upstreams: Upstreams, archive: Clerk[Archive]) -> None:
        self._upstreams = upstreams
        self._archive = archive

    def destination(self, caller: Caller, wanted: str | None) -> Upstream:
        """Return where a caller's file goes: the upstream that is named, else the first that takes such files.

        Raises Unfit where there is none that the key may use.
        """
        allowed = caller.providers
        for upstream in self._upstreams.every:
            names = (upstream.name, upstream.row.name)
            if upstream.row.files is None or (allowed is not None and allowed.isdisjoint(names)):
                continue
            if wanted in names or (wanted is None and upstream.row.dialect == "moonshot"):
                return (
                    upstream  # the purposes beside batch, and `ms://`, are Moonshot's (OpenAPI document, 2026-08-17)
                )
        if wanted is None:
            raise Unfit("no upstream here takes files for other purposes than batch")
        raise Unfit(f"{wanted[:80]!r} is no upstream here that takes files")

    async def send(self, upstream: Upstream, part: Path, *, filename: str, size: int, purpose: str) -> FileObject:
        """Upload a file, once. Raises RuleError unsent, and what the upstream answers."""
        rules.passable(rules.check_file(size=size, purpose=purpose, row=upstream.row))
        source = filecalls.Source(filename=filename, size=size, open=lambda: part.open("rb"))
        boundary = f"moongate-{secrets.token_hex(16)}"
        call = filecalls.upload(upstream.row, source, purpose=purpose, boundary=boundary)
        try:
            async with _counted(upstream):
                known = await upstream.door.call(call)
        except UnavailableError as error:
            if error.sent and error.status in UNTOLD:
                error.message += " It may have the file all the same; nobody here can refer to it."
            raise
        if not FILE_ID.fullmatch(known.id):
            raise NotJsonError("The upstream gave the file an id that is none.", advice="Check the base url.")
        return known

    async def show(self, file: File) -> FileObject | None:
        """Return how a file is now; None where its upstream has it no more."""
        upstream = self._at(file)
        async with _counted(upstream):
            return await _unless_gone(upstream.door.call(filecalls.show(upstream.row, file.id)))

    @contextlib.asynccontextmanager
    async def content(self, file: File) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield what a file holds, in pieces, within a `with`."""
        upstream = self._at(file)
        async with (
            _counted(upstream),
            upstream.door.stream_call(filecalls.content(upstream.row, file.id)) as pieces,
        ):
            yield pieces

    async def delete(self, file: File) -> None:
        """Delete a file there. One that is gone already is deleted."""
        upstream = self._at(file)
        async with _counted(upstream):
            await _unless_gone(upstream.door.call(filecalls.delete(upstream.row, file.id)))

    async def place_of(self, caller: Caller, body: Body) -> str | Refusal | None:
        """Return the name of the upstream that has the files which a body refers to; None where it refers to none.

        A refusal where one is not the caller's, or they lie in different places.
        """
        ids = file_ids_in(body)
        if not ids:
            return None
        if len(ids) > FILES_MAX:
            return replies.invalid(f"Invalid request: one request refers to at most {FILES_MAX} files")
        places = await self._archive.ask(lambda archive: archive.places_of(caller.account_id, ids))
        for id_ in ids:
            if id_ not in places:
                return no_file(id_)
        if len(found := set(places.values())) > 1:
            return replies.invalid(f"Invalid request: the files lie at {' and '.join(sorted(found))}")
        return found.pop()

    def _at(self, file: File) -> Upstream:
        for upstream in self._upstreams.every:
            if upstream.name == file.upstream:
                return upstream
        raise UnavailableError(
            f"The file lies at {file.upstream!r}, which this gateway does not call any more.",
            advice="Its operator took the upstream out of the configuration.",
        )


def no_file(id_: str) -> Refusal:
    """Return the answer about a file that is not there, or is another account's."""
    return Refusal(status=404, type="resource_not_found_error", message=f"file {id_[:80]} not found")


@contextlib.asynccontextmanager
async def _counted(upstream: Upstream) -> AsyncIterator[None]:
    """Have a call count at its upstream, which stays open until it ended. Raises RefusedError while none may go."""
    now = time.monotonic()
    if not upstream.lets_go(now):
        wait_s, broken = upstream.wait(now), upstream.breaker.wait(now) > 0
        raise RefusedError(replies.later(upstream.row.title, wait_s, broken=broken))
    try:
        yield
    except MoongateError as error:
        upstream.ended(time.monotonic(), error=error)
        raise
    except BaseException:
        upstream.ended(time.monotonic(), gone=True)
        raise
    upstream.ended(time.monotonic())


async def _unless_gone(answer: Awaitable[T]) -> T | None:
    try:
        return await answer
    except MoongateError as error:
        if error.status == 404:
            return None
        raise
