"""One account that the gateway calls, and what is known about it now: list, breaker, throttle, connections.

Everything belongs to one event loop; the list is fetched in a thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from moongate.client.build import parts
from moongate.client.guard import Guard
from moongate.errors import MoongateError, RateLimitedError
from moongate.facts.keys import Key
from moongate.facts.models import Listing
from moongate.facts.providers import Provider
from moongate.gateway.board import Notes
from moongate.gateway.breaker import Breaker
from moongate.gateway.route import Offer, says_endpoint_is_ill
from moongate.gateway.seams import Whereabouts
from moongate.gateway.throttle import Throttle
from moongate.settings.load import Settings
from moongate.transport.connection import Limits as PoolLimits
from moongate.transport.network import USER_AGENT
from moongate.transport.pool import Pool
from moongate.wire.calls import Call
from moongate.wire.limits import Limits
from moongate.wire.replies import error_from

if TYPE_CHECKING:
    from moongate.transport.aio import AsyncDoor

T = TypeVar("T")
log = logging.getLogger("moongate.gateway")

FRESH_S = 600.0  # as `catalog.live.Freshness`: older, a list is looked at before it is used
STALE_S = 86_400.0
CALL_S = 60.0  # bound on a call that is no chat
CONNECTIONS = 4096  # at once, to one upstream, from one worker: silent streams hold one each


@dataclass(frozen=True, kw_only=True)
class Source:
    """One upstream as it is configured; two that are equal are the same."""

    name: str
    settings: Settings
    only: frozenset[str] | None = None  # models that are let through
    limits: Limits = field(default_factory=Limits)
    break_after: int = 5

    @property
    def told(self) -> str:
        """Where it is and whose key it has, in words."""
        key = self.settings.key
        whose = "without a key" if key is None else f"key {key.fingerprint}… from {key.source}"
        return f"{self.name}: {self.settings.row.base_url or self.settings.row.title}, {whose}"


class Upstream:
    """One account at one endpoint, and what is known about it now.

    `headers` are the lines that every request to it carries, `target` is the path of its chats, `opening` all that a
    chat begins with.
    """

    def __init__(self, source: Source, notes: Notes | None = None) -> None:
        self.source = source
        self.name = source.name
        self._parts = parts(source.settings)
        self.row: Provider = self._parts.row
        self.guard: Guard = self._parts.guard
        self.pool = Pool(self.row, self._parts.network, limits=PoolLimits(max_connections=CONNECTIONS))
        self.secrets = () if self._parts.key is None else (self._parts.key.reveal(),)
        self.headers = _lines(self._parts.key)
        fingerprint = "" if self._parts.key is None else self._parts.key.fingerprint
        self.whereabouts = Whereabouts(self.row.base_url, fingerprint)
        self.target = urlsplit(self.row.url("/chat/completions")).path.encode()
        self.opening = self.pool.opening(b"POST", self.target, self.headers)
        self.breaker = Breaker(after=source.break_after)
        self.throttle = Throttle(source.limits, notes)
        self.calls = 0  # under way
        self._looking = asyncio.Lock()
        self._door: AsyncDoor | None = None
        self.listing: Listing | None = None
        self.failure: MoongateError | None = None  # why there is no list
        self.good_until = 0.0  # seconds since the epoch: until then the list serves as it is
        self.is_settled = False  # whether its list was had, or was tried for

    @property
    def offer(self) -> Offer:
        """What it offers, for the decision."""
        return Offer(name=self.name, row=self.row, listing=self.listing, pins=self.guard.pins, only=self.source.only)

    def wait(self, now: float) -> float:
        """Return how many seconds a call has to wait here; 0.0: it may leave. `now` is monotonic."""
        return self.breaker.wait(now) or self.throttle.wait(now)

    def lets_go(self, now: float) -> bool:
        """Count a call that leaves, if it need not wait; whatever comes of it, `ended` follows."""
        if self.breaker.is_calm and self.throttle.is_free:
            self.throttle.in_flight += 1
            self.calls += 1
            return True
        if self.wait(now) > 0:
            return False
        self.begins(now)
        if self.throttle.took_too_much(now):
            self.calls -= 1
            self.breaker.let_go()
            return False
        return True

    def returned(self, now: float, tokens: int) -> None:
        """Count a call that was answered; the same as `ended` without more."""
        if self.breaker.is_calm and self.throttle.is_free:
            self.throttle.in_flight -= 1
            self.calls -= 1
        else:
            self.ended(now, tokens=tokens)

    def begins(self, now: float) -> None:
        """Count a call that leaves; `ended` follows, whatever comes of it."""
        self.calls += 1
        self.breaker.begins(now)
        self.throttle.begins(now)

    def ended(self, now: float, *, tokens: int = 0, error: MoongateError | None = None, gone: bool = False) -> None:
        """Count how it ended: well, with an error, or (`gone`) because its client left."""
        self.calls -= 1
        self.throttle.ended(now, tokens)
        if error is None:
            if gone:
                self.breaker.let_go()
            else:
                self.breaker.succeeded()
        elif says_endpoint_is_ill(error):
            self.breaker.failed(now)
        else:
            self.breaker.succeeded()
            if isinstance(error, RateLimitedError) and error.kind == "rate_limited":
                self.throttle.told(error.provider_message or error.message, error.retry_after_s, now)

    def follows(self, before: Upstream) -> None:
        """Take the place of an upstream of the same name: what it has under way still counts for the account."""
        if before.row.base_url != self.row.base_url:
            before.throttle.notes_no_more()
            return
        self.throttle = before.throttle
        self.throttle.configure(self.source.limits, same_key=before.secrets == self.secrets)

    @property
    def door(self) -> AsyncDoor:
        """The ordinary way in, for what is no chat and may be large: files. It is made when it is first wanted."""
        if self._door is None:
            from moongate.transport.aio import AsyncDoor

            self._door = AsyncDoor(self.row, self._parts.key, self._parts.network)
        return self._door

    async def call(self, call: Call[T]) -> T:
        """Send a call that the guard has nothing to say about, once, and return what it answered."""
        target = urlsplit(call.url).path.encode()
        limit_s = self.source.settings.timeout_s or CALL_S
        reply = await self.pool.exchange(
            call.method.encode(), target, self.headers, call.body or b"", deadline_s=limit_s
        )
        if not reply.ok:
            raise error_from(reply, self.row, model=call.model, secrets=self.secrets)
        return call.decode(reply)

    async def in_thread(self, ask: Callable[[], T]) -> T:
        """Have a blocking question answered in a thread, one at a time: the first brings the list for all."""
        async with self._looking:
            return await asyncio.to_thread(ask)

    async def look(self, *, missing: bool = False) -> None:
        """Look at the list, fetched if it is too old, or if an id is `missing`."""
        catalog, before = self.guard.catalog, self.listing
        try:
            if missing:
                self.listing = await self.in_thread(catalog.again)
            else:
                self.listing = catalog.at_hand() or await self.in_thread(catalog.listing)
            self.failure = None
        except MoongateError as error:
            if before is not None or self.failure is None:
                log.warning("%s: %s", self.name, error)
            self.listing, self.failure = None, error
        self.is_settled = True
        listing = self.listing
        if listing is not None:
            bound = FRESH_S if listing.unverified_since is None else STALE_S
            self.good_until = listing.fetched_at + bound

    async def close(self) -> None:
        """Close its connections, and end the embedded model if it was started."""
        await self.pool.close()
        if self._door is not None:
            await self._door.close()
        await asyncio.to_thread(self._parts.close)


def _lines(key: Key | None) -> bytes:
    """Return the header lines that every request carries."""
    fixed = f"content-type: application/json\r\naccept-encoding: identity\r\nuser-agent: {USER_AGENT}\r\n"
    return (fixed if key is None else f"authorization: Bearer {key.reveal()}\r\n{fixed}").encode()
