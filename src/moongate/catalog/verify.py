"""Whether pins still hold, and what has changed since a lock: pure comparisons of a lock with a list.

A pin is "gone" only when a whole, live list does not have it; whatever proves less leaves it "unverified".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from moongate.catalog.lock import Endpoint, Lock, Pin
from moongate.catalog.pinning import akin, pin_of
from moongate.catalog.resolve import resolve
from moongate.facts.models import Listing, Model, Verdict
from moongate.facts.moments import rfc3339
from moongate.facts.providers import Provider

Status = Literal["holds", "gone", "changed", "floating", "unverified"]
BROKEN: frozenset[Status] = frozenset({"gone", "changed", "floating"})


@dataclass(frozen=True, kw_only=True)
class PinStatus:
    """What became of one pin, and the evidence in a clause."""

    provider: str
    id: str
    alias: str | None
    status: Status
    detail: str


def verified(lock: Lock, row: Provider, listing: Listing) -> Iterator[PinStatus]:
    """Yield the status of every pin at `row`, held against its list."""
    for model_id, alias, pin in lock.pins(row.name):
        status, detail = _held(model_id, pin or Pin(), row, listing)
        yield PinStatus(provider=row.name, id=model_id, alias=alias, status=status, detail=detail)


def unverified(lock: Lock, provider: str, why: str) -> Iterator[PinStatus]:
    """Yield every pin at a provider as unverified."""
    for model_id, alias, _ in lock.pins(provider):
        yield PinStatus(provider=provider, id=model_id, alias=alias, status="unverified", detail=why)


def well_formed(lock: Lock, provider: str, row: Provider | None) -> Iterator[PinStatus]:
    """Yield what can be said of pins without any list: only that an id of theirs floats by its name."""
    for model_id, alias, pin in lock.pins(provider):
        floats = row is not None and row.is_floating(model_id) and not (pin and pin.floating)
        status: Status = "floating" if floats else "unverified"
        detail = "its name is re-pointed to newer models" if floats else "well formed; not looked up"
        yield PinStatus(provider=provider, id=model_id, alias=alias, status=status, detail=detail)


def _held(model_id: str, pin: Pin, row: Provider, listing: Listing) -> tuple[Status, str]:
    if listing.unverified_since is not None:
        return "unverified", f"the last list is of {rfc3339(listing.unverified_since)}"
    verdict = resolve(model_id, listing, row)
    if verdict.model is not None:
        return _still(pin, pin_of(verdict.model, model_id, row), verdict.model)
    other = _in_other_case(model_id, listing)
    if other is not None:
        status, detail = _still(pin, pin_of(other, other.id, row), other)
        return status, f"{detail} as {other.id!r}, in other letters" if status == "holds" else detail
    if listing.partial:
        return "unverified", f"not in the list, but {listing.partial}"
    return "gone", f"no longer listed{_why(verdict)}"


def _still(pin: Pin, now: Pin, model: Model) -> tuple[Status, str]:
    """Return what became of an id that is listed."""
    lost = "; ".join(_losses(pin, now))
    if now.floating and not pin.floating:
        return "floating", "now re-pointed to newer models" + (f"; {lost}" if lost else "")
    if lost:
        return "changed", lost
    return "holds", f"listed until {model.expires}" if model.expires else "listed"


def _losses(pin: Pin, now: Pin) -> Iterator[str]:
    """Yield what was lost. What a row does not say is no loss."""
    if pin.context is not None and now.context is not None and now.context < pin.context:
        yield f"context fell from {pin.context} to {now.context} tokens"
    if pin.inputs is not None and now.inputs is not None:
        yield from (f"takes no {kind} any more" for kind in pin.inputs if kind not in now.inputs)
    if pin.reasoning is True and now.reasoning is False:
        yield "no longer reasons"


def _in_other_case(model_id: str, listing: Listing) -> Model | None:
    folded = model_id.casefold()
    names = {**listing.by_alias, **listing.by_id}
    return next((model for name, model in names.items() if name.casefold() == folded), None)


def _why(verdict: Verdict) -> str:
    if verdict.retired_on is not None:
        return f": it was retired on {verdict.retired_on}"
    like = ", ".join(repr(found) for found in verdict.suggestions)
    return f"; nearest: {like}" if like else ""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field of a pinned id that says something else now."""

    id: str
    field: str
    before: Any
    now: Any


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What an endpoint lists now, held against what it listed when its pins were locked."""

    appeared: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()


def difference(endpoint: Endpoint, row: Provider, listing: Listing) -> Difference:
    """Return what appeared, went and changed. From a list that is not whole nothing is said to be gone."""
    now = set(listing.ids if len(endpoint.listed) == endpoint.total else akin(listing.ids, endpoint.ids))
    before = set(endpoint.listed)
    recased = _recased(before - now, now - before)
    gone = (before | _unlisted(endpoint, row, listing)) - now - set(recased) if not listing.partial else set()
    changes = [Change(id=old, field="id", before=old, now=new) for old, new in recased.items()]
    for model_id, pin in endpoint.ids.items():
        changes.extend(_changes(recased.get(model_id, model_id), pin, row, listing))
    return Difference(
        appeared=tuple(sorted(now - before - set(recased.values()))),
        gone=tuple(sorted(gone)),
        changed=tuple(sorted(changes, key=lambda change: (change.id, change.field))),
    )


def _recased(gone: set[str], appeared: set[str]) -> dict[str, str]:
    """Return the ids that only changed their letter case: old to new."""
    folded = {found.casefold(): found for found in appeared}
    return {found: folded[found.casefold()] for found in sorted(gone) if found.casefold() in folded}


def _unlisted(endpoint: Endpoint, row: Provider, listing: Listing) -> set[str]:
    """Return the pinned ids that the endpoint does not take any more, in whatever letters."""
    return {
        found
        for found in endpoint.ids
        if resolve(found, listing, row).id is None and _in_other_case(found, listing) is None
    }


def _changes(model_id: str, pin: Pin, row: Provider, listing: Listing) -> Iterator[Change]:
    model = resolve(model_id, listing, row).model
    if model is None:
        return
    now = pin_of(model, model_id, row)
    for name in ("context", "inputs", "reasoning", "floating"):
        if getattr(pin, name) != getattr(now, name):
            yield Change(id=model_id, field=name, before=getattr(pin, name), now=getattr(now, name))
