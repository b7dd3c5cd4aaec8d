"""Which provider, which address, whose key: the choice, from sources that were read already.

The key is chosen by the row that owns the base url's host, so a key never follows an address to somebody else's
endpoint. The keyring is asked last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from moongate.errors import BaseUrlError, KeyMalformedError, KeyMissingError, ProviderChoiceError
from moongate.facts.keys import Key
from moongate.facts.providers import Provider, at, built_in, checked_url, custom, missing_version
from moongate.settings import vault

AMBIGUOUS_KEY = "KIMI_API_KEY"
NO_FILE = ("flag", "default")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What the choice is made from."""

    env: Mapping[str, str]
    found: Mapping[str, tuple[Any, str]]  # option -> value, where it came from
    rows: Mapping[str, Provider]
    api_key: str | None = None  # handed to a client's constructor

    def value(self, name: str) -> Any:
        """Return an option's value."""
        return self.found[name][0]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The provider at its effective address, and its key; None where there is none (yet)."""

    row: Provider
    key: Key | None
    chosen_by: str  # why this provider
    addressed_by: str  # where its base url comes from
    warnings: tuple[str, ...] = ()


def choose(sources: Sources) -> Chosen:
    """Decide. Raises a ConfigError naming the flag, variable or file at fault."""
    url, url_origin = sources.found["base_url"]
    ignored: tuple[str, ...] = ()
    if url is not None and url_origin not in NO_FILE and url_origin != sources.found["provider"][1]:
        ignored = (f"base_url in {url_origin} is not used: it belongs to the provider that the same file names",)
        sources = _without_base_url(sources)
    row, named, chosen_by = _choose(sources)
    row, addressed_by, warnings = _addressed(row, sources)
    return Chosen(
        row=row,
        key=_key(row, sources, named=named or bool(addressed_by)),
        chosen_by=chosen_by,
        addressed_by=addressed_by or "built-in row",
        warnings=ignored + warnings,
    )


def _without_base_url(sources: Sources) -> Sources:
    found = {**sources.found, "base_url": (None, "default")}
    return Sources(env=sources.env, found=found, rows=sources.rows, api_key=sources.api_key)


def _choose(sources: Sources) -> tuple[Provider, bool, str]:
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


def _without_variables(sources: Sources, base_url: str | None) -> tuple[Provider, bool, str]:
    if AMBIGUOUS_KEY in sources.env:
        raise ProviderChoiceError(
            f"{AMBIGUOUS_KEY} alone may mean two products: a Kimi Open Platform key (moonshot) "
            "or a Kimi Code subscription key (kimi-code).",
            advice="Say which with -p moonshot or -p kimi-code, or use MOONSHOT_API_KEY or KIMI_CODE_API_KEY.",
        )
    if base_url is not None:
        row = custom("custom", base_url=base_url, insecure_http=_insecure(sources))
        return row, True, "--base-url names an endpoint without a provider"
    if sources.api_key is not None:
        raise ProviderChoiceError("A key was given, but not whose it is.", advice="Name the provider too.")
    if sources.value("model") is not None:
        raise KeyMissingError(
            f"A model was named ({sources.value('model')!r}), but there is no key for any provider.",
            advice="Set MOONSHOT_API_KEY, or name the embedded model's provider with -p local.",
        )
    return built_in()["local"], False, "no provider variable is set"


def _candidates(sources: Sources) -> dict[str, tuple[Provider, str]]:
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


def _addressed(row: Provider, sources: Sources) -> tuple[Provider, str, tuple[str, ...]]:
    """Return the row at its effective address, what named that address ("" for nothing), and warnings."""
    url, variable = sources.value("base_url"), _url_origin(sources)
    warnings: tuple[str, ...] = ()
    named, named_by = _url_variable(row, sources.env)
    if (
        named is not None and sources.found["base_url"][1] != "flag"
    ):  # the environment comes before a file, the flag before both
        url, variable, warnings = named, named_by or "", _disagreement(row, sources.env)
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


def _url_origin(sources: Sources) -> str:
    """Name the flag or the file that gave `base_url`."""
    origin = sources.found["base_url"][1]
    return "--base-url" if origin in NO_FILE else origin


def _clean(url: str, named_by: str, sources: Sources) -> str:
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


def _insecure(sources: Sources) -> bool:
    return bool(sources.value("insecure_http"))


def _key(row: Provider, sources: Sources, *, named: bool) -> Key | None:
    """Return the key of the row that rules at the base url; None when there is none (yet)."""
    if sources.api_key is not None:
        return Key(sources.api_key, source="api_key")
    for variable in row.key_variables if named else row.key_env:
        if variable in sources.env:
            secret = sources.env[variable]
            if not secret:
                raise KeyMalformedError(f"{variable} is set but empty.", advice="Unset it, or give it a key.")
            return Key(secret, source=variable)
    return vault.key_for(row.name) if row.key_variables else None
