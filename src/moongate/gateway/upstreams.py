"""The accounts that the gateway calls, and the routes to them: lists kept fresh, a dictionary for the hot path.

`route` decides what a name means; here are the endpoints, their clients, and what is remembered about each: breaker,
throttle, list. Everything belongs to one event loop; lists are fetched in threads.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from moongate.client.build import parts
from moongate.client.guard import Guard, Permit
from moongate.errors import ModelNotPermittedError, ModelRefusedError, MoongateError, RateLimitedError
from moongate.facts.keys import Key
from moongate.facts.models import Listing, Model
from moongate.facts.providers import Provider
from moongate.gateway import route as routing
from moongate.gateway.breaker import Breaker
from moongate.gateway.route import Offer, Reading, Readings, Table
from moongate.gateway.tariff import Tariff
from moongate.gateway.throttle import Throttle
from moongate.settings.load import Settings
from moongate.transport.connection import Limits as PoolLimits
from moongate.transport.network import USER_AGENT
from moongate.transport.pool import Pool
from moongate.wire.calls import Call
from moongate.wire.limits import Limits
from moongate.wire.replies import error_from

if TYPE_CHECKING:
    from moongate.gateway import seams
    from moongate.gateway.seams import Caller

T = TypeVar("T")
log = logging.getLogger("moongate.gateway")

LOOK_EVERY_S = 30.0  # how often a list is looked at, so that it is refreshed before it is too old
LOOK_AGAIN_S = 2.0  # after a failure; the catalog itself sees to it that the endpoint is not asked as often
FRESH_S = 600.0  # as `catalog.live.Freshness`: older, a list is looked at before it is used
STALE_S = 86_400.0
IDLE_LOOK_S = 0.5
CALL_S = 60.0  # bound on a call that is no chat
CONNECTIONS = 1024  # at once, to one upstream, from one worker
REMEMBERED = 4096  # routes that are remembered beside the table: restricted keys, declared suffixes


@dataclass(frozen=True, kw_only=True)
class Source:
    """One upstream as it is configured; two that are equal are the same."""

    name: str
    settings: Settings
    only: frozenset[str] | None = None  # models that are let through
    limits: Limits = field(default_factory=Limits)
    break_after: int = 5


class Upstream:
    """One account at one endpoint, and what is known about it now.

    `headers` are the lines that every request to it carries, `target` is the path of its chats.
    """

    def __init__(self, source: Source, *, workers: int = 1) -> None:
        self.source = source
        self.name = source.name
        self._parts = parts(source.settings)
        self.row: Provider = self._parts.row
        self.guard: Guard = self._parts.guard
        self.pool = Pool(self.row, self._parts.network, limits=PoolLimits(max_connections=CONNECTIONS))
        self.secrets = () if self._parts.key is None else (self._parts.key.reveal(),)
        self.headers = _lines(self._parts.key)
        self.target = urlsplit(self.row.url("/chat/completions")).path.encode()
        self.breaker = Breaker(after=source.break_after)
        self.throttle = Throttle(source.limits, workers=workers)
        self._looking = asyncio.Lock()
        self.listing: Listing | None = None
        self.failure: MoongateError | None = None  # why there is no list
        self.good_until = 0.0  # seconds since the epoch: until then the list serves as it is

    @property
    def offer(self) -> Offer:
        """What it offers, for the decision."""
        return Offer(name=self.name, row=self.row, listing=self.listing, pins=self.guard.pins, only=self.source.only)

    def wait(self, now: float) -> float:
        """Return how many seconds a call has to wait here; 0.0: it may leave. `now` is monotonic."""
        return self.breaker.wait(now) or self.throttle.wait(now)

    def begins(self, now: float) -> None:
        """Count a call that leaves; `ended` follows, whatever comes of it."""
        self.breaker.begins(now)
        self.throttle.begins(now)

    def ended(self, now: float, *, tokens: int = 0, error: MoongateError | None = None, gone: bool = False) -> None:
        """Count how it ended: well, with an error, or (`gone`) because its client left."""
        self.throttle.ended(now, tokens)
        if error is None:
            if gone:
                self.breaker.let_go()
            else:
                self.breaker.succeeded()
        elif routing.says_endpoint_is_ill(error):
            self.breaker.failed(now)
        else:
            self.breaker.succeeded()
            if isinstance(error, RateLimitedError) and error.kind == "rate_limited":
                self.throttle.told(error.provider_message or error.message, error.retry_after_s, now)

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

    async def look(self, *, missing: bool = False) -> bool:
        """Look at the list, fetched if it is too old, or if an id is `missing`; say whether it changed."""
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
        listing = self.listing
        if listing is not None:
            bound = FRESH_S if listing.unverified_since is None else STALE_S
            self.good_until = listing.fetched_at + bound
        return listing is not before

    async def close(self) -> None:
        """Close its connections, and end the embedded model if it was started."""
        await self.pool.close()
        await asyncio.to_thread(self._parts.close)


class Target:
    """One upstream for one model."""

    __slots__ = ("model", "row", "tariff", "upstream", "wire_id")

    def __init__(self, upstream: Upstream, wire_id: str, model: Model | None, tariff: Tariff) -> None:
        self.upstream = upstream
        self.row = upstream.row
        self.wire_id = wire_id
        self.model = model
        self.tariff = tariff

    def denied(self, error: ModelNotPermittedError) -> None:
        """Say, and keep as evidence, that a listed id was answered "not found or not permitted". Blocks."""
        self.upstream.guard.denied(Permit(name=self.wire_id, id=self.wire_id, model=self.model), error)


class Route:
    """Where a name leads: targets in the order in which they are tried."""

    __slots__ = ("name", "targets")

    def __init__(self, name: str, targets: tuple[Target, ...]) -> None:
        self.name = name
        self.targets = targets

    def good_at(self, now: float) -> bool:
        """Say whether the lists that it rests on may still be used as they are."""
        for target in self.targets:  # noqa: SIM110 - a generator costs more than the loop
            if now >= target.upstream.good_until:
                return False
        return True


class Upstreams:
    """Every upstream, and which of them a name means for a caller."""

    def __init__(
        self,
        sources: Sequence[Source],
        routes: Mapping[str, Sequence[str]] | None = None,
        *,
        workers: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._workers = workers
        self._routes = dict(routes or {})
        self.every: tuple[Upstream, ...] = tuple(Upstream(source, workers=workers) for source in sources)
        self._by_name: dict[str, Upstream] = {}
        self._offers: tuple[Offer, ...] = ()
        self._table = Table(accepted={})
        self._targets: dict[tuple[str, str], Target] = {}
        self._at_hand: dict[str, Route] = {}
        self._beside: dict[tuple[str, frozenset[str] | None, frozenset[str] | None], Route] = {}
        self._keeping: dict[Upstream, asyncio.Task[None]] = {}
        self._leaving: dict[Upstream, asyncio.Task[None]] = {}
        self._said: tuple[str, ...] = ()  # the table's notes that were logged
        self._rebuild()

    @property
    def ready(self) -> bool:
        """Whether any upstream's list was had."""
        return any(upstream.listing is not None for upstream in self.every)

    @property
    def several(self) -> bool:
        """Whether names need a prefix, or a meaning of their own."""
        return len(self.every) > 1

    def at_hand(self, name: str, caller: Caller) -> Route | None:
        """Return the route if the lists in memory give one; two lookups at most."""
        found = self._at_hand.get(name) if caller.providers is None and caller.models is None else None
        if found is None:
            found = self._beside.get((name, caller.providers, caller.models))
        return found if found is not None and found.good_at(self._clock()) else None

    async def find(self, name: str, caller: Caller) -> Route:
        """Return the route after a look at the lists: refetched for a name that is missing, at most every 30 s.

        Raises ModelRefusedError where no list has the name or the key may not use it, ListUnavailableError,
        AuthenticationError and their like where there is no list.
        """
        asked = self._asked(name)
        stale = [upstream for upstream in asked if self._clock() >= upstream.good_until]
        await self._look(stale, missing=False)
        found = self._found(name, caller)
        if found is None and not self._readings(name):
            await self._look([upstream for upstream in asked if upstream.listing is not None], missing=True)
            found = self._found(name, caller)
        return found if found is not None else await self._loose_or_refused(name, caller, asked)

    async def find_all(self, names: Sequence[str], caller: Caller) -> Route:
        """Return the route of a body that names several models: all at the upstream of the first.

        Raises as `find`, and ModelRefusedError for one that is not served there as it is written.
        """
        first = await self.find(names[0], caller)
        if len(names) == 1:
            return first
        target = first.targets[0]
        others: dict[str, Tariff] = {}
        for name in names[1:]:
            found = await self.find(name, caller)
            there = next((t for t in found.targets if t.upstream is target.upstream and t.wire_id == name), None)
            if there is None:
                raise ModelRefusedError(
                    f"{name!r} is not served as it is written by {target.upstream.name!r}, where {names[0]!r} leads.",
                    advice="Every member of 'models' goes to one upstream, and only 'model' is rewritten.",
                )
            others[there.wire_id] = there.tariff
        tariff = Tariff(target.model, target.row, others)
        return Route(first.name, (Target(target.upstream, target.wire_id, target.model, tariff),))

    def spellings(self, caller: Caller) -> list[tuple[str, Target]]:
        """Return every name that a key may ask for, with where it leads first."""
        found = []
        for name in (*self._table.accepted, *self._table.ambiguous):
            readings = self._meant(name, caller)
            if readings:
                found.append((name, self._target(readings[0])))
        return found

    async def keep(self) -> None:
        """Keep every list fresh, until cancelled."""
        try:
            self._keep_all()
            await asyncio.Event().wait()
        finally:
            await _ended(self._keeping.values())
            self._keeping.clear()

    def use(self, sources: Sequence[Source], routes: Mapping[str, Sequence[str]]) -> None:
        """Work with another configuration from now on: what is unchanged stays, what left is closed once idle.

        Raises a ConfigError or EngineError for an upstream that cannot be built; then nothing has changed.
        """
        built = self._built(sources)
        gone = [upstream for upstream in self.every if upstream not in built]
        self.every, self._routes = built, dict(routes)
        self._rebuild()
        for upstream in gone:
            if upstream in self._keeping:
                self._keeping.pop(upstream).cancel()
            self._leaving[upstream] = asyncio.create_task(self._close_when_idle(upstream))
        self._keep_all()

    async def close(self) -> None:
        """Close every upstream, those that were on their way out too."""
        await _ended([*self._keeping.values(), *self._leaving.values()])
        for upstream in (*self.every, *self._leaving):
            await upstream.close()

    def _built(self, sources: Sequence[Source]) -> tuple[Upstream, ...]:
        """Return the upstreams of a configuration: those at work that are configured as before, and new ones."""
        at_work = {upstream.name: upstream for upstream in self.every}
        built: list[Upstream] = []
        try:
            for source in sources:
                old = at_work.get(source.name)
                same = old is not None and old.source == source
                built.append(old if old is not None and same else Upstream(source, workers=self._workers))
        except MoongateError:
            for upstream in built:
                if upstream not in self.every:
                    self._leaving[upstream] = asyncio.create_task(self._close_when_idle(upstream))
            raise
        return tuple(built)

    def _keep_all(self) -> None:
        for upstream in self.every:
            if upstream not in self._keeping:
                self._keeping[upstream] = asyncio.create_task(self._keep(upstream))

    async def _keep(self, upstream: Upstream) -> None:
        while True:
            await self._look([upstream], missing=False)
            await asyncio.sleep(LOOK_AGAIN_S if upstream.listing is None else LOOK_EVERY_S)

    async def _close_when_idle(self, upstream: Upstream) -> None:
        while upstream.throttle.in_flight:
            await asyncio.sleep(IDLE_LOOK_S)
        await upstream.close()
        del self._leaving[upstream]

    async def _look(self, upstreams: Sequence[Upstream], *, missing: bool) -> None:
        changed = await asyncio.gather(*(upstream.look(missing=missing) for upstream in upstreams))
        if any(changed):
            self._rebuild()

    def _rebuild(self) -> None:
        """Work out every spelling anew; what is asked for meanwhile goes by the old ones."""
        self._offers = tuple(upstream.offer for upstream in self.every)
        self._table = routing.table_of(self._offers, self._routes)
        self._by_name = {upstream.name: upstream for upstream in self.every}
        self._targets = {}
        self._beside = {}
        self._at_hand = {name: self._route(name, readings) for name, readings in self._table.accepted.items()}
        if self._table.notes != self._said:
            self._said = self._table.notes
            for note in self._said:
                log.warning("%s", note)

    def _asked(self, name: str) -> tuple[Upstream, ...]:
        """Return the upstreams whose list settles what a name means."""
        routed = routing.split(name, self._offers) if self.several else None
        return self.every if routed is None else (self._by_name[routed[0].name],)

    def _readings(self, name: str) -> Readings:
        """Return everything that a name can mean, whoever asks."""
        known = self._table.accepted.get(name) or self._table.ambiguous.get(name)
        return known or routing.readings_of(name, self._offers)  # a listed id with an ending that its provider takes

    def _meant(self, name: str, caller: Caller) -> Readings:
        """Return what a name means for a caller: as it is routed, or the one thing that it can mean to that key."""
        readings = self._permitted(name, self._readings(name), caller)
        return readings if len(readings) == 1 or name in self._table.accepted else ()

    def _found(self, name: str, caller: Caller) -> Route | None:
        """Return the route for a caller, remembered for the next time."""
        readings = self._meant(name, caller)
        if not readings:
            return None
        route = self._route(name, readings)
        if len(self._beside) >= REMEMBERED:
            self._beside.clear()
        self._beside[name, caller.providers, caller.models] = route
        return route

    def _permitted(self, name: str, readings: Readings, caller: Caller) -> Readings:
        return routing.permitted(name, readings, providers=caller.providers, models=caller.models)

    def _route(self, name: str, readings: Readings) -> Route:
        return Route(name, tuple(self._target(reading) for reading in readings))

    def _target(self, reading: Reading) -> Target:
        known = self._targets.get((reading.upstream, reading.wire_id))
        if known is None:
            upstream = self._by_name[reading.upstream]
            tariff = Tariff(reading.model, upstream.row)
            known = Target(upstream, reading.wire_id, reading.model, tariff)
            self._targets[reading.upstream, reading.wire_id] = known
        return known

    async def _loose_or_refused(self, name: str, caller: Caller, asked: Sequence[Upstream]) -> Route:
        """Return what a guard that was told to be loose lets through; raise why the name is not served otherwise."""
        usable = [spelling for spelling, _ in self.spellings(caller)]
        readings = self._readings(name)
        if readings and not self._permitted(name, readings, caller):
            raise routing.not_for_this_key(name, usable)
        if len(asked) > 1:
            self._raise_if_no_list(asked)
            raise routing.refused_for_several(name, self._table, usable)
        (upstream,) = asked
        bare = name.partition("/")[2] if self.several else name
        permit = await upstream.in_thread(partial(upstream.guard.allow, bare))
        if permit.model is not None or permit.id != bare or upstream.source.only is not None:
            raise routing.not_served(name, upstream.offer, usable)
        for note in permit.notes:
            log.warning("%s", note)
        target = Target(upstream, permit.id, None, Tariff(None, upstream.row))
        if not self._permitted(name, (_reading(target),), caller):
            raise routing.not_for_this_key(name, usable)
        return Route(name, (target,))

    def _raise_if_no_list(self, asked: Sequence[Upstream]) -> None:
        if all(upstream.listing is None for upstream in asked):
            raise next(upstream.failure for upstream in asked if upstream.failure is not None)


def _lines(key: Key | None) -> bytes:
    """Return the header lines that every request carries."""
    fixed = f"content-type: application/json\r\naccept-encoding: identity\r\nuser-agent: {USER_AGENT}\r\n"
    return (fixed if key is None else f"authorization: Bearer {key.reveal()}\r\n{fixed}").encode()


def _reading(target: Target) -> Reading:
    return Reading(upstream=target.upstream.name, provider=target.row.name, wire_id=target.wire_id)


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if TYPE_CHECKING:

    def _conforms(upstreams: Upstreams) -> seams.Routes:
        return upstreams
