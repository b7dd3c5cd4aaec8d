"""Model lists kept in a folder for places without a network: `PROVIDER.json`, each body as its endpoint sent it.

`moongate models --save` writes them; `verify`, `diff` and `lint` take them with `--lists`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from moongate.errors import ConfigError, MoongateError, StorageError, TooLargeError, UsageError
from moongate.facts.models import Listing
from moongate.facts.providers import Provider
from moongate.store.atomic import replacing
from moongate.wire.listing import listing_from

MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What a folder of lists holds, by provider."""

    listings: Mapping[str, Listing] = field(default_factory=dict)
    broken: Mapping[str, MoongateError] = field(default_factory=dict)  # files that do not read as a list
    unknown: tuple[str, ...] = ()  # names of files whose provider is none that is known here


def read(folder: Path, rows: Mapping[str, Provider]) -> Saved:
    """Return the lists of the providers in `rows`. A list is as old as its file.

    Raises UsageError when there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(
            f"There is no folder {str(folder)!r} with lists.", advice="moongate models --save DIR makes one."
        )
    paths = {path.stem: path for path in sorted(folder.glob("*.json"))}
    listings: dict[str, Listing] = {}
    broken: dict[str, MoongateError] = {}
    for name in (name for name in paths if name in rows):
        try:
            listings[name] = _listing(paths[name], rows[name])
        except MoongateError as error:
            broken[name] = error
    return Saved(listings=listings, broken=broken, unknown=tuple(name for name in paths if name not in rows))


def _listing(path: Path, row: Provider) -> Listing:
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
            saved_at = os.fstat(file.fileno()).st_mtime
    except OSError as error:
        raise ConfigError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    if len(body) > MAX_BYTES:
        raise TooLargeError(f"{str(path)!r} is larger than {MAX_BYTES // 2**20} MiB.")
    return listing_from(body, row, fetched_at=saved_at)


def write(folder: Path, listing: Listing) -> Path:
    """Keep a list's body as it was received, in one step, dated when it was fetched. Returns the file's path.

    Raises StorageError when the disk refuses, ConfigError for a provider whose name cannot be a file's.
    """
    name = f"{listing.provider}.json"
    if Path(name).name != name or name.startswith("."):
        raise ConfigError(f"The provider's name {listing.provider!r} cannot be a file's.", advice="Rename it.")
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{str(folder)!r} cannot be made: {error.strerror or error}.") from error
    with replacing(path) as file:
        file.write(listing.body)
    os.utime(path, (listing.fetched_at, listing.fetched_at))
    return path
