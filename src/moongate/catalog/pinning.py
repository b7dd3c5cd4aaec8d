"""What to pin: the counterpart of a name in an endpoint's list, what its row says, and a lock with it in.

Pure. Asking the user, fetching lists and writing the lock is the command line's part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from moongate.catalog.lock import Endpoint, Lock, Pin
from moongate.catalog.resolve import ENDINGS, family, nearest, normal, resolve
from moongate.facts.models import Listing, Model
from moongate.facts.providers import Provider, built_in
from moongate.wire.listing import says_inputs

SHORT_LIST = 64  # ids: a list up to this long is recorded whole, of a longer one only what is akin to the pins


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """An id to pin at an endpoint."""

    provider: str
    id: str
    pin: Pin
    alias: str | None = None


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
    return min(same, key=lambda found: (_rank(found, row), len(found), found), default=None)


def _form(name: str) -> tuple[str, str]:
    """Return the normal form of a name, and the variant ending that it leaves out."""
    ending = ENDINGS.search(name.casefold())
    return normal(name), ending[0] if ending else ""


def _unrouted(name: str) -> str:
    prefix, mark, rest = name.partition(":")
    return rest if mark and rest and prefix in built_in() else name


def _rank(model_id: str, row: Provider) -> bool:
    return row.is_floating(model_id)


def absent(name: str, listing: Listing, row: Provider) -> str:
    """Return why nothing is proposed for a name, one clause."""
    like = ", ".join(repr(found) for found in nearest(_unrouted(name), listing))
    return f"{row.title} lists no model called {name!r}" + (f"; nearest: {like}" if like else "")


def proposal(model_id: str, listing: Listing, row: Provider, *, alias: str | None = None) -> Proposal | None:
    """Return what pinning an id means, or None when the endpoint does not take it."""
    verdict = resolve(model_id, listing, row)
    if verdict.id is None or verdict.model is None:
        return None
    pin = pin_of(verdict.model, verdict.id, row)
    return Proposal(provider=row.name, id=verdict.id, pin=pin, alias=alias if alias != verdict.id else None)


def pin_of(model: Model, model_id: str, row: Provider) -> Pin:
    """Return what a row says about the model behind an id."""
    return Pin(
        context=model.context_length,
        inputs=model.input if says_inputs(model.raw) else None,
        reasoning=model.reasoning,
        floating=model.floating or row.is_floating(model_id),
    )


def pinned(lock: Lock, proposals: Iterable[Proposal], listings: Mapping[str, Listing]) -> Lock:
    """Return the lock with the proposals in it, and with the lists that vouch for them as evidence.

    An endpoint at which nothing changes keeps its old evidence, so that the file does not change without need.
    """
    aliases = {name: dict(ids) for name, ids in lock.aliases.items()}
    pins = {name: dict(endpoint.ids) for name, endpoint in lock.endpoints.items()}
    for found in proposals:
        pins.setdefault(found.provider, {})[found.id] = found.pin
        if found.alias is not None:
            aliases.setdefault(found.alias, {})[found.provider] = found.id
    endpoints = dict(lock.endpoints)
    for provider, ids in pins.items():
        if provider in listings and (provider not in endpoints or endpoints[provider].ids != ids):
            endpoints[provider] = witnessed(listings[provider], ids)
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
