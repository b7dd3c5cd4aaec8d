"""Files that an account keeps at an upstream: for extraction, images, videos. They stay where they were uploaded.

A door. An upstream knows a file by an id of its own, which is told to nobody: what it says of a file is said with the
gateway's. Its list, which holds everybody's files, is looked at for what a kill left there, and never shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from moongate.errors import MoongateError, NotJsonError, TimedOutError, UnavailableError
from moongate.facts.files import FileObject
from moongate.gateway import replies
from moongate.gateway.gate import RefusedError
from moongate.gateway.replies import Refusal
from moongate.gateway.seams import Caller, Whereabouts
from moongate.gateway.tenants.asked import Unfit
from moongate.gateway.tenants.records import File
from moongate.gateway.tenants.upload import NAME_MAX
from moongate.wire import filecalls

if TYPE_CHECKING:
    from moongate.gateway.upstream import Upstream
    from moongate.gateway.upstreams import Upstreams

T = TypeVar("T")
log = logging.getLogger("moongate.gateway")
SEND_S = 600.0  # an upload takes no longer
ID_MAX = 512  # characters of an upstream's id
NOT_SHOWN = (400, 403, 404)  # what an upstream may say of another account's file


class Away:
    """The files of all accounts that lie at upstreams."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams
        self._same: set[tuple[Whereabouts, Whereabouts]] = set()  # accounts that are one, under two keys

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
                # The purposes beside batch, and `ms://`, are Moonshot's (OpenAPI document, 2026-08-17).
                return upstream
        if wanted is None:
            raise Unfit("no upstream here takes files for other purposes than batch")
        raise Unfit(f"{wanted[:80]!r} is no upstream here that takes files")

    async def send(self, upstream: Upstream, file: File, part: Path) -> FileObject:
        """Upload a file, once, under a name that begins with its mark. Raises what the upstream answers."""
        source = filecalls.Source(filename=_marked(file), size=file.bytes, open=lambda: part.open("rb"))
        boundary = f"moongate-{secrets.token_hex(16)}"
        call = filecalls.upload(upstream.row, source, purpose=file.purpose, boundary=boundary)
        try:
            async with _counted(upstream), asyncio.timeout(SEND_S):
                known = await upstream.door.call(call)
        except TimeoutError as error:
            raise TimedOutError(f"{upstream.row.title} did not take the file within {SEND_S:.0f} s.") from error
        if not 0 < len(known.id) <= ID_MAX:
            raise NotJsonError("The upstream gave the file an id that is none.", advice="Check the base url.")
        return known

    async def show(self, file: File) -> FileObject | None:
        """Return how a file is now; None where its upstream has it no more."""
        upstream = await self.at(file)
        with _named(file):
            async with _counted(upstream):
                return await _unless_gone(upstream.door.call(filecalls.show(upstream.row, file.upstream_id or "")))

    @contextlib.asynccontextmanager
    async def content(self, file: File) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield what a file holds, in pieces, within a `with`."""
        upstream = await self.at(file)
        call = filecalls.content(upstream.row, file.upstream_id or "")
        with _named(file):
            async with _counted(upstream), upstream.door.stream_call(call) as pieces:
                yield pieces

    async def delete(self, file: File) -> None:
        """Delete a file there. One that is gone already is deleted."""
        upstream = await self.at(file)
        with _named(file):
            async with _counted(upstream):
                await _unless_gone(upstream.door.call(filecalls.delete(upstream.row, file.upstream_id or "")))

    async def clear(self, file: File) -> int:
        """Delete whatever an upload left at its upstream under its mark; return how many files that were."""
        upstream = await self.at(file)
        async with _counted(upstream):
            listed = await upstream.door.call(filecalls.listed(upstream.row))
        found = [known.id for known in listed if known.filename.startswith(file.mark)]
        for id_ in found:
            await self.delete(replace(file, upstream_id=id_))
        return len(found)

    async def at(self, file: File) -> Upstream:
        """Return the upstream that a file lies at. Raises UnavailableError, which says why there is none.

        A name that leads to another address, or a key of another account, is none. A new key of the same account is
        known by the file, which it shows.
        """
        there = [upstream for upstream in self._upstreams.every if upstream.whereabouts == file.whereabouts]
        if there:
            return next((upstream for upstream in there if upstream.name == file.upstream), there[0])
        for upstream in self._upstreams.every:
            if upstream.whereabouts.base_url == file.base_url and await self._shows(upstream, file):
                return upstream
        raise UnavailableError(
            f"The file {file.id} lies at {file.upstream!r}, {self._why_not(file)}.",
            advice="Its operator can mend that in the configuration.",
        )

    async def _shows(self, upstream: Upstream, file: File) -> bool:
        """Say whether an upstream is the account of a file, though it has another key."""
        pair = file.whereabouts, upstream.whereabouts
        if file.upstream_id is None or pair in self._same:
            return pair in self._same
        try:
            async with _counted(upstream):
                shown = await upstream.door.call(filecalls.show(upstream.row, file.upstream_id))
        except MoongateError as error:
            if error.status in NOT_SHOWN:
                return False
            raise
        if (shown.id, shown.bytes) == (file.upstream_id, file.bytes):
            self._same.add(pair)
        return pair in self._same

    def _why_not(self, file: File) -> str:
        namesake = next((upstream for upstream in self._upstreams.every if upstream.name == file.upstream), None)
        if namesake is None:
            return "which this gateway does not call any more"
        if namesake.whereabouts.base_url != file.base_url:
            return "and that name leads to another address now"
        return "and the key that the gateway has for it now does not show it"


def _marked(file: File) -> str:
    """Return the name of a file at its upstream. A long one loses its beginning, for it ends with its type."""
    return file.mark + file.filename[-(NAME_MAX - len(file.mark)) :]


def _named(file: File) -> contextlib.AbstractContextManager[None]:
    return replies.renaming(((file.upstream_id or "", file.id),) if file.upstream_id else ())


def may_have_arrived(error: MoongateError | RefusedError) -> bool:
    """Say whether an upstream may have a file although no answer says so."""
    if isinstance(error, RefusedError) or not error.sent:
        return False
    return error.status is None or not 400 <= error.status < 500


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
