"""What `lock`, `verify` and `diff` share: the lock in force, and the lists that it is held against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moongate.catalog import lock as locks
from moongate.catalog.lock import Lock
from moongate.errors import (
    ConfigError,
    KeyMissingError,
    ListUnavailableError,
    MoongateError,
    ProviderChoiceError,
    UsageError,
)

if TYPE_CHECKING:
    from moongate.cli.options import Asked
    from moongate.facts.models import Listing
    from moongate.facts.providers import Provider
    from moongate.settings.load import Settings

lock_option = click.option(
    "--file",
    "path",
    metavar="PATH",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The lock; without this the nearest moongate.lock, upward to the repository's root.",
)
lists_option = click.option(
    "--lists",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Use the saved lists DIR/PROVIDER.json instead of asking (moongate models --save writes them).",
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One provider's list, or why there is none."""

    provider: str
    row: Provider | None = None
    listing: Listing | None = None
    error: MoongateError | None = None

    @property
    def why(self) -> str:
        """Why there is no list, in a sentence without its stop."""
        return self.error.message.rstrip(".") if self.error else ""


def found(path: Path | None) -> tuple[Path, Lock]:
    """Return the lock in force and its path. Raises UsageError when there is none, ConfigError for a broken one."""
    path = path or nearest()
    if path is None or not path.exists():
        raise UsageError(
            f"There is no lock {str(path)!r}." if path else "There is no moongate.lock here or above that is yours.",
            advice="moongate lock NAME makes one; --file PATH names another.",
        )
    return path, locks.read(path)


def nearest() -> Path | None:
    """Return the nearest lock, upward from the working directory."""
    return locks.find(Path.cwd(), Path.home())


def asked_for(asked: Asked, lock: Lock) -> tuple[str, ...]:
    """Return the providers that a command is about: the one named with -p or --base-url, else all of the lock."""
    if not one_is_named(asked):
        return lock.providers
    name = asked.flags["provider"] or asked.settings.row.name
    if name not in lock.providers:
        raise UsageError(
            f"Nothing is pinned at {name!r}.", advice=f"Pinned at: {', '.join(lock.providers) or 'no provider'}."
        )
    return (name,)


def one_is_named(asked: Asked) -> bool:
    """Say whether the flags name one endpoint."""
    return asked.flags["provider"] is not None or asked.flags["base_url"] is not None


def answers(asked: Asked, lock: Lock, names: Iterable[str], folder: Path | None) -> Iterator[Answer]:
    """Yield each provider's list: the saved one where a folder is given, else the one it sends now.

    Raises ConfigError for settings that cannot work, such as a key that is set but empty.
    """
    if folder is not None:
        yield from _saved(asked, lock, names, folder)
        return
    for name in names:
        answer = _now(asked, name)
        if answer.row is not None and name in lock.endpoints:
            _tell_moved(asked, answer.row, lock.endpoints[name].base_url)
        yield answer


def _now(asked: Asked, name: str) -> Answer:
    try:
        return live(_settings(asked, name), name)
    except ProviderChoiceError as error:  # pinned at somebody's own provider, which is not configured here
        return Answer(provider=name, error=error)


def _settings(asked: Asked, name: str) -> Settings:
    from moongate.settings.load import load

    if one_is_named(asked):
        return asked.settings
    settings = load(replace(asked.settings_flags(), provider=name))
    for warning in settings.warnings:
        asked.show.talk(f"warning: {warning}")
    return settings


def live(settings: Settings, name: str) -> Answer:
    """Return the list that an endpoint sends now; a kept one does not stand in for it."""
    from moongate.client.sync import Client

    if settings.row.name != name:
        moved = ConfigError(f"{settings.addressed_by} leads to {settings.row.name}, which is another endpoint.")
        return Answer(provider=name, error=moved)
    try:
        with Client(settings=settings, long_lived=False) as client:
            listing = client.models(live=True)
    except KeyMissingError as error:
        return Answer(provider=name, row=settings.row, error=error)
    except ConfigError:
        raise
    except MoongateError as error:
        return Answer(provider=name, row=settings.row, error=error)
    if listing.unverified_since is not None:
        late = ListUnavailableError(f"The model list of {settings.row.title} cannot be had now.")
        return Answer(provider=name, row=settings.row, error=late)
    return Answer(provider=name, row=settings.row, listing=listing)


def _tell_moved(asked: Asked, row: Provider, locked_at: str) -> None:
    if row.base_url != locked_at:
        asked.show.talk(f"note: {row.name} was locked at {locked_at}, and is asked at {row.base_url}")


def _saved(asked: Asked, lock: Lock, names: Iterable[str], folder: Path) -> Iterator[Answer]:
    from moongate.catalog import saved

    rows = rows_for(asked, lock)
    lists = saved.read(folder, rows)
    asked.show.notes(f"{folder / name}.json is no list: there is no provider {name!r}" for name in lists.unknown)
    for name in names:
        error = lists.broken.get(name) or ConfigError(f"There is no {folder / name!s}.json.")
        listing = lists.listings.get(name)
        yield Answer(provider=name, row=rows[name], listing=listing, error=None if listing else error)


def rows_for(asked: Asked, lock: Lock) -> dict[str, Provider]:
    """Return every known provider, and a plain row for one that the lock names and nobody configured here."""
    from moongate.facts.providers import custom
    from moongate.settings.load import all_rows

    rows = all_rows(asked.settings_flags())
    plain = custom("unknown", base_url="https://unknown.invalid/v1")
    return {**{name: replace(plain, name=name, title=name) for name in lock.providers}, **rows}
