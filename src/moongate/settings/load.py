"""From flags, environment and files to one `Settings`: which provider, which address, whose key.

Precedence: flag, environment, project file, user file, built-in row. The key is chosen by the row that owns the base
url's host, so a key never follows an address to somebody else's endpoint.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from moongate.errors import (
    BaseUrlError,
    ConfigError,
    KeyMalformedError,
    KeyMissingError,
    ProviderChoiceError,
)
from moongate.facts.keys import Key
from moongate.facts.providers import Provider, at, built_in, checked_url, custom, missing_version
from moongate.settings import files, vault
from moongate.settings.options import BY_NAME, OPTIONS, parsed

Guard = Literal["strict", "warn", "off"]
AMBIGUOUS_KEY = "KIMI_API_KEY"


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What was said on the command line, or to a client's constructor. None: not said."""

    provider: str | None = None
    model: str | None = None
    base_url: str | None = None
    api_key: str | None = None
    guard: str | None = None
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
    timeout_s: float | None
    list_timeout_s: float
    cache_dir: Path
    data_dir: Path
    ca_file: str | None = None
    proxies: Mapping[str, str] = field(default_factory=dict)
    no_proxy: tuple[str, ...] = ()
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # alias -> provider -> listed id
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


@dataclass(frozen=True, kw_only=True)
class _Sources:
    """What the choice is made from."""

    flags: Flags
    env: Mapping[str, str]
    found: Mapping[str, tuple[Any, str]]  # option -> value, origin
    rows: Mapping[str, Provider]

    def value(self, name: str) -> Any:
        return self.found[name][0]


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
    config = _config_files(flags, env, cwd or _cwd(), home or Path.home())
    found = {option.name: _value(option.name, flags, env, config) for option in OPTIONS}
    rows = {**built_in(), **_own_providers(config)}
    sources = _Sources(flags=flags, env=env, found=found, rows=rows)
    row, named, chosen_by = _choose(sources)
    row, addressed_by, warnings = _addressed(row, sources)
    key = _key(row, sources, named=named or bool(addressed_by))
    return Settings(
        row=row,
        key=key,
        model=sources.value("model"),
        guard=sources.value("guard"),
        timeout_s=sources.value("timeout"),
        list_timeout_s=sources.value("list_timeout"),
        cache_dir=_folder(sources.value("cache_dir"), "cache"),
        data_dir=_folder(sources.value("data_dir"), "data"),
        ca_file=sources.value("ca_file"),
        proxies=_proxies(env),
        no_proxy=tuple((env.get("NO_PROXY") or env.get("no_proxy") or "").replace(",", " ").split()),
        aliases=_merged_tables(config, "aliases"),
        gateway=_merged_tables(config, "gateway"),
        warnings=warnings,
        origins=found,
        chosen_by=chosen_by,
        addressed_by=addressed_by or "built-in row",
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
    config = _config_files(flags, env, cwd or _cwd(), home or Path.home())
    return Folders(
        cache_dir=_folder(_value("cache_dir", flags, env, config)[0], "cache"),
        data_dir=_folder(_value("data_dir", flags, env, config)[0], "data"),
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
    names = [row for row in _all_rows(flags or Flags(), environment, cwd, home).values() if row.name != "local"]
    flags = replace(flags or Flags(), base_url=None, api_key=None)
    found = []
    for row in names:
        usable = row.list_auth != "required" or any(variable in environment for variable in row.key_env)
        if usable:
            found.append(load(replace(flags, provider=row.name), env=env, cwd=cwd, home=home))
    return found


def _all_rows(flags: Flags, env: Mapping[str, str], cwd: Path | None, home: Path | None) -> dict[str, Provider]:
    return {**built_in(), **_own_providers(_config_files(flags, env, cwd or _cwd(), home or Path.home()))}


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


def _cwd() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")


def _config_files(flags: Flags, env: Mapping[str, str], cwd: Path, home: Path) -> tuple[files.ConfigFile, ...]:
    """Return the files that count, strongest first. A file named with --config stands alone."""
    if flags.config is not None:
        return (files.read(Path(flags.config)),)
    user_dir = config_dir(env)
    found = []
    project = files.find_project_file(cwd, home)
    if project is not None:
        file = files.read(project)
        if not files.is_trusted(project, user_dir):
            files.check_untrusted(file)
        found.append(file)
    if (user_dir / files.USER_FILE).is_file():
        found.append(files.read(user_dir / files.USER_FILE))
    return tuple(found)


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


def _own_providers(config: Iterable[files.ConfigFile]) -> dict[str, Provider]:
    rows: dict[str, Provider] = {}
    for file in config:
        for name, fields in file.tables.get("providers", {}).items():
            rows.setdefault(name, _own_provider(name, fields, file.path))
    return rows


def _own_provider(name: str, fields: Any, path: Path) -> Provider:
    known = {"base_url", "key_env", "like"}
    if not isinstance(fields, dict) or "base_url" not in fields or not set(fields) <= known:
        raise ConfigError(
            f"{str(path)!r}: [providers.{name}] needs base_url, and may have key_env and like; nothing else.",
        )
    if not all(isinstance(value, str) for value in fields.values()):
        raise ConfigError(f"{str(path)!r}: [providers.{name}] has a value that is no text.")
    return custom(name, **fields)


def _merged_tables(config: tuple[files.ConfigFile, ...], name: str) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for file in reversed(config):
        merged |= file.tables.get(name, {})
    return merged


def _choose(sources: _Sources) -> tuple[Provider, bool, str]:
    """Return the provider, whether the user named it, and why it is this one."""
    name, origin = sources.found["provider"]
    if name is not None:
        if name not in sources.rows:
            raise ProviderChoiceError(
                f"There is no provider {name!r} ({origin}).", advice=f"Known: {', '.join(sources.rows)}."
            )
        return sources.rows[name], True, f"named by {origin}"
    base_url = sources.value("base_url")
    if base_url is not None:
        base_url = _clean(base_url, _url_origin(sources), sources)
    owner = next((r for r in built_in().values() if base_url and r.owns(base_url)), None)
    if owner is not None:
        return owner, True, "the host of --base-url"
    candidates = _candidates(sources)
    if len(candidates) == 1:
        row, variable = next(iter(candidates.values()))
        return row, False, f"{variable} is set"
    if len(candidates) > 1:
        named = ", ".join(f"{row_name} ({variable})" for row_name, (_, variable) in candidates.items())
        raise ProviderChoiceError(
            f"Several providers are configured: {named}.", advice="Choose one with -p or MOONGATE_PROVIDER."
        )
    return _without_variables(sources, base_url)


def _without_variables(sources: _Sources, base_url: str | None) -> tuple[Provider, bool, str]:
    if AMBIGUOUS_KEY in sources.env:
        raise ProviderChoiceError(
            f"{AMBIGUOUS_KEY} alone may mean two products: a Kimi Open Platform key (moonshot) "
            "or a Kimi Code subscription key (kimi-code).",
            advice="Say which with -p moonshot or -p kimi-code, or use MOONSHOT_API_KEY or KIMI_CODE_API_KEY.",
        )
    if base_url is not None:
        row = custom("custom", base_url=base_url, insecure_http=_insecure(sources))
        return row, True, "--base-url names an endpoint without a provider"
    if sources.flags.api_key is not None:
        raise ProviderChoiceError("A key was given, but not whose it is.", advice="Name the provider too.")
    if sources.value("model") is not None:
        raise KeyMissingError(
            f"A model was named ({sources.value('model')!r}), but there is no key for any provider.",
            advice="Set MOONSHOT_API_KEY, or name the embedded model's provider with -p local.",
        )
    return built_in()["local"], False, "no provider variable is set"


def _candidates(sources: _Sources) -> dict[str, tuple[Provider, str]]:
    """Return the providers whose key or base-url variable is set, by the name that rules at their address."""
    found: dict[str, tuple[Provider, str]] = {}
    for row in sources.rows.values():
        variable = next((v for v in (*row.key_env, *row.url_env) if v in sources.env), None)
        if variable is not None:
            url, named_by = _url_variable(row, sources.env)
            ruling = at(row, _clean(url, named_by or "", sources)) if url else row
            found.setdefault(ruling.name, (row, variable))
    return found


def _url_variable(row: Provider, env: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the value and the name of the base-url variable that counts."""
    for variable in row.url_env:
        if variable in env:
            if not env[variable]:
                raise BaseUrlError(f"{variable} is set but empty.", advice="Unset it, or give it an address.")
            return env[variable], variable
    return None, None


def _addressed(row: Provider, sources: _Sources) -> tuple[Provider, str, tuple[str, ...]]:
    """Return the row at its effective address, what named that address ("" for nothing), and warnings."""
    url, variable = sources.value("base_url"), _url_origin(sources)
    warnings: tuple[str, ...] = ()
    if url is None:
        url, named_by = _url_variable(row, sources.env)
        variable, warnings = named_by or "", _disagreement(row, sources.env)
    if url is None or row.name in ("local", "custom"):
        return row, "", ()
    clean = _clean(url, variable, sources)
    ruling = at(row, clean)
    meant = missing_version(ruling)
    if meant is not None:
        raise BaseUrlError(
            f"{variable} is {clean!r}, but {ruling.title} answers below {urlsplit(meant).path!r}.",
            advice=f"Use {meant!r}.",
        )
    if ruling.name != row.name:
        warnings += (f"{variable} points to {ruling.host}: the provider is {ruling.name}, not {row.name}",)
    return ruling, variable, warnings


def _url_origin(sources: _Sources) -> str:
    """Name the flag or the file that gave `base_url`."""
    origin = sources.found["base_url"][1]
    return "--base-url" if origin in ("flag", "default") else origin


def _clean(url: str, named_by: str, sources: _Sources) -> str:
    """Return a checked address. Raises BaseUrlError naming where it stands."""
    try:
        return checked_url(url, insecure_http=_insecure(sources))
    except BaseUrlError as error:
        raise BaseUrlError(f"{named_by}: {error.message}", advice=error.advice) from error


def _disagreement(row: Provider, env: Mapping[str, str]) -> tuple[str, ...]:
    said = {v: env[v].rstrip("/") for v in row.url_env if v in env}
    if len(set(said.values())) < 2:
        return ()
    return (f"{', '.join(said)} disagree; {next(iter(said))} is used",)


def _insecure(sources: _Sources) -> bool:
    return bool(sources.value("insecure_http"))


def _key(row: Provider, sources: _Sources, *, named: bool) -> Key | None:
    """Return the key of the row that rules at the base url; None when there is none (yet)."""
    if sources.flags.api_key is not None:
        return Key(sources.flags.api_key, source="api_key")
    for variable in row.key_variables if named else row.key_env:
        if variable in sources.env:
            secret = sources.env[variable]
            if not secret:
                raise KeyMalformedError(f"{variable} is set but empty.", advice="Unset it, or give it a key.")
            return Key(secret, source=variable)
    return vault.key_for(row.name) if row.key_variables else None


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
