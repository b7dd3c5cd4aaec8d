"""All the accounts that the gateway calls, and the routes to them: lists kept fresh, a dictionary for the hot path.

`route` decides what a name means; here what it decided is kept at hand. Everything belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from moongate.client.guard import Permit
from moongate.errors import ModelNotPermittedError, ModelRefusedError, MoongateError, RequestRefusedError
from moongate.facts.models import Model
from moongate.gateway import heads
from moongate.gateway import route as routing
from moongate.gateway.board import Notes
from moongate.gateway.meter import is_embedded
from moongate.gateway.route import Allowed, Offer, Reading, Readings, Table
from moongate.gateway.tariff import Tariff
from moongate.gateway.upstream import Source, Upstream

if TYPE_CHECKING:
    from moongate.gateway import seams
    from moongate.gateway.asked import Asked

log = logging.getLogger("moongate.gateway")

LOOK_EVERY_S = 30.0  # how often a list is looked at, so that it is refreshed before it is too old
LOOK_AGAIN_S = 2.0  # after a failure; the catalog itself sees to it that the endpoint is not asked as often
IDLE_LOOK_S = 0.5
LEAVE_S = 5.0  # a call that found its route before, and waits for its money, is counted by then
SETTLED_LOOK_S = 0.02
TAKE_OVER_S = 10.0
REMEMBERED_LISTS = 64  # lists of spellings, one for each set of permissions
REMEMBERED = 4096  # routes that are remembered beside the table: restricted keys, declared suffixes


class Target:
    """One upstream for one model."""

    __slots__ = ("is_embedded", "model", "row", "tariff", "upstream", "whence", "wire_id")

    def __init__(self, upstream: Upstream, wire_id: str, model: Model | None, tariff: Tariff) -> None:
        self.upstream = upstream
        self.row = upstream.row
        self.wire_id = wire_id
        self.model = model
        self.tariff = tariff
        self.whence = heads.whence(upstream.name, wire_id)  # header lines
        self.is_embedded = is_embedded(self.row)

    def denied(self, error: ModelNotPermittedError) -> None:
        """Say, and keep as evidence, that a listed id was answered "not found or not permitted". Blocks."""
        self.upstream.guard.denied(Permit(name=self.wire_id, id=self.wire_id, model=self.model), error)


class Route:
    """Where a name leads: targets in the order in which they are tried."""

    __slots__ = ("name", "targets")

    def __init__(self, name: str, targets: tuple[Target, ...]) -> None:
        self.name = name
        self.targets = targets

    def at(self, placed: seams.Placed) -> Route:
        """Return the same where the files of the body lie, and nowhere else. Raises RequestRefusedError."""
        there = tuple(target for target in self.targets if target.upstream.whereabouts == placed.at)
        if not there:
            names = ", ".join(dict.fromkeys(target.upstream.name for target in self.targets))
            raise RequestRefusedError(
                f"The files lie at {placed.upstream!r}, and {self.name!r} leads to {names}.",
                advice="Files stay where they were uploaded: ask for a model there, or upload them where it leads.",
            )
        return Route(self.name, there)

    def worst(self, asked: Asked, currency: str) -> tuple[int, int, str | None]:
        """Return the most that a call costs and takes anywhere, and the price's currency: a foreign one if any is."""
        nano, tokens, found = 0, 0, None
        for target in self.targets:
            if found is None or found == currency:
                found = target.tariff.currency or found
            worst = target.tariff.worst(asked.size_bytes, asked.max_tokens, asked.choices, asked.has_files)
            nano, tokens = max(nano, worst[0]), max(tokens, worst[1])
        return nano, tokens, found


class Upstreams:
    """Every upstream, and which of them a name means for a caller."""

    def __init__(
        self,
        sources: Sequence[Source],
        routes: Mapping[str, Sequence[str]] | None = None,
        *,
        notes: Callable[[str], Notes | None] = lambda upstream: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._notes = notes  # on an upstream, shared with the other workers
        self._routes = dict(routes or {})
        self.every: tuple[Upstream, ...] = tuple(Upstream(source, notes(source.name)) for source in sources)
        self._by_name: dict[str, Upstream] = {}
        self._offers: tuple[Offer, ...] = ()
        self._table = Table(accepted={})
        self._targets: dict[tuple[str, str], Target] = {}
        self._at_hand: dict[str, Route] = {}
        self._beside: dict[tuple[str, frozenset[str] | None, frozenset[str] | None], Route] = {}
        self._spelled: dict[tuple[frozenset[str] | None, frozenset[str] | None], tuple[tuple[str, Target], ...]] = {}
        self._keeping: dict[Upstream, asyncio.Task[None]] = {}
        self._leaving: dict[Upstream, asyncio.Task[None]] = {}
        self._taking_over: asyncio.Task[None] | None = None
        self._coming: list[Upstream] = []  # new ones, until they are taken over
        self._said: tuple[str, ...] = ()  # the table's notes that were logged
        self._waits = True  # for lists that were not tried for yet
        self._rebuild()

    @property
    def ready(self) -> bool:
        """Whether every list was tried for, and any was had."""
        return self._are_settled and any(upstream.listing is not None for upstream in self.every)

    async def settled(self, *, within_s: float) -> None:
        """Wait until every list was tried for, so long at most."""
        end = time.monotonic() + within_s
        while not self._are_settled and time.monotonic() < end:
            await asyncio.sleep(SETTLED_LOOK_S)

    @property
    def _are_settled(self) -> bool:
        return all(upstream.is_settled for upstream in self.every)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """What each upstream offers now."""
        return self._offers

    @property
    def several(self) -> bool:
        """Whether names need a prefix, or a meaning of their own."""
        return len(self.every) > 1

    def at_hand(self, name: str, caller: Allowed) -> Route | None:
        """Return the route if the lists in memory give one; two lookups at most."""
        found = self._at_hand.get(name) if caller.providers is None and caller.models is None else None
        if found is None:
            found = self._beside.get((name, caller.providers, caller.models))
            if found is None:
                return None
        now = self._clock()
        for target in found.targets:
            if now >= target.upstream.good_until:
                return None  # the list may not be used as it is
        return found

    async def find(self, name: str, caller: Allowed) -> Route:
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

    async def find_all(self, names: Sequence[str], caller: Allowed) -> Route:
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

    async def look(self) -> None:
        """Look at the lists that are too old to be shown as they are. Raises where there is none at all."""
        now = self._clock()
        await self._look([upstream for upstream in self.every if now >= upstream.good_until], missing=False)
        self._raise_if_no_list(self.every)

    def spellings(self, caller: Allowed) -> tuple[tuple[str, Target], ...]:
        """Return every name that a key may ask for, and where it leads first: one object until a list changes."""
        known = self._spelled.get((caller.providers, caller.models))
        if known is None:
            meant = ((name, self._meant(name, caller)) for name in (*self._table.accepted, *self._table.ambiguous))
            known = tuple((name, self._target(readings[0])) for name, readings in meant if readings)
            if len(self._spelled) >= REMEMBERED_LISTS:
                self._spelled.clear()
            self._spelled[caller.providers, caller.models] = known
        return known

    async def keep(self) -> None:
        """Keep every list fresh, until cancelled."""
        try:
            self._keep_all()
            await asyncio.Event().wait()
        finally:
            await _ended(self._keeping.values())
            self._keeping.clear()

    def use(self, sources: Sequence[Source], routes: Mapping[str, Sequence[str]]) -> None:
        """Work with another configuration once the lists of new upstreams were tried for, in 10 seconds at most.

        What is unchanged stays as it is; what is gone is closed once its last call has ended. Raises a ConfigError or
        EngineError for an upstream that cannot be built; then nothing changes.
        """
        built = self._built(sources)
        if self._taking_over is not None:  # this one comes first
            self._taking_over.cancel()
            for upstream in self._coming:
                self._leave(upstream)
        self._coming = [upstream for upstream in built if upstream not in self.every]
        self._taking_over = asyncio.create_task(self._take_over(built, dict(routes)))

    async def _take_over(self, built: tuple[Upstream, ...], routes: dict[str, Sequence[str]]) -> None:
        try:
            async with asyncio.timeout(TAKE_OVER_S):
                await asyncio.gather(*(upstream.look() for upstream in self._coming))
        except TimeoutError:
            log.warning("the list of a new upstream is not had yet")
        for upstream in self._coming:
            upstream.is_settled = True  # those that are served already need not wait for it
            before = [each for each in (*self.every, *self._leaving) if each.name == upstream.name]
            if before:
                upstream.follows(before[0])
        self._coming = []
        gone = [upstream for upstream in self.every if upstream not in built]
        self.every, self._routes = built, routes
        self._rebuild()
        for upstream in gone:
            if upstream in self._keeping:
                self._keeping.pop(upstream).cancel()
            self._leave(upstream)
        self._keep_all()

    async def close(self) -> None:
        """Close every upstream, those that were on their way out too."""
        taking_over = [] if self._taking_over is None else [self._taking_over]
        await _ended([*self._keeping.values(), *self._leaving.values(), *taking_over])
        self._keeping.clear()
        for upstream in (*self.every, *self._leaving, *self._coming):
            await upstream.close()
        self._leaving.clear()

    def _built(self, sources: Sequence[Source]) -> tuple[Upstream, ...]:
        """Return the upstreams of a configuration: those at work that are configured as before, and new ones."""
        at_work = {upstream.name: upstream for upstream in self.every}
        built: list[Upstream] = []
        try:
            for source in sources:
                old = at_work.get(source.name)
                same = old is not None and old.source == source
                built.append(old if old is not None and same else Upstream(source, self._notes(source.name)))
        except MoongateError:
            for upstream in built:
                if upstream not in self.every:
                    self._leave(upstream)
            raise
        return tuple(built)

    def _leave(self, upstream: Upstream) -> None:
        self._leaving[upstream] = asyncio.create_task(self._close_when_idle(upstream))

    def _keep_all(self) -> None:
        for upstream in self.every:
            if upstream not in self._keeping:
                self._keeping[upstream] = asyncio.create_task(self._keep(upstream))

    async def _keep(self, upstream: Upstream) -> None:
        while True:
            await self._look([upstream], missing=False)
            await asyncio.sleep(LOOK_AGAIN_S if upstream.listing is None else LOOK_EVERY_S)

    async def _close_when_idle(self, upstream: Upstream) -> None:
        await asyncio.sleep(LEAVE_S)
        while upstream.calls:
            await asyncio.sleep(IDLE_LOOK_S)
        await upstream.close()
        del self._leaving[upstream]

    async def _look(self, upstreams: Sequence[Upstream], *, missing: bool) -> None:
        """Look at lists; afterwards the table is that of the lists that are there, whoever fetched them."""
        await asyncio.gather(*(upstream.look(missing=missing) for upstream in upstreams))
        offers = tuple(upstream.offer for upstream in self.every)
        changed = [_content(offer) for offer in offers] != [_content(offer) for offer in self._offers]
        if changed or (self._waits and self._are_settled):
            self._rebuild()
        self._offers = offers

    def _rebuild(self) -> None:
        """Work out every spelling anew; what is asked for meanwhile goes by the old ones."""
        self._offers = tuple(upstream.offer for upstream in self.every)
        self._table = routing.table_of(self._offers, self._routes)
        self._by_name = {upstream.name: upstream for upstream in self.every}
        self._targets = {}
        self._beside, self._spelled = {}, {}
        self._waits = not self._are_settled
        self._at_hand = {
            name: self._route(name, readings)
            for name, readings in self._table.accepted.items()
            if not self._waits or self._is_prefixed(name)  # what others list may change what a bare name means
        }
        if self._table.notes != self._said:
            self._said = self._table.notes
            for note in self._said:
                log.warning("%s", note)

    def _is_prefixed(self, name: str) -> bool:
        return name not in self._routes and routing.split(name, self._offers) is not None

    def _asked(self, name: str) -> tuple[Upstream, ...]:
        """Return the upstreams whose list settles what a name means."""
        routed = routing.split(name, self._offers) if self.several else None
        return self.every if routed is None else (self._by_name[routed[0].name],)

    def _readings(self, name: str) -> Readings:
        """Return everything that a name can mean, whoever asks."""
        known = self._table.accepted.get(name) or self._table.ambiguous.get(name)
        return known or routing.readings_of(name, self._offers)  # a listed id with an ending that its provider takes

    def _meant(self, name: str, caller: Allowed) -> Readings:
        """Return what a name means for a caller: as it is routed, or the one thing that it can mean to that key."""
        readings = routing.permitted(name, self._readings(name), caller)
        return readings if len(readings) == 1 or name in self._table.accepted else ()

    def _found(self, name: str, caller: Allowed) -> Route | None:
        """Return the route for a caller, remembered for the next time."""
        readings = self._meant(name, caller)
        if not readings:
            return None
        route = self._route(name, readings)
        if len(self._beside) >= REMEMBERED:
            self._beside.clear()
        self._beside[name, caller.providers, caller.models] = route
        return route

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

    async def _loose_or_refused(self, name: str, caller: Allowed, asked: Sequence[Upstream]) -> Route:
        """Return what a guard that was told to be loose lets through; raise why the name is not served otherwise."""
        usable = [spelling for spelling, _ in self.spellings(caller)]
        readings = self._readings(name)
        if readings and not routing.permitted(name, readings, caller):
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
        if not routing.permitted(name, (_reading(target),), caller):
            raise routing.not_for_this_key(name, usable)
        return Route(name, (target,))

    def _raise_if_no_list(self, asked: Sequence[Upstream]) -> None:
        if all(upstream.listing is None for upstream in asked):
            raise next(upstream.failure for upstream in asked if upstream.failure is not None)


def _content(offer: Offer) -> str | None:
    """Return what tells two lists apart: one that was fetched anew is seldom another."""
    return None if offer.listing is None else offer.listing.sha256


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
