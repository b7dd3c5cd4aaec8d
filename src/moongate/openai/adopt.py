"""Guarding a client that the SDK's own code has made: one handed in, a copy, or our own at its end.

The class of the object is exchanged in place, so that resources which hold it (`client.chat`, …) are guarded too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import openai

from moongate.client.build import Parts
from moongate.openai.network import is_own
from moongate.openai.options import for_sdk, given, headers_after, refuse_roads
from moongate.openai.watch import Watch, elsewhere, settled, text_key, watched

HttpClient = Callable[[Parts, Any], Any]


def adopted(client: Any, watch: Watch, kind: type) -> Any:
    """Turn a plain client into a guarded one, in place: everything that holds it is guarded from here on."""
    client._watch = watch
    client.__class__ = kind
    return client


def bound(watch: Watch, client: Any) -> Watch:
    """Return the watch bound to the address as the client writes it: the SDK normalises hosts and ports."""
    return replace(watch, base=str(client.base_url))


def finish(client: Any, options: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """End the making of one of our own clients: bind it, and take back what the SDK read from OPENAI_… variables.

    Organization, project, admin key and custom headers of another account do not leave.
    """
    client._watch = bound(client._watch, client)
    client.organization = options.get("organization")
    client.project = options.get("project")
    client.admin_api_key = None
    client._custom_headers = headers


def copied(client: Any, options: dict[str, Any], http_client: HttpClient) -> Any:
    """Return a guarded copy: the SDK's own code copies a plain twin that shares everything with the client.

    Another key or address is settled like a new client's and gets a guard of its own, and an http client of its own
    unless the user gave one.
    """
    refuse_roads(options)
    watch, headers = client._watch, headers_after(client._custom_headers, options)
    moved = given(options.get("api_key")) or given(options.get("base_url"))
    if moved:
        watch = _watch_for(watch, options)
        if not given(options.get("http_client")) and is_own(client._client):
            options = {**options, "http_client": http_client(watch.parts, client.timeout)}
        options = for_sdk(watch, openai.not_given, options)
    plain = client._plain
    twin = plain.__new__(plain)
    vars(twin).update(vars(client))
    made = plain.copy(twin, **options)
    if client._ours:
        kept = {name: options.get(name) or getattr(client, name) for name in ("organization", "project")}
        made._watch = watch
        finish(made, kept, headers)
    return adopted(made, bound(watch, made) if moved else watch, type(client))


def _watch_for(watch: Watch, options: Mapping[str, Any]) -> Watch:
    key, address = text_key(options.get("api_key")), options.get("base_url")
    flags = elsewhere(watch, api_key=key, base_url=str(address) if given(address) else None)
    return watched(flags, settled(flags))
