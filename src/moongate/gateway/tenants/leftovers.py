"""What uploads to upstreams left behind when a kill, or a lost answer, came between them and their note.

Every upload is noted before it leaves, under an id that its file's name at the upstream begins with. One whose end
never came is looked for there by that name, once it is so old that nobody waits for it, and deleted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from functools import partial

from moongate.errors import MoongateError, StorageError
from moongate.gateway.clerk import Clerk
from moongate.gateway.gate import RefusedError
from moongate.gateway.tenants.archive import Archive
from moongate.gateway.tenants.away import SEND_S, Away
from moongate.gateway.tenants.records import File

log = logging.getLogger("moongate.gateway")

OVER_S = SEND_S + 300.0  # an upload that began so long ago has ended, at its upstream too
GIVE_UP_S = 86_400.0
LOOK_EVERY_S = 60.0


class Leftovers:
    """Clears them away."""

    def __init__(self, archive: Clerk[Archive], away: Away) -> None:
        self._archive = archive
        self._away = away
        self._told: set[str] = set()  # those that the log has already

    async def keep(self) -> None:
        """Look for them, until cancelled."""
        while True:
            try:
                await self.look()
            except StorageError as error:
                log.warning("what uploads left behind cannot be looked for: %s", error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Look for them once. Raises StorageError."""
        for file in await self._archive.ask(lambda archive: archive.left_behind(for_s=OVER_S)):
            try:
                count = await self._away.clear(file)
            except (MoongateError, RefusedError) as error:
                await self._wait(file, error)
            else:
                await self._end(file, "it was there, and is deleted" if count else "it is not there")

    async def _wait(self, file: File, error: Exception) -> None:
        if time.time() > file.created_at + GIVE_UP_S:
            await self._end(file, f"it may be there, and is not looked for any more: {error}")
        elif file.id not in self._told:
            self._told.add(file.id)
            log.warning("%s: it may be there, and is looked for again and again: %s", _said(file), error)

    async def _end(self, file: File, why: str) -> None:
        if await self._archive.ask(partial(Archive.drop_upload, id_=file.id)):  # of several workers, one says it
            log.warning("%s: %s", _said(file), why)


def _said(file: File) -> str:
    at = datetime.fromtimestamp(file.created_at, UTC)
    return (
        f"the upload of a file of account {file.account_id} to {file.upstream!r} ({file.base_url}) did not come to "
        f"its end: {file.mark}*, {file.bytes} bytes, {file.purpose}, {at:%Y-%m-%d %H:%M:%S} UTC"
    )
