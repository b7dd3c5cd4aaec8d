"""The guard: no id leaves for an endpoint that did not list it for this key.

`Guard` binds the pure verdict of `catalog.resolve` to an endpoint's live list. What a name means is decided before
the body is written (`allow`); what the final bytes say is checked again before they leave (`check`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from moongate.catalog.explain import refusal
from moongate.catalog.live import Catalog
from moongate.catalog.lock import FILE_NAME
from moongate.catalog.resolve import Pins, resolve
from moongate.errors import (
    ListUnavailableError,
    ModelNotPermittedError,
    ModelRefusedError,
    UntrustedProjectError,
)
from moongate.facts.models import Listing, Model, Verdict
from moongate.facts.moments import rfc3339
from moongate.facts.providers import Provider
from moongate.settings.load import Guard as Mode
from moongate.wire.peek import models_in

log = logging.getLogger("moongate")


@dataclass(frozen=True, kw_only=True)
class Permit:
    """What may be sent for a name, and what to tell the user about it."""

    name: str
    id: str
    model: Model | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Guard:
    """The guard of one endpoint and key. It blocks only where the live list has to be fetched."""

    row: Provider
    catalog: Catalog
    mode: Mode = "strict"
    pins: Pins = field(default_factory=Pins)
    clock: Callable[[], float] = time.time

    def at_hand(self, name: str) -> Permit | None:
        """Return a permit if the list in memory gives one; None when disk or network have to be asked."""
        listing = self.catalog.at_hand()
        if listing is None:
            return None
        verdict = resolve(name, listing, self.row, pins=self.pins)
        return self._permit(verdict, listing) if verdict.allowed else None

    def allow(self, name: str) -> Permit:
        """Return what may be sent for `name`.

        Raises ModelRefusedError when the endpoint does not list it, ListUnavailableError when there is no list.
        """
        if self.mode == "off":
            return Permit(name=name, id=name)
        try:
            verdict, listing = self.verdict(name)
        except ListUnavailableError as error:
            if self.mode == "strict":
                raise
            return Permit(name=name, id=name, notes=(f"sent unchecked: {error.message}",))
        if verdict.allowed:
            return self._permit(verdict, listing)
        refused = refusal(verdict, listing, self.row, now=self.clock())
        if self.mode == "strict":
            raise refused
        return Permit(name=name, id=name, notes=(f"sent although {refused.message}",))

    def verdict(self, name: str) -> tuple[Verdict, Listing]:
        """Return what a name means and the list that says so; an id that is missing causes one refetch at most."""
        listing = self.catalog.listing()
        verdict = resolve(name, listing, self.row, pins=self.pins)
        if not verdict.allowed:
            again = self.catalog.again()
            if again is not listing:
                listing, verdict = again, resolve(name, again, self.row, pins=self.pins)
        return verdict, listing

    def check(self, body: bytes, permits: tuple[Permit, ...]) -> None:
        """Look at the bytes that are about to leave: every model they name must have been permitted.

        Raises RequestRefusedError for bytes that can be read in two ways, ModelRefusedError for an id without permit.
        """
        if self.mode == "off":
            return
        permitted = {permit.id for permit in permits}
        for name in models_in(body):
            if name not in permitted and self.allow(name).id != name:
                raise ModelRefusedError(
                    f"The request body names {name!r}, which is not an id of {self.row.title}.",
                    advice="Nothing was sent. Give the model by its listed id where the body is written by hand.",
                )

    def denied(self, permit: Permit, error: ModelNotPermittedError) -> None:
        """Say, and keep as evidence, that a listed id was answered "not found or not permitted"."""
        if permit.model is not None:  # an id that was sent unlisted, because the guard was told to, proves nothing
            error.message = f"{permit.id!r} is listed, and yet {error.message}"
            self.catalog.note_denied(permit.id)

    def _permit(self, verdict: Verdict, listing: Listing) -> Permit:
        notes = self._shadowed(verdict)
        if verdict.id is not None and verdict.id != verdict.name:
            notes.append(
                f"{verdict.name!r} is sent as {verdict.id!r}" + (f" ({verdict.note})" if verdict.note else "")
            )
        elif verdict.reason == "floating":
            notes.append(f"{verdict.id!r} floats: {verdict.note}")
        if listing.unverified_since is not None:
            notes.append(f"model list unverified since {rfc3339(listing.unverified_since)}")
        denied_at = self.catalog.denied_at(verdict.id or verdict.name)
        if denied_at is not None:
            notes.append(f"{verdict.id!r} is listed, but was answered 'not permitted' at {rfc3339(denied_at)}")
        return Permit(name=verdict.name, id=verdict.id or verdict.name, model=verdict.model, notes=tuple(notes))

    def _shadowed(self, verdict: Verdict) -> list[str]:
        """Return a note where the endpoint itself takes a name that is pinned to something else.

        Raises UntrustedProjectError where the pin came with a project's code: which of the two is meant is for the
        user to say, and neither is sent.
        """
        pinned = self.pins.ids.get(verdict.name, verdict.id)
        if pinned == verdict.id:
            return []
        path = self.pins.files.get(verdict.name)
        if path is None:
            return [f"{verdict.name!r} is listed itself; its pin to {pinned!r} is not used"]
        raise UntrustedProjectError(
            f"{path!r} pins {verdict.name!r} to {pinned!r}, but {self.row.title} lists {verdict.name!r} itself, "
            "and a project may not shadow a listed id.",
            advice="Nothing was sent. Rename the alias"
            + ("." if path.endswith(FILE_NAME) else f", or trust the file with: moongate config trust {path}"),
        )
