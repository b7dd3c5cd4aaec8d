"""What a gateway's configuration comes to: its table with the place of every setting, and settings for each upstream.

Files are read as for a client, and trusted by the same rules. What the settings of the table may be is the gateway's
own matter (`moongate.gateway.options`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from moongate.errors import ConfigError, ProviderChoiceError
from moongate.facts.keys import MAX_LENGTH, Key
from moongate.facts.providers import Provider
from moongate.settings import vault
from moongate.settings.files import ConfigFile
from moongate.settings.load import Flags, Settings, all_rows, config_files, load, merged_tables, working_folder
from moongate.settings.prices import prices

TABLE = "gateway"


@dataclass(frozen=True, kw_only=True)
class Table:
    """The `[gateway]` table of all files that count."""

    values: Mapping[str, Any]
    providers: Mapping[str, Provider]  # every one that an upstream may name
    files: tuple[ConfigFile, ...] = ()

    def where(self, path: tuple[str, ...]) -> tuple[str, int | None] | None:
        """Return the file and the line of a setting, given by its path below the table; None: it stands nowhere."""
        for file in self.files:
            table = file.tables.get(TABLE, {})
            if not path or path[0] in table or file is self.files[-1]:
                return str(file.path), file.line(TABLE, *path)
        return None


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where an upstream is, and where its key is kept; without any of the three, where its provider's key is."""

    provider: str
    base_url: str | None = None
    key_env: str | None = None
    key_file: str | None = None
    keyring: str | None = None


def gateway_table(
    flags: Flags | None = None,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    home: Path | None = None,
) -> Table:
    """Return the table. Raises a ConfigError for files that cannot be read or trusted, and for faulty prices."""
    flags, env = flags or Flags(), os.environ if env is None else env
    files = config_files(flags, env, cwd or working_folder(), home or Path.home())
    rows = all_rows(flags, env, cwd or working_folder(), home or Path.home())
    prices(files, rows)  # here already: they are no upstream's fault
    return Table(values=merged_tables(files, TABLE), providers=rows, files=files)


def upstream_settings(
    account: Account,
    flags: Flags | None = None,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    home: Path | None = None,
) -> Settings:
    """Return the settings of one upstream: its own provider, address and key, everything else as for a client.

    Base-url variables do not count: the table says where an upstream is. Raises a ConfigError for a provider that is
    not known, an address that cannot be used, a key that is not to be had.
    """
    flags, env = flags or Flags(), os.environ if env is None else env
    rows = all_rows(flags, env, cwd or working_folder(), home or Path.home())
    if account.provider not in rows:
        advice = f"Known: {', '.join(rows)}."
        raise ProviderChoiceError(f"There is no provider {account.provider!r}.", advice=advice)
    key = _key(account, env)
    flags = replace(
        flags,
        provider=account.provider,
        base_url=account.base_url or rows[account.provider].base_url or None,
        api_key=None if key is None else key.reveal(),
        model=None,
    )
    settings = load(flags, env=env, cwd=cwd, home=home)
    return settings if key is None else replace(settings, key=key)


def _key(account: Account, env: Mapping[str, str]) -> Key | None:
    if account.key_env is not None:
        if account.key_env not in env:
            raise ConfigError(f"The variable {account.key_env} is not set.", advice="Set it to the upstream's key.")
        return Key(env[account.key_env], source=account.key_env)
    if account.key_file is not None:
        return Key(_secret_in(account.key_file), source=account.key_file)
    if account.keyring is None:
        return None
    stored = vault.stored(account.keyring)
    if stored is None:
        raise ConfigError(
            f"The system's keyring has no key {account.keyring!r}.",
            advice=f"Store one: moongate config set-key --upstream {account.keyring}",
        )
    return stored


def _secret_in(path: str) -> str:
    """Return what a file holds, without the line break at its end."""
    try:
        place = Path(path).expanduser()
        if not place.is_absolute():
            raise ConfigError(f"The key file {path!r} is not an absolute path.", advice="Begin it with / or ~.")
        if not stat.S_ISREG(place.stat().st_mode):  # a pipe would be waited for
            raise ConfigError(f"The key file {path!r} is not a file.", advice="Name a file that holds the key.")
        with place.open("rb") as file:
            return file.read(2 * MAX_LENGTH).decode("utf-8", "replace").rstrip("\r\n")
    except (OSError, RuntimeError) as error:  # RuntimeError: ~NAME of nobody
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(
            f"The key file {path!r} cannot be read: {why}.",
            advice="It has to be there, and readable for the user that runs the gateway.",
        ) from error
