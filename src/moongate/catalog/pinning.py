"""What to pin: the counterpart of a name in an endpoint's list, what its row says, and a lock with it in.

Pure. Asking the user, fetching lists and writing the lock is the command line's part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec

from moongate.catalog.lock import Endpoint, Lock, Pin
from moongate.catalog.resolve import ENDINGS, family, nearest, normal, resolve
from moongate.errors import UsageError
from moongate.facts.models import Listing, Model
from moongate.facts.providers import Provider, built_in
from moongate.wire.listing import is_usable, says_inputs

SHORT_LIST = 64  # ids: a list up to this long is recorded whole, of a longer one only what is akin to the pins


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """An id to pin at an endpoint."""

    provider: str
    id: str
    pin: Pin
    alias: str | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would be pinned, and what would not."""

    proposals: tuple[Proposal, ...] = ()
    absent: tuple[str, ...] = ()  # why something is not pinned somewhere, in sentences
    unmet: tuple[str, ...] = ()  # names that would not be pinned at all

    def and_(self, more: Plan) -> Plan:
        """Return both plans in one."""
        return Plan(
            proposals=self.proposals + more.proposals,
            absent=self.absent + more.absent,
            unmet=self.unmet + more.unmet,
        )


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An endpoint with its list."""

    row: Provider
    listing: Listing


@dataclass(frozen=True, kw_only=True)
class Used:
    """An id in somebody's code. `provider` is None where the code does not tell."""

    provider: str | None
    id: str
    path: str
    line: int


def counterpart(name: str, listing: Listing, row: Provider) -> str | None:
    """Return the id that serves the model called `name` here, or None.

    What the endpoint takes as it is comes first; then the listed spelling of the same model, with the same variant
    ending (`:free`, `-fast`) if it has one. Likeness alone is never enough.
    """
    verdict = resolve(name, listing, row)
    if verdict.id is not None:
        return verdict.id
    wanted = _form(_unrouted(name))
    forms = (wanted, (f"kimi-{wanted[0]}", wanted[1]))  # "k2.6" is what people call kimi-k2.6
    same = [model.id for model in listing.models if _form(model.id) in forms]
    return min(same, key=lambda found: (row.is_floating(found), len(found), found), default=None)


def _form(name: str) -> tuple[str, str]:
    """Return the normal form of a name, and the variant ending that it leaves out."""
    ending = ENDINGS.search(name.casefold())
    return normal(name), ending[0] if ending else ""


def _unrouted(name: str) -> str:
    prefix, mark, rest = name.partition(":")
    return rest if mark and rest and prefix in built_in() else name


def named(name: str, lock: Lock, lists: Sequence[Listed]) -> Plan:
    """Return what pinning a name means at every endpoint: its counterpart there, where there is one.

    `ALIAS=NAME` gives the model an alias of its own. A name that the lock has as an alias stands for what it is
    pinned to. Raises UsageError for an alias that cannot be one.
    """
    alias, mark, wanted = name.partition("=")
    if not is_usable(alias) or (mark and not wanted):
        raise UsageError(f"{name!r} is no name to pin.", advice="Write NAME or ALIAS=NAME.")
    names = (wanted,) if mark else (name, *lock.aliases.get(name, {}).values())
    found = [_at(alias, names, listed) for listed in lists]
    proposals = tuple(each for each in found if isinstance(each, Proposal))
    shadowed = tuple(why for listed, each in zip(lists, found, strict=True) if (why := _shadows(alias, each, listed)))
    if shadowed:
        return Plan(absent=shadowed, unmet=(name,))
    if all(each.id == alias for each in proposals):
        proposals = tuple(replace(each, alias=None) for each in proposals)
    return Plan(
        proposals=proposals,
        absent=tuple(each for each in found if isinstance(each, str)),
        unmet=() if proposals else (name,),
    )


def _at(alias: str, names: Iterable[str], listed: Listed) -> Proposal | str:
    """Return the proposal at one endpoint, or why there is none."""
    for name in names:
        found = counterpart(name, listed.listing, listed.row)
        if found is None:
            continue
        return proposal(found, listed, alias=alias) or _absent(name, listed)
    return _absent(next(iter(names)), listed)


def _shadows(alias: str, found: Proposal | str, listed: Listed) -> str:
    """Return that an endpoint takes the alias itself for another model, or "": nobody could tell the two apart."""
    taken = resolve(alias, listed.listing, listed.row).id
    if taken is None or (isinstance(found, Proposal) and found.id == taken):
        return ""
    return f"{listed.row.title} lists {alias!r} itself, and an alias may not shadow a listed id"


def _absent(name: str, listed: Listed) -> str:
    like = ", ".join(repr(found) for found in nearest(_unrouted(name), listed.listing))
    return f"{listed.row.title} lists no model called {name!r}" + (f"; nearest: {like}" if like else "")


def again(lock: Lock, lists: Sequence[Listed]) -> Plan:
    """Return what the lists say now of everything that is pinned."""
    plan = Plan()
    for listed in lists:
        for model_id, alias, _ in lock.pins(listed.row.name):
            found = proposal(model_id, listed, alias=alias)
            if found is not None:
                plan = plan.and_(Plan(proposals=(found,)))
            else:
                why = f"{listed.row.title} no longer lists {model_id!r}; its pin stays as it was"
                plan = plan.and_(Plan(absent=(why,), unmet=(model_id,)))
    return plan


def used(ids: Iterable[Used], lock: Lock, lists: Sequence[Listed]) -> Plan:
    """Return what pinning the ids that code uses means: each as it stands, at the endpoint that it is meant for."""
    at = {listed.row.name: listed for listed in lists}
    default = lock.default_provider or (next(iter(at)) if len(at) == 1 else None)
    plan, seen = Plan(), set()
    for one in ids:
        provider = one.provider or default
        if (provider, one.id) in seen or one.id in lock.aliases:
            continue
        seen.add((provider, one.id))
        plan = plan.and_(_used(one, provider, at))
    return plan


def _used(one: Used, provider: str | None, at: Mapping[str, Listed]) -> Plan:
    found = proposal(one.id, at[provider]) if provider is not None and provider in at else None
    if found is not None:
        return Plan(proposals=(found,))
    if provider is None:
        why = "the code does not tell its endpoint, and the lock has no default"
    elif provider not in at:
        why = f"there is no list of {provider}"
    else:
        why = _absent(one.id, at[provider])
    return Plan(absent=(f"{one.path}:{one.line}: {one.id!r} is not pinned: {why}",), unmet=(one.id,))


def proposal(model_id: str, listed: Listed, *, alias: str | None = None) -> Proposal | None:
    """Return what pinning an id means, or None when the endpoint does not take it."""
    verdict = resolve(model_id, listed.listing, listed.row)
    if verdict.id is None or verdict.model is None:
        return None
    pin = pin_of(verdict.model, verdict.id, listed.row)
    return Proposal(provider=listed.row.name, id=verdict.id, pin=pin, alias=alias)


def pin_of(model: Model, model_id: str, row: Provider) -> Pin:
    """Return what a row says about the model behind an id."""
    return Pin(
        context=model.context_length,
        inputs=model.input if says_inputs(model.raw) else None,
        reasoning=model.reasoning,
        floating=model.floating or row.is_floating(model_id),
    )


def pinned(lock: Lock, proposals: Iterable[Proposal], lists: Sequence[Listed], *, renew: bool = False) -> Lock:
    """Return the lock with the proposals in it, and with the lists that vouch for them as evidence.

    An endpoint at which nothing changes keeps its old evidence, so that the file does not change without need; with
    `renew` it takes the new one.
    """
    aliases = {name: dict(ids) for name, ids in lock.aliases.items()}
    pins = {name: dict(endpoint.ids) for name, endpoint in lock.endpoints.items()}
    for found in proposals:
        pins.setdefault(found.provider, {})[found.id] = found.pin
        if found.alias is not None:
            aliases.setdefault(found.alias, {})[found.provider] = found.id
    endpoints = dict(lock.endpoints)
    for listed in lists:
        name = listed.row.name
        if name in pins and (renew or name not in endpoints or endpoints[name].ids != pins[name]):
            endpoints[name] = witnessed(listed.listing, pins[name])
    return msgspec.structs.replace(lock, aliases=aliases, endpoints=endpoints)


def witnessed(listing: Listing, ids: Mapping[str, Pin]) -> Endpoint:
    """Return an endpoint's pins with a list as their evidence."""
    return Endpoint(
        base_url=listing.base_url,
        listed_at=datetime.fromtimestamp(int(listing.fetched_at), UTC),
        sha256=listing.sha256,
        total=len(listing.ids),
        listed=recorded(listing, ids),
        ids=ids,
    )


def recorded(listing: Listing, pins: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of a list that a lock keeps, sorted: all of a short one, else those akin to the pinned ids."""
    ids = listing.ids if len(listing.ids) <= SHORT_LIST else akin(listing.ids, pins)
    return tuple(sorted(ids))


def akin(ids: Iterable[str], pins: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of the same makers (`moonshotai/`) or families (`kimi`) as the pinned ones."""
    pins = tuple(pins)
    makers = {_maker(found) for found in pins} - {""}
    families = {family(found) for found in pins} - {""}
    return tuple(found for found in ids if _maker(found) in makers or family(found) in families)


def _maker(model_id: str) -> str:
    found = re.match(r"~?([^/]+)/", model_id)
    return found[1] if found else ""
