"""What watches one SDK client: its guard, the address it is bound to, and what it has already told the user.

It decides and raises moongate's errors; `sync` and `aio` obey it inside the SDK's classes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

from moongate.client.build import Parts, parts
from moongate.client.guard import Permit
from moongate.errors import (
    BaseUrlError,
    ConfigError,
    ModelRefusedError,
    RequestRefusedError,
    UnknownRouteError,
)
from moongate.facts.models import Listing, Model
from moongate.openai.names import in_body
from moongate.openai.routes import Body, body_at
from moongate.settings.load import Flags, Settings, load
from moongate.transport.turns import Turns, turns_of
from moongate.wire.replies import Reply, error_from

log = logging.getLogger("moongate")
NO_KEY = "moongate-no-key"
"""Stands for a key where the endpoint needs none: the SDK insists on one. It is taken off before sending."""

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


class Outgoing(Protocol):
    """A request of httpx (SDK 2) or httpx2 (SDK 3), as far as it is looked at."""

    method: str

    @property
    def url(self) -> Any: ...

    @property
    def headers(self) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The guard of one client and its copies. Thread-safe."""

    flags: Flags = field(repr=False)  # what the user said, the key among it
    settings: Settings
    parts: Parts
    base: str  # the base url as the SDK writes it, with its slash at the end
    turns: Turns  # of the account that the key belongs to
    told: set[str] = field(default_factory=set)  # notes are said once per client, not once per call
    settled: dict[str, Listing] = field(default_factory=dict)  # id -> the list that permitted it as it stands

    @property
    def is_off(self) -> bool:
        """Whether ids are not checked. The address is bound all the same."""
        return self.parts.guard.mode == "off"

    def at_hand(self, name: str) -> Permit | None:
        """Return a permit that the list in memory gives; None when disk or network have to be asked."""
        listing = self.parts.guard.catalog.at_hand()
        permit = self.parts.guard.at_hand(name)
        if permit is None:
            return None
        if listing is not None and permit.id == name:
            self.settled[name] = listing
        return self._said(permit)

    def is_settled(self, name: str) -> bool:
        """Say whether the list in memory already gave this very id a permit, so that nothing is left to look at."""
        listing = self.settled.get(name)
        return listing is not None and self.parts.guard.catalog.at_hand() is listing

    def allow(self, name: str) -> Permit:
        """Return what may be sent for a name; may fetch the list. Raises what `Guard.allow` raises."""
        return self._said(self.parts.guard.allow(name))

    def body_of(self, request: Outgoing) -> Body:
        """Return where this request's body names its model; "none" when there is nothing to look at.

        Raises BaseUrlError for an address outside the base url, UnknownRouteError for a route that is not known,
        RequestRefusedError for an encoded body.
        """
        url = str(request.url)
        path = url.partition("?")[0]
        if not path.startswith(self.base) or "/.." in path:
            raise BaseUrlError(
                f"The request goes to {_origin(url)!r}, not below {self.base!r}: key and prompt stay here.",
                advice="Make another client for another address.",
            )
        if self.is_off:
            return "none"
        if request.method.upper() in _BODILESS:
            _need_no_body(request)
            return "none"
        body = body_at(self.parts.row, request.method, "/" + path[len(self.base) :])
        if body is None:
            raise self._unknown(request.method, url)
        if request.headers.get("content-encoding", "identity") != "identity":
            raise RequestRefusedError("The request body was not sent: it is encoded, so its model cannot be read.")
        return body

    def names_in(self, kind: Body, request: Outgoing, content: bytes) -> tuple[str, ...]:
        """Return the models in the final bytes. Raises RequestRefusedError for what cannot be read in one way."""
        names = in_body(kind, request.headers.get("content-type", ""), content)
        if names:
            self._need_own_key(request)
        return names

    def hold(self, name: str, wire_id: str) -> None:
        """Raise ModelRefusedError unless a name in the final bytes is the very id that is permitted."""
        if wire_id != name:
            raise ModelRefusedError(
                f"The request body names {name!r}, which is not an id of {self.parts.row.title}.",
                advice="Nothing was sent. Give the model by its listed id where the body is written by hand.",
                suggestions=(wire_id,),
            )

    def undress(self, request: Outgoing) -> None:
        """Take the stand-in key off a request to an endpoint that needs none."""
        if self.parts.key is None and request.headers.get("authorization") == f"Bearer {NO_KEY}":
            del request.headers["authorization"]

    def redirected(self, response: Any) -> BaseUrlError | None:
        """Return the error for an answer that is a redirect; None for any other."""
        if response.status_code not in (301, 302, 303, 307, 308):
            return None
        reply = Reply(status=response.status_code, headers=dict(response.headers))
        error = error_from(reply, self.parts.row)
        return error if isinstance(error, BaseUrlError) else None

    def no_websocket(self) -> UnknownRouteError:
        """Return the error for the SDK's websocket calls, whose messages the guard does not see."""
        return UnknownRouteError(
            f"Websockets to {self.parts.row.title} are not guarded, so none is opened.",
            advice='Use the plain SDK for them, or guard="off".',
        )

    def listed(self, model_id: object) -> Model | None:
        """Return the row of a listed id, from the list in memory."""
        listing = self.parts.guard.catalog.at_hand()
        return listing.by_id.get(model_id) if listing is not None and isinstance(model_id, str) else None

    def tell(self, notes: Iterable[str]) -> None:
        """Log each note once per client."""
        for note in notes:
            if note not in self.told:
                self.told.add(note)
                log.warning("%s: %s", self.parts.row.title, note)

    def _said(self, permit: Permit) -> Permit:
        self.tell(permit.notes)
        return permit

    def _need_own_key(self, request: Outgoing) -> None:
        key, sent = self.parts.key, request.headers.get("authorization")
        if key is not None and sent is not None and sent != f"Bearer {key.reveal()}":
            raise RequestRefusedError(
                "The request carries another key than the one that the model list was fetched with.",
                advice="Use client.with_options(api_key=…): the guard goes with it.",
            )

    def _unknown(self, method: str, url: str) -> UnknownRouteError:
        path = urlsplit(url).path
        return UnknownRouteError(
            f"{method} {path!r} is no route that is known of {self.parts.row.title}, so nothing was sent.",
            advice='What its body means cannot be checked. guard="off" sends it unchecked.',
        )


def _origin(url: str) -> str:
    parts_of = urlsplit(url)
    return f"{parts_of.scheme}://{parts_of.netloc.rpartition('@')[2]}"


def _need_no_body(request: Outgoing) -> None:
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        raise RequestRefusedError(f"The {request.method} request was not sent: it has a body.")


def settled(flags: Flags) -> Settings:
    """Return the settings for what the user said, and tell the user what they give reason to tell.

    A key that was given goes with the address that was given, also where no row knows the address.
    Raises ConfigError, and KeyMissingError where the endpoint wants a key and there is none.
    """
    settings = load(flags)
    for warning in settings.warnings:
        log.warning("%s", warning)
    if settings.is_local:
        log.warning("the embedded model serves (%s)", settings.chosen_by)
    else:
        settings.needed_key()
    if settings.key is not None and settings.row.list_auth == "none" and not settings.row.built_in:
        settings = replace(settings, row=replace(settings.row, list_auth="optional"))
    return settings


def watched(flags: Flags, settings: Settings) -> Watch:
    """Return a watch over a client at the row's address. Starts the embedded model if it serves."""
    made = parts(settings)
    turns = turns_of(made.row, made.key)
    return Watch(flags=flags, settings=settings, parts=made, base=made.row.base_url + "/", turns=turns)


def elsewhere(watch: Watch, *, api_key: str | None, base_url: str | None) -> Flags:
    """Return what the user says with `with_options(api_key=…, base_url=…)`.

    A key that was said for one address is not taken along to another origin.
    """
    flags = replace(watch.flags, api_key=api_key or watch.flags.api_key)
    if base_url is None:
        return flags
    if api_key is None and urlsplit(base_url)[:2] != urlsplit(watch.base)[:2]:
        flags = replace(flags, api_key=None)
    return replace(flags, base_url=base_url.rstrip("/"))


def text_key(api_key: object) -> str | None:
    """Return the key given to a constructor. Raises ConfigError for a function: the list is fetched with one key."""
    if api_key is None or isinstance(api_key, str):
        return api_key
    raise ConfigError(
        "A function cannot stand for the key: the model list is fetched with one key.",
        advice="Give the key itself; client.with_options(api_key=…) changes it.",
    )
