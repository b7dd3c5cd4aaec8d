"""The endpoints moongate knows, one row each, and the rules that bind a base url to a row.

Rows are data (`providers.toml`), each with its source and date. This module does not read the environment, choose a
provider or hold a key: that is `moongate.settings`.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from moongate.errors import BaseUrlError, ConfigError
from moongate.facts.money import Price

ListAuth = Literal["required", "optional", "none"]
Dialect = Literal["moonshot", "openrouter", "aimlapi", "openai"]
LIKES: tuple[Dialect, ...] = ("moonshot", "openrouter", "aimlapi", "openai")


def is_loopback(host: str) -> bool:
    """Say whether a host name or address is this machine's own."""
    return host in ("localhost", "::1") or (host.startswith("127.") and host.replace(".", "").isdecimal())


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One endpoint: where it is, whose key it takes, and in which shapes it speaks."""

    name: str
    title: str
    base_url: str = ""
    hosts: tuple[str, ...] = ()  # may receive this row's key
    paths: tuple[str, ...] = ()  # and only below these, where one host carries several products
    key_env: tuple[str, ...] = ()
    key_env_named: tuple[str, ...] = ()  # only when the user named this provider
    url_env: tuple[str, ...] = ()
    currency: str | None = None
    list: str = "/models"
    list_keyed: str | None = None
    list_auth: ListAuth = "required"
    balance: str | None = None
    balance_shape: Dialect | None = None
    estimate: str | None = None
    files: str | None = None
    batches: Literal["native", "emulated"] = "emulated"
    dialect: Dialect = "openai"
    floating: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    console: str | None = None
    top_up: str | None = None
    region_twin: str | None = None
    template: bool = False
    built_in: bool = True
    prices: Mapping[str, Price] = field(default_factory=dict, hash=False)  # the user's own, by listed id
    source: str = ""
    date: str = ""

    @property
    def host(self) -> str:
        """The host and port of the base url, as an error message names it."""
        return urlsplit(self.base_url).netloc

    @property
    def key_variables(self) -> tuple[str, ...]:
        """Every variable that may hold this provider's key, best first."""
        return self.key_env + self.key_env_named

    def url(self, path: str) -> str:
        """Return the absolute url of `path`: below the base url, or on its host when it starts with `//`."""
        if path.startswith("//"):
            parts = urlsplit(self.base_url)
            return f"{parts.scheme}://{parts.netloc}{path[1:]}"
        return self.base_url + path

    def is_floating(self, model_id: str) -> bool:
        """Say whether the provider re-points this id to newer models."""
        return any(
            model_id.startswith(pattern[:-1]) if pattern.endswith("*") else model_id == pattern
            for pattern in self.floating
        )

    @property
    def at_home(self) -> bool:
        """Whether the base url lies on the hosts that the row was written for."""
        return self.owns(self.base_url)

    def owns(self, base_url: str) -> bool:
        """Say whether a base url lies on this row's hosts (and below its paths)."""
        parts = urlsplit(base_url)
        if (parts.hostname or "") not in self.hosts:
            return False
        return not self.paths or any(parts.path == p or parts.path.startswith(p + "/") for p in self.paths)


@functools.cache
def built_in() -> dict[str, Provider]:
    """Return the built-in rows by name, templates left out."""
    return {name: row for name, row in _rows().items() if not row.template}


@functools.cache
def _rows() -> dict[str, Provider]:
    text = resources.files("moongate.facts").joinpath("providers.toml").read_text("utf-8")
    return {name: _row(name, fields) for name, fields in tomllib.loads(text).items()}


def _row(name: str, fields: dict[str, Any]) -> Provider:
    return msgspec.convert(fields | {"name": name, "date": str(fields["date"])}, Provider)


def at(row: Provider, base_url: str) -> Provider:
    """Return the row that rules at `base_url`: the built-in one that owns the host, else `row` moved there.

    The origin decides: `https://api.moonshot.cn/v1` is moonshot-cn under whatever name it was given. A built-in row
    that is moved to another host keeps its shapes and its key variables, but no longer claims to be the provider.
    """
    owner = next((known for known in built_in().values() if known.owns(base_url)), None)
    if owner is not None:
        return replace(owner, base_url=base_url)
    moved = row.built_in and bool(row.hosts)
    return replace(row, base_url=base_url, title=f"your {row.title} endpoint" if moved else row.title)


def custom(
    name: str, *, base_url: str, key_env: str | None = None, like: str = "openai", insecure_http: bool = False
) -> Provider:
    """Return a row for an endpoint of the user's own that speaks like a known one.

    Raises ConfigError when `like` is no known dialect, or the name is a built-in provider's.
    """
    if like not in LIKES:
        raise ConfigError(
            f"Provider {name!r}: like = {like!r} is not known.", advice=f"Use one of {', '.join(LIKES)}."
        )
    if name in _rows():
        raise ConfigError(f"{name!r} is a built-in provider.", advice="Choose another name for your own.")
    model = _rows()[like]
    url = checked_url(base_url, insecure_http=insecure_http)
    row = replace(
        model,
        name=name,
        title=f"{name} (yours, like {like})",
        base_url=url,
        hosts=(urlsplit(url).hostname or "",),
        paths=(),
        key_env=(key_env,) if key_env else (),
        key_env_named=(),
        url_env=(),
        list_auth=model.list_auth if key_env else "optional",
        console=None,
        top_up=None,
        region_twin=None,
        template=False,
        built_in=False,
        source="your configuration",
    )
    return at(row, url)


def checked_url(base_url: str, *, insecure_http: bool = False) -> str:
    """Return a base url without its trailing slash.

    Raises BaseUrlError for anything that cannot be a base url, that carries a user name, or that would send a key
    in the clear to another machine.
    """
    advice = "A base url looks like https://api.moonshot.ai/v1."
    if any(ord(c) <= 32 or ord(c) == 127 for c in base_url):
        raise BaseUrlError("The base url contains a blank or a control character.", advice=advice)
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BaseUrlError(f"The base url is malformed: {error}.", advice=advice) from error
    if "@" in parts.netloc:
        raise BaseUrlError(
            "The base url contains a user name or a password.",
            advice="Take it out: keys have their own place.",
        )
    if parts.scheme not in ("http", "https") or not host:
        raise BaseUrlError(f"The base url {base_url!r} is not an http(s) address.", advice=advice)
    if parts.query or parts.fragment:
        raise BaseUrlError(f"The base url {base_url!r} has a query or a fragment.", advice=advice)
    if parts.scheme == "http" and not is_loopback(host) and not insecure_http:
        raise BaseUrlError(
            f"The base url {base_url!r} would send key and prompts unencrypted to another machine.",
            advice="Use https, or --insecure-http if you mean it.",
        )
    path = parts.path.rstrip("/")
    for route in ("/chat/completions", "/models", "/completions"):
        if path.endswith(route):
            raise BaseUrlError(
                f"The base url {base_url!r} ends in a route.",
                advice=f"Leave {route!r} out: {base_url.rstrip('/')[: -len(route)]!r}.",
            )
    return f"{parts.scheme}://{_origin(parts)}{path}"


def _origin(parts: SplitResult) -> str:
    """Return host and port as they are compared everywhere: lower case, without the scheme's own port."""
    host = parts.netloc.lower()
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    return host.removesuffix(default) if parts.port is not None else host


def missing_version(row: Provider) -> str | None:
    """Return the base url that was probably meant, when a known host is used without the path of its row."""
    known = built_in().get(row.name)
    if known is None or not row.at_home or row.base_url == known.base_url:
        return None
    return known.base_url
