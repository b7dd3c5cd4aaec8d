"""Dated facts about ids seen at other endpoints, read from `hints.toml` when a refusal has to be explained.

A hint says whose id something is, when it was retired, or that it never existed. It never allows an id.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import resources

from moongate.facts.providers import built_in


@dataclass(frozen=True, kw_only=True)
class Host:
    """One endpoint (or a client library's route) at which Kimi ids were seen."""

    name: str
    title: str
    base_url: str | None = None
    route: bool = False  # a client library's spelling, which it rewrites before sending
    seen: str = ""  # newest date of any source that showed the ids
    ids: frozenset[str] = frozenset()
    gone: dict[str, str] = field(default_factory=dict)  # id -> the day it ended
    well_known: bool = False  # named before others where only a few can be named

    def spells(self, model_id: str) -> bool:
        """Say whether the id was seen here, exactly so or with a vendor's name before it."""
        if model_id in self.ids or model_id in self.gone:
            return True
        tail = f"/{model_id}"
        return not self.route and any(known.endswith(tail) for known in self.ids)


@dataclass(frozen=True, kw_only=True)
class Never:
    """An id that circulates but was never served by the Moonshot platform."""

    id: str
    why: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Hints:
    """All hints, with the day they were gathered."""

    updated: str
    hosts: tuple[Host, ...]
    never: dict[str, Never]

    def owners(self, model_id: str, *, besides: Iterable[str] = (), exactly: Iterable[str] = ()) -> tuple[Host, ...]:
        """Return the hosts that were seen with this id, alone or behind a vendor's name; best known first.

        Hosts named in `besides` are left out; those named in `exactly` count only with the very id. An id that has
        ended at a host is still that host's.
        """
        left_out, strict = set(besides), set(exactly)
        owners = [
            host
            for host in self.hosts
            if host.name not in left_out
            and (host.spells(model_id) if host.name not in strict else model_id in host.ids)
        ]
        return tuple(sorted(owners, key=_rank))

    def retired(self, model_id: str, provider: str) -> str | None:
        """Return the day on which this provider ended this id, as YYYY-MM-DD, or None."""
        return next((h.gone[model_id] for h in self.hosts if h.name == provider and model_id in h.gone), None)


def _rank(host: Host) -> tuple[bool, bool, bool, str]:
    """Endpoints that moongate has a row for first, client libraries' routes last."""
    return (host.route, host.name not in built_in(), not host.well_known, host.name)


@functools.cache
def hints() -> Hints:
    """Read the packaged hints."""
    data = tomllib.loads(resources.files("moongate.facts").joinpath("hints.toml").read_text("utf-8"))
    return Hints(
        updated=str(data["updated"]),
        hosts=tuple(
            Host(
                name=row["name"],
                title=row.get("title", row["name"].capitalize()),
                well_known="title" in row,
                base_url=row.get("base_url"),
                route=row.get("route", False),
                seen=row.get("seen", ""),
                ids=frozenset(row.get("ids", ())),
                gone=row.get("gone", {}),
            )
            for row in data["host"]
        ),
        never={row["id"]: Never(**row) for row in data["never"]},
    )
