"""From an address to the endpoint it belongs to: one of moongate's rows, a host seen in the hints, or nobody's."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from moongate.facts.hints import Host, hints
from moongate.facts.providers import Provider, built_in, is_loopback

_ADDRESS = re.compile(
    r"(?P<scheme>https?|wss?)://(?P<host>[^/:?#\s\"'<>]+)(?::(?P<port>\d+))?(?P<path>/[^?#\s\"'<>]*)?"
)


@dataclass(frozen=True, kw_only=True)
class Address:
    """The parts of an http address."""

    text: str
    scheme: str
    host: str  # lower case
    port: str
    path: str  # without the slash at its end


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where calls go. `kind`: a row of moongate's, one of the user's own, a host of the hints, or unknown."""

    name: str
    title: str
    kind: Literal["row", "own", "hint", "unknown"]
    row: Provider | None = None
    host: Host | None = None

    @property
    def is_known(self) -> bool:
        """Whether anything is known about its ids."""
        return self.kind != "unknown"


def address(text: str) -> Address | None:
    """Return the parts of a text that is an address, else None."""
    found = _ADDRESS.match(text.strip())
    if found is None:
        return None
    return Address(
        text=text.strip(),
        scheme=found["scheme"],
        host=found["host"].lower(),
        port=found["port"] or "",
        path=(found["path"] or "").rstrip("/"),
    )


@functools.cache
def named(name: str) -> Endpoint | None:
    """Return the endpoint of a provider's or a hinted host's name."""
    row = built_in().get(name)
    if row is not None and row.base_url:
        return Endpoint(name=name, title=row.title, kind="row", row=row, host=_hint(name))
    host = _hint(name)
    return Endpoint(name=name, title=host.title, kind="hint", host=host) if host is not None else None


@functools.cache
def _hint(name: str) -> Host | None:
    return next((host for host in hints().hosts if host.name == name and not host.route), None)


@functools.cache
def _hosts() -> dict[str, list[tuple[str, str]]]:
    """Return (path, name) of every known endpoint by host, longest path first."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in built_in().values():
        for host in row.hosts:
            found.setdefault(host, []).extend((path, row.name) for path in row.paths or ("",))
    for hinted in hints().hosts:
        where = address(hinted.base_url or "")
        if where is not None and not hinted.route and hinted.name not in built_in() and not is_private(where.host):
            path = where.path.partition("$")[0].rstrip("/")
            found.setdefault(where.host, []).append((path, hinted.name))
    for paths in found.values():
        paths.sort(key=lambda pair: (-len(pair[0]), pair[1] not in built_in()))
    return found


def is_host(text: str) -> bool:
    """Say whether a text is a known endpoint's host alone, as some clients take it."""
    return text in _hosts()


def at(where: Address, own: Mapping[str, Provider] | None = None) -> Endpoint:
    """Return the endpoint that an address belongs to."""
    for row in (own or {}).values():
        if row.host.partition(":")[0] == where.host and row.base_url:
            return Endpoint(name=row.name, title=row.title, kind="own", row=row)
    known = _hosts().get(where.host)
    if known is not None:
        name = next((name for path, name in known if where.path.startswith(path)), known[0][1])
        found = named(name)
        if found is not None:
            return found
    return Endpoint(name=where.host, title=where.host, kind="unknown")


_INNER = tuple(
    ".local .internal .lan .corp .intranet .test .example .invalid .localhost .svc .home"
    " .example.com .example.org .example.net".split()
)


def is_private(host: str) -> bool:
    """Say whether a host is this machine, inside a network, or a name that stands for none."""
    return (
        is_loopback(host)
        or "." not in host
        or host.endswith(_INNER)
        or host in ("example.com", "example.org")
        or re.fullmatch(r"[\d.]+", host) is not None
        or any(mark in host for mark in "{}$<>%*\0")
    )
