"""What an endpoint says it serves: `Model`, the `Listing` of them, and the `Verdict` on a name somebody typed.

Values only: fetching a listing is `moongate.catalog.live`, judging a name is `moongate.catalog.resolve`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from moongate.facts.money import Price

Reason = Literal["typo", "case", "foreign", "retired", "invented", "floating", "unknown"]
Found = Literal["listed", "alias", "not_listed", "unverified"]


@dataclass(frozen=True, kw_only=True)
class Model:
    """One row of an endpoint's list. What the row does not say is None, never a guess."""

    id: str
    aliases: tuple[str, ...] = ()  # other spellings that the row itself declares
    context_length: int | None = None  # tokens
    input: tuple[str, ...] = ("text",)
    reasoning: bool | None = None
    floating: bool = False  # the provider re-points this id to newer models
    expires: str | None = None  # YYYY-MM-DD, where the list announces it
    price: Price | None = None  # where the list carries one
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What one endpoint listed for one key at one moment."""

    provider: str
    base_url: str
    fetched_at: float  # seconds since the epoch
    models: tuple[Model, ...]
    body: bytes = b""  # as it was received
    sha256: str = ""  # of the body
    skipped: int = 0  # rows that carried no usable id
    partial: str = ""  # why it may not be the whole list, one clause; what is absent from such a list proves nothing
    unverified_since: float | None = None  # set when this is an older list, because the live one cannot be had

    @functools.cached_property
    def by_id(self) -> dict[str, Model]:
        """Models by their listed id."""
        return {model.id: model for model in self.models}

    @functools.cached_property
    def by_alias(self) -> dict[str, Model]:
        """Models by the aliases that their rows declare; a listed id is never shadowed by an alias."""
        return {a: m for m in self.models for a in m.aliases if a not in self.by_id}

    @property
    def ids(self) -> tuple[str, ...]:
        """The listed ids, in the order of the list."""
        return tuple(self.by_id)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a name means at one endpoint, and why.

    `id` is what may be sent: a listed id, a declared alias, or a listed id with a declared suffix; None means that
    nothing may be sent. `model` is the row behind it.
    """

    name: str
    provider: str
    found: Found
    id: str | None = None
    model: Model | None = None
    reason: Reason | None = None
    belongs_to: tuple[str, ...] = ()  # titles of the endpoints whose id it is
    retired_on: str | None = None
    pinned: str | None = None  # the id that a project pinned the name to
    note: str = ""  # the evidence behind `reason`, one clause
    suggestions: tuple[str, ...] = ()  # listed ids, nearest first

    @property
    def allowed(self) -> bool:
        """Whether a request may leave with `id`."""
        return self.id is not None
