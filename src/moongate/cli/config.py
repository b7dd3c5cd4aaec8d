"""`moongate config`: effective settings and their origins, stored keys, trusted project files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moongate.cli.options import Asked, connecting, speaking
from moongate.errors import ProviderChoiceError, UsageError

if TYPE_CHECKING:
    from moongate.facts.money import Price
    from moongate.settings.load import Settings


@click.group("config")
def command() -> None:
    """Show and change how moongate is configured."""


@command.command("show")
@connecting
def show(asked: Asked) -> int:
    """Show every setting with where it came from. Keys appear as fingerprints."""
    settings = asked.settings
    key = f"{settings.key.fingerprint}…" if settings.key else None
    rows = [
        ("provider", settings.row.name, settings.chosen_by),
        ("base_url", settings.row.base_url or None, settings.addressed_by),
        ("key", key, settings.key.source if settings.key else "none"),
        *((n, _effective(settings, n, v), o) for n, (v, o) in settings.origins.items() if n not in _SHOWN_FIRST),
        *((f"prices.{name}", _written(price), price.basis) for name, price in settings.row.prices.items()),
    ]
    if asked.show.json:
        asked.show.document({name: {"value": value, "from": origin} for name, value, origin in rows})
    else:
        asked.show.table(("setting", "value", "from"), [(n, "" if v is None else str(v), o) for n, v, o in rows])
    return 0


_SHOWN_FIRST = ("provider", "base_url")


def _effective(settings: Settings, name: str, value: Any) -> Any:
    """Return the value in force where the option itself was left to its default."""
    return str(getattr(settings, name)) if name in ("cache_dir", "data_dir") else value


def _written(price: Price) -> str:
    """Write a price as a user gave it, per million tokens."""
    cached = "" if price.cached_input is None else f", cached {price.cached_input}"
    return f"input {price.input}{cached}, output {price.output} {price.currency}"


@command.command("path")
@speaking
def path(asked: Asked) -> int:
    """Print the path of your own settings file, whether it exists or not."""
    from moongate.settings.files import USER_FILE
    from moongate.settings.load import config_dir

    found = str(config_dir() / USER_FILE)
    asked.show.document({"path": found}) if asked.show.json else asked.show.data(found)
    return 0


@command.command("set-key")
@click.argument("provider")
@click.option("--upstream", is_flag=True, help="The name is what an upstream of the gateway has as its `keyring`.")
@speaking
def set_key(asked: Asked, provider: str, upstream: bool) -> int:
    """Store PROVIDER's key in the system keyring. The key is read from stdin, or asked for without echo."""
    from moongate.facts.keys import Key
    from moongate.facts.providers import built_in
    from moongate.settings import vault

    if not upstream and (provider not in built_in() or provider == "local"):
        known = ", ".join(name for name in built_in() if name != "local")
        raise ProviderChoiceError(f"There is no provider {provider!r} with a key.", advice=f"Known: {known}.")
    if sys.stdin.isatty():
        secret = click.prompt("Key", hide_input=True, err=True)
    else:
        secret = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    vault.store(provider, Key(secret, source="what was entered"))
    use = f"-p {provider}, MOONGATE_PROVIDER or provider = {provider!r}"
    asked.show.talk(f"stored; use it with {f'keyring = {provider!r}' if upstream else use} in the settings")
    if asked.show.json:
        asked.show.document({"provider": provider, "stored": True})
    return 0


@command.command("trust")
@click.argument("path", type=click.Path(dir_okay=False))
@speaking
def trust(asked: Asked, path: str) -> int:
    """Trust a project file: exactly this content at exactly this path."""
    from moongate.settings import files
    from moongate.settings.load import config_dir

    if not Path(path).is_file():
        raise UsageError(f"There is no file {path!r}.")
    digest = files.trust(Path(path), config_dir())
    if asked.show.json:
        asked.show.document({"path": str(Path(path).resolve()), "sha256": digest})
    else:
        asked.show.talk(f"trusted {path} as it is now (SHA-256 {digest[:8]}…)")
    return 0
