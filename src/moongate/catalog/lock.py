"""`moongate.lock`: which ids a project uses at each endpoint, its names for them, and the list that vouched for them.

The record, and the door to its file. How the text is laid out is `lock_text`; whether pins still hold is `verify`.
A lock arrives with the project's code: it pins, and nothing in it can name a host, a key or an id that the endpoint
does not list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec

from moongate.errors import ConfigError
from moongate.store import project
from moongate.wire.listing import is_usable

FILE_NAME = "moongate.lock"
VERSION = 1
MAX_BYTES = 4 * 1024 * 1024


class Pin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One id at one endpoint, and what its row said when it was pinned. None: the row did not say."""

    context: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None  # tokens
    inputs: tuple[str, ...] | None = None
    reasoning: bool | None = None
    floating: bool = False  # known to be re-pointed to newer models, and pinned all the same


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is pinned at one endpoint, and the list that was seen then."""

    base_url: str  # where the list came from; nothing is ever sent there because of a lock
    listed_at: Annotated[datetime, msgspec.Meta(tz=True)]
    sha256: str  # of the list's body
    total: Annotated[int, msgspec.Meta(ge=0, le=2**53)]  # ids in that list
    listed: tuple[str, ...] = ()  # the ids in it; of a long list those of the pinned models' makers and families
    ids: Mapping[str, Pin] = {}


class Lock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole lock file."""

    version: int = VERSION
    default: str | None = None  # the provider of an id whose endpoint the code does not tell
    aliases: Mapping[str, Mapping[str, str]] = {}  # alias -> provider -> wire id
    endpoints: Mapping[str, Endpoint] = {}  # by provider

    @property
    def providers(self) -> tuple[str, ...]:
        """Every provider that something is pinned at, sorted."""
        aliased = {provider for ids in self.aliases.values() for provider in ids}
        return tuple(sorted({*self.endpoints, *aliased}))

    @property
    def default_provider(self) -> str | None:
        """The provider that is meant where none is named: the one the lock says, else its only one."""
        return self.default or (self.providers[0] if len(self.providers) == 1 else None)

    def ids_at(self, provider: str) -> frozenset[str]:
        """Return every id that is pinned at a provider, under an alias or not."""
        return frozenset(model_id for model_id, _, _ in self.pins(provider))

    def pins(self, provider: str) -> Iterator[tuple[str, str | None, Pin | None]]:
        """Yield (id, alias, what was recorded of it), once for each alias, sorted; an id may have no alias."""
        recorded = self.endpoints[provider].ids if provider in self.endpoints else {}
        named = [(ids[provider], alias) for alias, ids in self.aliases.items() if provider in ids]
        bare = set(recorded) - {model_id for model_id, _ in named}
        yield from ((model_id, alias, recorded.get(model_id)) for model_id, alias in sorted(named))
        yield from ((model_id, None, recorded[model_id]) for model_id in sorted(bare))


def find(start: Path, home: Path, *, uid: int | None = None) -> Path | None:
    """Return the nearest lock at or above `start`, as far as a project's files are looked for."""
    for folder in project.folders(start, home, uid=uid):
        path = folder / FILE_NAME
        if path.is_file():
            return path if project.belongs_to(path, uid) else None
    return None


def read(path: Path) -> Lock:
    """Return what a lock file says. Raises ConfigError, with the line or the place where it is broken."""
    return lock_from(project.toml(path, max_bytes=MAX_BYTES), where=str(path))


def lock_from(tables: Mapping[str, Any], *, where: str) -> Lock:
    """Return the lock that parsed TOML describes; `where` names it in errors. Raises ConfigError."""
    _check_version(tables, where)
    try:
        lock = msgspec.convert(tables, Lock)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{where!r} is not a lock: {_in_words(error)}.", advice="Mend it by hand, or restore it and lock anew."
        ) from error
    for text in _texts(lock):
        if not is_usable(text):
            raise ConfigError(f"{where!r}: {text[:80]!r} is neither an id nor a name.", advice="Mend it by hand.")
    return lock


def _check_version(tables: Mapping[str, Any], where: str) -> None:
    version = tables.get("version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise ConfigError(f"{where!r} does not begin with a version.", advice=f"A lock says: version = {VERSION}")
    if version != VERSION:
        raise ConfigError(
            f"{where!r} has version {version}; this moongate reads version {VERSION}.",
            advice="It was written by a newer moongate: update." if version > VERSION else "Lock anew.",
        )


def _in_words(error: msgspec.ValidationError) -> str:
    """Return msgspec's sentence with the place in it as TOML people write it."""
    return str(error).replace(" - at `$.", " in `").replace(" - at `$`", "").replace("Object", "The table")


def _texts(lock: Lock) -> Iterator[str]:
    """Yield every text that is looked up or shown."""
    if lock.default is not None:
        yield lock.default
    for alias, ids in lock.aliases.items():
        yield alias
        yield from (text for pair in ids.items() for text in pair)
    for name, endpoint in lock.endpoints.items():
        yield from (name, endpoint.base_url, endpoint.sha256, *endpoint.listed, *endpoint.ids)
        yield from (kind for pin in endpoint.ids.values() for kind in pin.inputs or ())
