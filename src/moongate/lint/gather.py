"""Put together what is known: saved lists, the lock, lists that earlier calls left behind. A door to the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from moongate.catalog import saved
from moongate.catalog.lock import Lock
from moongate.errors import MoongateError
from moongate.facts.models import Listing, Model
from moongate.facts.moments import rfc3339
from moongate.facts.providers import Provider
from moongate.lint.knowledge import Knowledge, Known
from moongate.store.cache import ListCache
from moongate.wire.listing import listing_from


def gather(
    *,
    rows: Mapping[str, Provider],
    lists: Path | None = None,
    lock: Lock | None = None,
    cache: ListCache | None = None,
    live: Iterable[Listing] = (),
    aliases: Iterable[str] = (),
    default: str | None = None,
) -> tuple[Knowledge, tuple[str, ...]]:
    """Return what there is to rest judgements on, and what is to be said about it.

    Best first: lists just fetched, saved ones, the lock, kept ones; what is left rests on hints. Raises UsageError
    when `lists` is no folder, and ConfigError for a file in it that does not read as a list.
    """
    notes: list[str] = []
    known = dict((*_kept(cache, rows), *_locked(lock), *_saved(lists, rows, notes), *_live(live)))
    own = {name: row for name, row in rows.items() if not row.built_in and row.base_url}
    return Knowledge(
        lists=known,
        pinned={name: lock.ids_at(name) for name in lock.providers} if lock else {},
        aliases=frozenset((*aliases, *(lock.aliases if lock else ()))),
        own=own,
        default=lock.default_provider if lock and lock.default_provider else default,
        default_why="the lock's default endpoint" if lock and lock.default_provider else "the configured provider",
    ), tuple(notes)


def _saved(folder: Path | None, rows: Mapping[str, Provider], notes: list[str]) -> Iterator[tuple[str, Known]]:
    if folder is None:
        return
    found = saved.read(folder, rows)
    for error in found.broken.values():
        raise error
    notes += [f"{folder / name}.json: no provider of that name is known here" for name in found.unknown]
    for name, listing in found.listings.items():
        yield name, Known(listing=listing, basis=f"the saved list {name}.json")


def _locked(lock: Lock | None) -> Iterator[tuple[str, Known]]:
    for name, endpoint in lock.endpoints.items() if lock else ():
        ids = dict.fromkeys((*endpoint.listed, *endpoint.ids))
        models = tuple(Model(id=i, floating=i in endpoint.ids and endpoint.ids[i].floating) for i in ids)
        moment = endpoint.listed_at.timestamp()
        listing = Listing(provider=name, base_url=endpoint.base_url, fetched_at=moment, models=models)
        yield name, Known(listing=listing, basis=f"moongate.lock, listed {rfc3339(moment)[:10]}")


def _kept(cache: ListCache | None, rows: Mapping[str, Provider]) -> Iterator[tuple[str, Known]]:
    entries = cache.newest() if cache else {}
    for name, row in rows.items():
        entry = entries.get(row.base_url)
        if entry is None:
            continue
        try:
            listing = listing_from(entry.body.encode(), row, fetched_at=entry.fetched_at)
        except MoongateError:  # a kept body that no longer reads as a list is as good as none
            continue
        yield name, Known(listing=listing, basis=f"the list of {rfc3339(entry.fetched_at)[:10]}")


def _live(listings: Iterable[Listing]) -> Iterator[tuple[str, Known]]:
    for listing in listings:
        yield listing.provider, Known(listing=listing, basis="the live list")
