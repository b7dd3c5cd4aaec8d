"""The `[gateway]` table of the configuration, checked: what a running gateway accepts, and from whom."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from moongate.errors import ConfigError
from moongate.facts.providers import is_loopback

BODY_MAX_BYTES = 100 * 1024 * 1024  # as Moonshot: 413 beyond 100 MB (platform docs, 2026-08-13)
_KNOWN = ("access_log", "cors_origins", "hosts", "max_body_bytes")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was configured, with the defaults filled in."""

    cors_origins: tuple[str, ...] = ()  # browser pages that may call: scheme://host[:port]
    hosts: tuple[str, ...] = ()  # names besides loopback's that a request may be addressed to
    max_body_bytes: int = BODY_MAX_BYTES
    access_log: bool = False


def options_from(table: Mapping[str, Any]) -> Options:
    """Return the checked table. Raises ConfigError naming the setting that cannot work."""
    unknown = sorted(set(table) - set(_KNOWN))
    if unknown:
        raise ConfigError(f"[gateway] has the unknown setting {unknown[0]!r}.", advice=f"Known: {', '.join(_KNOWN)}.")
    size = table.get("max_body_bytes", BODY_MAX_BYTES)
    if type(size) is not int or not 1 <= size <= 1024**3:
        raise ConfigError(f"[gateway] max_body_bytes is {size!r}, expected a number from 1 to {1024**3}.")
    log = table.get("access_log", False)
    if not isinstance(log, bool):
        raise ConfigError(f"[gateway] access_log is {log!r}, expected true or false.")
    return Options(
        cors_origins=tuple(_origin(text) for text in _texts(table, "cors_origins")),
        hosts=tuple(text.lower() for text in _texts(table, "hosts")),
        max_body_bytes=size,
        access_log=log,
    )


def _texts(table: Mapping[str, Any], name: str) -> list[str]:
    value = table.get(name, [])
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise ConfigError(f"[gateway] {name} is {value!r}, expected a list of texts.")
    return value


def _origin(text: str) -> str:
    """Return an origin as browsers write it. A star, a path or `null` would let in more than was meant."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    bare = f"{parts.scheme}://{parts.netloc}".lower()
    if parts.scheme not in ("http", "https") or not host or "*" in text or text.lower().rstrip("/") != bare:
        raise ConfigError(
            f"[gateway] cors_origins names {text!r}, which is no origin.",
            advice="An origin is scheme, host and port, as in https://www.typingmind.com; name each one.",
        )
    default = {"http": 80, "https": 443}[parts.scheme]
    return bare.removesuffix(f":{port}") if port == default else bare


def host_allowed(header: str | None, bound: str, options: Options) -> bool:
    """Say whether a Host header names this gateway.

    Loopback's names, the bound address and the configured names do. Bound to every address, so do IP addresses: a web
    page that rebinds a name of its own to this machine sends that name.
    """
    name = _host_name(header)
    if name is None:
        return False
    if is_loopback(name) or name == bound.lower() or name in options.hosts:
        return True
    return bound in ("0.0.0.0", "::") and _is_address(name)  # noqa: S104 - compared, not bound


def _host_name(header: str | None) -> str | None:
    try:
        parts = urlsplit(f"//{header or ''}")
        name, _ = parts.hostname, parts.port
    except ValueError:
        return None
    return name if name and parts.netloc == header and "@" not in header else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
