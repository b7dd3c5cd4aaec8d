"""What the linter is handed: a list for an endpoint where there is one, and on what every judgement rests.

Best first: saved lists, the lock, lists kept by earlier calls, dated hints. It fetches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from moongate.facts.hints import hints
from moongate.facts.models import Listing, Model
from moongate.facts.providers import Provider
from moongate.lint.endpoints import Endpoint


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of one endpoint's ids."""

    listing: Listing
    basis: str  # "the saved list moonshot.json", "hints of 2026-11-23"
    is_hint: bool = False


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """Everything the linter may rest a judgement on."""

    lists: Mapping[str, Known] = field(default_factory=dict)  # by provider name
    pinned: Mapping[str, frozenset[str]] = field(default_factory=dict)  # provider -> ids that the lock pins there
    aliases: frozenset[str] = frozenset()  # the project's own names for ids
    own: Mapping[str, Provider] = field(default_factory=dict)  # the user's own endpoints
    default: str | None = None  # the provider that ids are meant for when nothing says otherwise
    default_why: str = ""

    def of(self, endpoint: Endpoint) -> Known | None:
        """Return what is known of an endpoint's ids, None where nothing is."""
        known = self.lists.get(endpoint.name)
        return known if known is not None else _hinted(endpoint)


def _hinted(endpoint: Endpoint) -> Known | None:
    host = endpoint.host
    if host is None or not host.ids:
        return None
    floating = endpoint.row.is_floating if endpoint.row is not None else _never
    ids = {i for other in hints().hosts if other.base_url == host.base_url or other is host for i in other.ids}
    models = tuple(Model(id=model_id, floating=floating(model_id)) for model_id in sorted(ids))
    listing = Listing(provider=endpoint.name, base_url=host.base_url or "", fetched_at=0.0, models=models)
    return Known(listing=listing, basis=f"hints of {hints().updated}", is_hint=True)


def _never(model_id: str) -> bool:
    return False
