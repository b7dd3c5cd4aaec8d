"""The endpoint as the batch engine wants it: guarded, cheap for chats by the thousand, ordinary for everything else.

Chats go over raw kept connections with a head that is written once; files and batches over the ordinary door.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Container
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

import msgspec

from moongate.client.build import Parts
from moongate.client.guard import Permit
from moongate.errors import ModelRefusedError
from moongate.facts.models import Model
from moongate.facts.money import Price
from moongate.facts.providers import Provider
from moongate.ledger.price import bounding_price
from moongate.wire.calls import Call
from moongate.wire.peek import models_in, names_only
from moongate.wire.replies import Reply

if TYPE_CHECKING:
    from moongate.batch.upstream import Upstream
    from moongate.transport.aio import AsyncDoor
    from moongate.transport.pool import Pool

T = TypeVar("T")
EMBEDDED = Price(currency="USD", input=Decimal(0), output=Decimal(0), basis="the embedded model costs nothing")


class GuardedUpstream:
    """One endpoint behind its guard, for one event loop. `connections` is how many chats may be under way."""

    def __init__(self, parts: Parts, *, connections: int = 256) -> None:
        self._parts = parts
        self._connections = connections
        self._permitted: set[str] = set()
        self._last: str | None = None  # the id that most bodies will name, where it stands in JSON as it is
        self._pool: Pool | None = None
        self._door: AsyncDoor | None = None
        self._target = urlsplit(parts.row.url("/chat/completions")).path.encode()
        self._head = _head(parts)

    @property
    def row(self) -> Provider:
        """The endpoint's row."""
        return self._parts.row

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not stand in any message."""
        return (self._parts.key.reveal(),) if self._parts.key else ()

    @property
    def aliases(self) -> Container[str]:
        """The user's own names for ids; see `Upstream.aliases`."""
        return self._parts.guard.pins.ids

    def allow(self, name: str) -> Permit:
        """Return what may be sent for a name; see `Upstream.allow`."""
        return self._parts.guard.allow(name)

    async def permit(self, name: str) -> Model | None:
        """Have the guard allow a wire id; see `Upstream.permit`."""
        permit = await asyncio.to_thread(self._parts.guard.allow, name)
        if permit.id != name:
            raise ModelRefusedError(
                f"{name!r} is not an id of {self.row.title}; ids in a batch file are not rewritten.",
                advice=f"Write {permit.id!r} in the file.",
                suggestions=(permit.id,),
            )
        self._permitted.add(name)
        self._last = name if json.dumps(name) == f'"{name}"' else None
        return permit.model

    def check(self, body: bytes) -> None:
        """Look at the bytes that are about to leave; see `Upstream.check`."""
        if self._last and names_only(body, self._last) and _is_json(body):
            return
        for name in models_in(body):
            if name not in self._permitted and self._parts.guard.mode != "off":
                raise ModelRefusedError(
                    f"The line names {name!r}, which was not checked for this job, so nothing was sent.",
                    advice="One model per file: `moongate batch validate` shows the lines.",
                )

    def price(self, model: Model | None, *, batch: bool = False) -> Price | None:
        """Return the price that bounds and counts a job's cost; see `Upstream.price`."""
        return EMBEDDED if self._parts.engine is not None else bounding_price(model, self.row, batch=batch)

    async def send(self, body: bytes) -> Reply:
        """Send a chat once over a kept connection; see `Upstream.send`."""
        return await self._raw().exchange(
            b"POST", self._target, self._head, body, deadline_s=self._parts.network.total_timeout_s
        )

    async def call(self, call: Call[T]) -> T:
        """Send any other call; see `Upstream.call`."""
        return await self._ordinary().call(call)

    def pieces(self, call: Call[Any]) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Send a call and yield its answer in pieces."""
        return self._ordinary().stream_call(call)

    async def close(self) -> None:
        """Close every connection. The embedded model is its client's to end."""
        if self._pool is not None:
            await self._pool.close()
        if self._door is not None:
            await self._door.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _raw(self) -> Pool:
        if self._pool is None:
            from moongate.transport.pool import Pool

            self._pool = Pool(self.row, replace(self._parts.network, max_connections=self._connections))
        return self._pool

    def _ordinary(self) -> AsyncDoor:
        if self._door is None:
            from moongate.transport.aio import AsyncDoor

            self._door = AsyncDoor(self.row, self._parts.key, self._parts.network)
        return self._door


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
        body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _head(parts: Parts) -> bytes:
    lines = ["content-type: application/json", "accept: application/json", "accept-encoding: identity"]
    lines.append("user-agent: moongate")
    if parts.key is not None:
        lines.append(f"authorization: Bearer {parts.key.reveal()}")
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


if TYPE_CHECKING:

    def _conforms(upstream: GuardedUpstream) -> Upstream:
        return upstream
