"""From flags, environment and files to one `Settings`.

Precedence: flag, environment, project file, user file, built-in row. Which provider, which address and whose key it
comes to is decided in `choose`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from moongate.catalog import lock
from moongate.errors import ConfigError, KeyMissingError
from moongate.facts.keys import Key
from moongate.facts.providers import Provider, built_in, custom
from moongate.settings import files
from moongate.settings.choose import Sources, choose
from moongate.settings.options import BY_NAME, OPTIONS, parsed
from moongate.settings.prices import prices

Guard = Literal["strict", "warn", "off"]
Rules = Literal["raise", "fix", "pass"]


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What was said on the command line, or to a client's constructor. None: not said."""

    provider: str | None = None
    model: str | None = None
    base_url: str | None = None
    api_key: str | None = None
    guard: str | None = None
    rules: str | None = None
    timeout: float | None = None
    list_timeout: float | None = None
    insecure_http: bool | None = None
    ca_file: str | None = None
    cache_dir: str | None = None
    data_dir: str | None = None
    config: str | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a client needs to know, decided once. Times are in seconds."""

    row: Provider
    key: Key | None
    model: str | None
    guard: Guard
    rules: Rules
    timeout_s: float | None
    list_timeout_s: float
    cache_dir: Path
    data_dir: Path
    ca_file: str | None = None
    proxies: Mapping[str, str] = field(default_factory=dict)
    no_proxy: tuple[str, ...] = ()
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # alias -> provider -> listed id
    alias_files: Mapping[str, str] = field(default_factory=dict)  # alias -> the file of the project that pins it
    gateway: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    origins: Mapping[str, tuple[Any, str]] = field(default_factory=dict)  # option -> value, where it came from
    chosen_by: str = ""  # why this provider
    addressed_by: str = ""  # where its base url comes from
    others: Mapping[str, Provider] = field(default_factory=dict)  # every provider that could have been named

    @property
    def is_local(self) -> bool:
        """Whether the embedded model serves."""
        return self.row.name == "local"

    def needed_key(self) -> Key | None:
        """Return the key. Raises KeyMissingError where the endpoint wants one and there is none."""
        if self.key is None and self.row.key_variables:
            names = " or ".join(self.row.key_variables)
            raise KeyMissingError(
                f"There is no key for {self.row.title}.",
                advice=f"Set {names}, or store one with: moongate config set-key {self.row.name}"
                + (f". Keys are made at {self.row.console}." if self.row.console else ""),
            )
        return self.key


def load(
    flags: Flags | None = None,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    home: Path | None = None,
) -> Settings:
    """Decide every setting. `env`, `cwd` and `home` default to the process's own.

    Raises a ConfigError (exit code 2) for whatever cannot work, naming the flag, variable or file at fault.
    """
    flags = flags or Flags()
    env = os.environ if env is None else env
    config = config_files(flags, env, cwd or working_folder(), home or Path.home())
    found = {option.name: _value(option.name, flags, env, config) for option in OPTIONS}
    rows = {**built_in(), **_own_providers(config, insecure_http=bool(found["insecure_http"][0]))}
    sources = Sources(env=env, found=found, rows=rows, api_key=flags.api_key)
    chosen = choose(sources)
    priced = prices(config, rows)
    return Settings(
        row=replace(chosen.row, prices=priced.get(chosen.row.name, {})),
        key=chosen.key,
        model=sources.value("model"),
        guard=sources.value("guard"),
        rules=sources.value("rules"),
        timeout_s=sources.value("timeout"),
        list_timeout_s=sources.value("list_timeout"),
        cache_dir=_folder(sources.value("cache_dir"), "cache"),
        data_dir=_folder(sources.value("data_dir"), "data"),
        ca_file=sources.value("ca_file"),
        proxies=_proxies(env),
        no_proxy=tuple((env.get("NO_PROXY") or env.get("no_proxy") or "").replace(",", " ").split()),
        aliases=merged_tables(config, "aliases"),
        alias_files=_pinned_by_projects(config),
        gateway=merged_tables(config, "gateway"),
        warnings=chosen.warnings,
        origins=found,
        chosen_by=chosen.chosen_by,
        addressed_by=chosen.addressed_by,
        others=rows,
    )


@dataclass(frozen=True, kw_only=True)
class Folders:
    """Where things are kept, for commands that need no provider."""

    cache_dir: Path
    data_dir: Path


def load_folders(
    flags: Flags | None = None,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    home: Path | None = None,
) -> Folders:
    """Return the folders alone: no provider is chosen, no key is looked for."""
    flags, env = flags or Flags(), os.environ if env is None else env
    config = config_files(flags, env, cwd or working_folder(), home or Path.home())
    return Folders(
        cache_dir=_folder(_value("cache_dir", flags, env, config)[0], "cache"),
        data_dir=_folder(_value("data_dir", flags, env, config)[0], "data"),
    )


@dataclass(frozen=True, kw_only=True)
class Project:
    """What a command needs that looks at code and sends nothing: no provider is chosen, no key is looked for."""

    rows: Mapping[str, Provider]  # every provider that is known here
    aliases: Mapping[str, Mapping[str, str]]
    lint: Mapping[str, Any]  # the linter's table
    lint_from: str  # where that stands, for messages
    provider: str | None  # the one that files or environment choose
    cache_dir: Path


def load_project(
    flags: Flags | None = None,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    home: Path | None = None,
) -> Project:
    """Return the settings of the project around the working folder. Raises ConfigError as `load` does."""
    flags, env = flags or Flags(), os.environ if env is None else env
    config = config_files(flags, env, cwd or working_folder(), home or Path.home())
    insecure = bool(_value("insecure_http", flags, env, config)[0])
    return Project(
        rows={**built_in(), **_own_providers(config, insecure_http=insecure)},
        aliases=merged_tables(config, "aliases"),
        lint=merged_tables(config, "lint"),
        lint_from=next((f"{file.path}: lint" for file in config if "lint" in file.tables), "lint"),
        provider=_value("provider", flags, env, config)[0],
        cache_dir=_folder(_value("cache_dir", flags, env, config)[0], "cache"),
    )


def load_all(
    flags: Flags | None = None,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    home: Path | None = None,
) -> list[Settings]:
    """Return the settings of every provider whose list can be had: public ones, and those with a key here.

    A key variable counts only for the provider it is unambiguous for; the embedded model is left out.
    """
    environment = os.environ if env is None else env
    rows = all_rows(flags, env, cwd, home)
    usable = [
        row.name
        for row in rows.values()
        if row.list_auth != "required" or any(variable in environment for variable in row.key_env)
    ]
    return load_each(usable, flags, env=env, cwd=cwd, home=home)


def load_configured(
    flags: Flags | None = None,
    *,
    besides: Iterable[str] = (),
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    home: Path | None = None,
) -> list[Settings]:
    """Return the settings of every provider that the user set up, and of those named in `besides`.

    Set up is what has a key or address variable in the environment, a table of its own, or is the configured default.
    """
    given, environment = flags or Flags(), os.environ if env is None else env
    config = config_files(given, environment, cwd or working_folder(), home or Path.home())
    named = {_value("provider", given, environment, config)[0], *besides}
    chosen = [
        row.name
        for row in all_rows(flags, env, cwd, home).values()
        if row.name in named
        or not row.built_in
        or any(variable in environment for variable in (*row.key_env, *row.url_env))
    ]
    return load_each(chosen, flags, env=env, cwd=cwd, home=home)


def load_each(
    names: Iterable[str],
    flags: Flags | None = None,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    home: Path | None = None,
) -> list[Settings]:
    """Return the settings of each provider in turn, once for each endpoint; the embedded model is left out."""
    flags = replace(flags or Flags(), base_url=None, api_key=None)
    found: dict[str, Settings] = {}
    for name in names:
        if name != "local":
            settings = load(replace(flags, provider=name), env=env, cwd=cwd, home=home)
            found.setdefault(settings.row.name, settings)
    return list(found.values())


def all_rows(
    flags: Flags | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    home: Path | None = None,
) -> dict[str, Provider]:
    """Return every provider that can be named: the built-in ones and those of the files that count."""
    flags, env = flags or Flags(), os.environ if env is None else env
    config = config_files(flags, env, cwd or working_folder(), home or Path.home())
    insecure = bool(_value("insecure_http", flags, env, config)[0])
    return {**built_in(), **_own_providers(config, insecure_http=insecure)}


def config_dir(env: Mapping[str, str] | None = None) -> Path:
    """Return the folder of the user's own configuration."""
    env = os.environ if env is None else env
    if env.get("MOONGATE_CONFIG_DIR"):
        return Path(env["MOONGATE_CONFIG_DIR"])
    from platformdirs import user_config_path

    return user_config_path("moongate")


def scrubbed(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment without any variable that holds a key, an address or a choice of provider."""
    env = os.environ if env is None else env
    names = {n for row in built_in().values() for n in (*row.key_variables, *row.url_env)}
    names |= {n for option in OPTIONS for n in option.env if option.kind != "path"}
    secret = ("_API_KEY", "_KEY", "_TOKEN", "_SECRET")
    return {name: value for name, value in env.items() if name not in names and not name.endswith(secret)}


def wants_color(env: Mapping[str, str] | None = None) -> bool:
    """Say whether colours are wanted: not with NO_COLOR set to anything but the empty text (no-color.org)."""
    return not (os.environ if env is None else env).get("NO_COLOR")


def working_folder() -> Path:
    """Return the working directory, or the root where it is gone."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")


def config_files(flags: Flags, env: Mapping[str, str], cwd: Path, home: Path) -> tuple[files.ConfigFile, ...]:
    """Return the files that count, strongest first. One named with --config replaces all but the project's lock."""
    if flags.config is not None:
        return (files.read(Path(flags.config)), *_lock(cwd, home))
    user_dir = config_dir(env)
    found = []
    project = files.find_project_file(cwd, home)
    if project is not None:
        file = files.read(project)
        if not files.is_trusted(project, user_dir):
            files.check_untrusted(file)
            file = replace(file, trusted=False)
        found.append(file)
    found.extend(_lock(cwd, home))
    if (user_dir / files.USER_FILE).is_file():
        found.append(files.read(user_dir / files.USER_FILE))
    return tuple(found)


def _lock(cwd: Path, home: Path) -> Iterator[files.ConfigFile]:
    """Yield the project's lock as a file that pins aliases and nothing else."""
    path = lock.find(cwd, home)
    if path is not None:
        yield files.ConfigFile(path=path, tables={"aliases": lock.read(path).aliases}, trusted=False)


def _value(name: str, flags: Flags, env: Mapping[str, str], config: Iterable[files.ConfigFile]) -> tuple[Any, str]:
    option = BY_NAME[name]
    said = getattr(flags, name)
    if said is not None:
        return parsed(option, said, where=f"--{name.replace('_', '-')}"), "flag"
    for variable in option.env:
        if variable in env:
            return parsed(option, env[variable], where=variable), variable
    for file in config:
        if name in file.values:
            return file.values[name], str(file.path)
    return option.default, "default"


def _own_providers(config: Iterable[files.ConfigFile], *, insecure_http: bool) -> dict[str, Provider]:
    rows: dict[str, Provider] = {}
    for file in config:
        for name, fields in file.tables.get("providers", {}).items():
            rows.setdefault(name, _own_provider(name, fields, file.path, insecure_http=insecure_http))
    return rows


def _own_provider(name: str, fields: Any, path: Path, *, insecure_http: bool) -> Provider:
    known = {"base_url", "key_env", "like"}
    if not isinstance(fields, dict) or "base_url" not in fields or not set(fields) <= known:
        raise ConfigError(
            f"{str(path)!r}: [providers.{name}] needs base_url, and may have key_env and like; nothing else.",
        )
    if not all(isinstance(value, str) for value in fields.values()):
        raise ConfigError(f"{str(path)!r}: [providers.{name}] has a value that is no text.")
    return custom(name, insecure_http=insecure_http, **fields)


def _pinned_by_projects(config: tuple[files.ConfigFile, ...]) -> dict[str, str]:
    """Return the file of every alias that came with a project's code and that no stronger file pins."""
    origins: dict[str, str] = {}
    for file in reversed(config):
        names = file.tables.get("aliases", {})
        origins = {name: path for name, path in origins.items() if name not in names}
        origins |= {} if file.trusted else dict.fromkeys(names, str(file.path))
    return origins


def merged_tables(config: tuple[files.ConfigFile, ...], name: str) -> dict[str, Any]:
    """Return a table of all files as one; of a setting that stands in several, the strongest file's."""
    merged: dict[str, Any] = {}
    for file in reversed(config):
        merged |= file.tables.get(name, {})
    return merged


def _folder(said: str | None, kind: Literal["cache", "data"]) -> Path:
    if said is not None:
        return Path(said).expanduser()
    import platformdirs

    find = platformdirs.user_cache_path if kind == "cache" else platformdirs.user_data_path
    return find("moongate")


def _proxies(env: Mapping[str, str]) -> dict[str, str]:
    """Read the proxy variables once; lower case wins, as in curl."""
    found = {}
    for scheme in ("http", "https", "all"):
        value = env.get(f"{scheme}_proxy") or ("" if scheme == "http" else env.get(f"{scheme.upper()}_PROXY", ""))
        if value:
            found[scheme] = value
    return found
