"""Which upstream a name leads to: a pure function from what the upstreams list to every spelling that is accepted.

One upstream: the bare ids that it lists. Several: `upstream/id`, or `provider/id` where one upstream is that
provider's, and the bare id where it can mean only one thing. A spelling that could mean two is not accepted, unless
the configuration routes it. Fallbacks are what the configuration names, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from moongate.catalog.resolve import MAX_SUGGESTIONS, Pins, lookup, nearest, normal
from moongate.errors import (
    AuthenticationError,
    InsufficientBalanceError,
    ModelRefusedError,
    MoongateError,
    RateLimitedError,
    UnavailableError,
)
from moongate.facts.models import Listing, Model
from moongate.facts.providers import Provider


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What one upstream offers: its list as last had, and what the configuration lets through of it."""

    name: str
    row: Provider
    listing: Listing | None = None
    pins: Pins = field(default_factory=Pins)
    only: frozenset[str] | None = None  # ids or aliases; None: whatever is listed

    @property
    def provider(self) -> str:
        """The name of the endpoint's row."""
        return self.row.name

    @property
    def ids(self) -> tuple[str, ...]:
        """The listed ids that are let through."""
        listed = self.listing.ids if self.listing is not None else ()
        return listed if self.only is None else tuple(i for i in listed if read_at(i, self) is not None)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One meaning of a name: this wire id at that upstream."""

    upstream: str
    provider: str
    wire_id: str
    model: Model | None = None


class Allowed(Protocol):
    """What a key may use: providers or upstreams by name, models by listed id or accepted spelling. None: all."""

    @property
    def providers(self) -> frozenset[str] | None:
        """Names of providers or upstreams."""

    @property
    def models(self) -> frozenset[str] | None:
        """Listed ids or accepted spellings."""


Readings = tuple[Reading, ...]  # in the order in which they are tried


@dataclass(frozen=True, kw_only=True)
class Table:
    """Every spelling that is accepted, what it leads to, and what was left out and why."""

    accepted: Mapping[str, Readings]
    ambiguous: Mapping[str, Readings] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # routes of the configuration that lead nowhere, in words


def read_at(name: str, offer: Offer) -> Reading | None:
    """Return what a name without prefix means at one upstream, or None."""
    if offer.listing is None:
        return None
    verdict = lookup(name, offer.listing, offer.row, offer.pins)
    if verdict is None or verdict.id is None:
        return None
    if offer.only is not None and not {name, verdict.id, verdict.model.id if verdict.model else ""} & offer.only:
        return None
    return Reading(upstream=offer.name, provider=offer.provider, wire_id=verdict.id, model=verdict.model)


def prefixes(offers: Sequence[Offer]) -> dict[str, Offer]:
    """Return the routing prefixes: names of upstreams, and of the providers that only one of them is of."""
    found = {offer.name: offer for offer in offers}
    for offer in offers:
        if sum(other.provider == offer.provider for other in offers) == 1:
            found.setdefault(offer.provider, offer)
    return found


def split(name: str, offers: Sequence[Offer]) -> tuple[Offer, str] | None:
    """Return the upstream that a name's prefix names and the rest of it, or None when it has none."""
    prefix, mark, rest = name.partition("/")
    offer = prefixes(offers).get(prefix)
    return (offer, rest) if mark and rest and offer is not None else None


def readings_of(name: str, offers: Sequence[Offer]) -> Readings:
    """Return everything that a name can mean; it is accepted when that is one thing."""
    bare = [read_at(name, offer) for offer in offers]
    routed = split(name, offers) if len(offers) > 1 else None
    if routed is not None:
        bare.append(read_at(routed[1], routed[0]))
    return _distinct(bare)


def _distinct(found: Sequence[Reading | None]) -> Readings:
    seen: dict[tuple[str, str], Reading] = {}
    for reading in found:
        if reading is not None:
            seen.setdefault((reading.upstream, reading.wire_id), reading)
    return tuple(seen.values())


def table_of(offers: Sequence[Offer], routes: Mapping[str, Sequence[str]]) -> Table:
    """Return every accepted spelling. `routes` are the configuration's: a name → `upstream/id`, in order."""
    distinct = _meanings(offers)
    accepted: dict[str, Readings] = {name: found for name, found in distinct.items() if len(found) == 1}
    notes = []
    for name, texts in routes.items():
        readings, missing = _routed(texts, offers)
        notes += [f"the route {name!r} leads to {text!r}, which is not listed" for text in missing]
        if name in distinct and readings and not _same(name, readings[0]):
            notes.append(f"the route {name!r} is not used: an upstream lists that id, and it is another model's")
        elif readings:
            accepted[name] = readings
    ambiguous = {name: readings for name, readings in distinct.items() if name not in accepted}
    return Table(accepted=accepted, ambiguous=ambiguous, notes=tuple(notes))


def _meanings(offers: Sequence[Offer]) -> dict[str, Readings]:
    """Return every spelling, and all that it can mean."""
    routing = prefixes(offers) if len(offers) > 1 else {}
    found: dict[str, list[Reading]] = {}
    for offer in offers:
        own = [f"{prefix}/" for prefix, owner in routing.items() if owner is offer]
        for name in _names(offer):
            reading = read_at(name, offer)
            if reading is not None:
                for start in ("", *own):
                    found.setdefault(start + name, []).append(reading)
    return {name: _distinct(readings) for name, readings in found.items()}


def _names(offer: Offer) -> Iterator[str]:
    """Yield what an upstream's list and pins name, and what the configuration lets through by name."""
    if offer.listing is not None:
        yield from offer.listing.by_id
        yield from offer.listing.by_alias
        yield from (name for name in (*offer.pins.ids, *(offer.only or ())) if name not in offer.listing.by_id)


def _routed(texts: Sequence[str], offers: Sequence[Offer]) -> tuple[Readings, list[str]]:
    """Return what a configured route leads to now, and the targets that are not to be had."""
    readings: list[Reading | None] = []
    missing = []
    for text in texts:
        routed = split(text, offers) or ((offers[0], text) if len(offers) == 1 else None)
        reading = read_at(routed[1], routed[0]) if routed is not None else None
        readings.append(reading)
        if reading is None and (routed is None or routed[0].listing is not None):
            missing.append(text)
    return _distinct(readings), missing


def _same(name: str, reading: Reading) -> bool:
    """Say whether a route keeps to the model that its name is the listed id of."""
    return name == reading.wire_id or normal(name.rpartition("/")[2]) == normal(reading.wire_id)


def permitted(name: str, readings: Readings, caller: Allowed) -> Readings:
    """Return what is left of a name's meanings for a key that may use only some providers or models."""
    return tuple(reading for reading in readings if _may(caller, name, reading))


def _may(caller: Allowed, name: str, reading: Reading) -> bool:
    providers, models = caller.providers, caller.models
    if providers is not None and providers.isdisjoint((reading.upstream, reading.provider)):
        return False
    listed = reading.wire_id if reading.model is None else reading.model.id
    return models is None or not models.isdisjoint((name, reading.wire_id, listed))


def may_go_elsewhere(error: MoongateError) -> bool:
    """Say whether a call that failed so may be sent to the next upstream that the configuration names.

    Only where it was not sent, or the provider said that it did not take it: nothing may be charged twice.
    """
    return not error.sent or isinstance(error, RateLimitedError | InsufficientBalanceError | AuthenticationError)


def says_endpoint_is_ill(error: MoongateError) -> bool:
    """Say whether a failure counts against the endpoint (for the circuit breaker)."""
    return isinstance(error, UnavailableError) and not isinstance(error, RateLimitedError)


def refused_for_several(name: str, table: Table, usable: Sequence[str]) -> ModelRefusedError:
    """Return the refusal of a name that several upstreams were asked about; `usable` is what the key may ask for."""
    meanings = table.ambiguous.get(name)
    if meanings is not None:
        spelled = tuple(f"{reading.upstream}/{reading.wire_id}" for reading in meanings)
        spelled = tuple(text for text in spelled if text in usable)
        return ModelRefusedError(
            f"{name!r} may mean {len(meanings)} things here.",
            advice=f"Say which: {_quoted(spelled)}, or route it in [gateway.routes]. Nothing was sent.",
            suggestions=spelled[:MAX_SUGGESTIONS],
        )
    close = nearest_of(name, usable)
    hint = f"Nearest here: {_quoted(close)}." if close else "See GET /v1/models."
    return ModelRefusedError(
        f"No upstream of this gateway lists {name[:120]!r}.", advice=f"{hint} Nothing was sent.", suggestions=close
    )


def nearest_of(name: str, usable: Sequence[str]) -> tuple[str, ...]:
    """Return the accepted spellings most like a name, best first."""
    models = tuple(Model(id=spelling) for spelling in usable)
    listing = Listing(provider="", base_url="", fetched_at=0.0, models=models)
    return nearest(name, listing)


def not_served(name: str, offer: Offer, usable: Sequence[str]) -> ModelRefusedError:
    """Return the refusal of a name that the endpoint knows, but the gateway does not take as it is written."""
    reading = read_at(name.removeprefix(f"{offer.provider}/"), offer)
    if reading is None:
        message = f"{name!r} is not among the models of {offer.row.title} that this gateway serves."
        close = nearest_of(name, usable)
    else:
        message = f"{name!r} stands for {reading.wire_id!r} here, and is no name that this gateway lists."
        close = (reading.wire_id,)
    return ModelRefusedError(message, advice=f"Ask for {_quoted(close)}." if close else "", suggestions=close)


def not_for_this_key(name: str, usable: Sequence[str]) -> ModelRefusedError:
    """Return the refusal of a name that is served, but not to this key."""
    shown = f"It may use {_quoted(usable[:MAX_SUGGESTIONS])}" if usable else "It may use no model"
    more = len(usable) - MAX_SUGGESTIONS
    return ModelRefusedError(
        f"This key may not use {name!r}.",
        advice=shown + (f" and {more} more" if more > 0 else "") + ". Nothing was sent.",
        suggestions=tuple(usable[:MAX_SUGGESTIONS]),
    )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
