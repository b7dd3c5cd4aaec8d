"""`guard(client)`: guard a client of the official SDK that exists already, in place.

The client keeps its key, its address and its http client; what it may send is checked from here on.
"""

from __future__ import annotations

import functools
import os
from typing import Any, overload
from urllib.parse import urlsplit

import openai

from moongate.errors import ConfigError, KeyMissingError, MoongateError, UsageError
from moongate.openai.adopt import adopted, bound
from moongate.openai.aio import AsyncGuarded
from moongate.openai.options import flags_from
from moongate.openai.refusals import sdk_error
from moongate.openai.sync import Guarded
from moongate.openai.watch import settled, text_key, watched

_AMBIENT = "OPENAI_API_KEY"
_ITS_HOST = "api.openai.com"


@overload
def guard(client: openai.OpenAI, *, provider: str | None = None, mode: str | None = None) -> Guarded: ...
@overload
def guard(client: openai.AsyncOpenAI, *, provider: str | None = None, mode: str | None = None) -> AsyncGuarded: ...
def guard(client: Any, *, provider: str | None = None, mode: str | None = None) -> Any:
    """Guard an existing client and return it: the same object, so that whoever holds it is guarded too.

    `provider` names the row where the base url does not tell it; `mode` is "strict" (default), "warn" or "off".
    Raises UsageError for clients that sign requests in other ways than with one key, ConfigError for a key that the
    SDK took from OPENAI_API_KEY for an address that is not OpenAI's.
    """
    if isinstance(client, Guarded | AsyncGuarded):
        return client
    try:
        _need_plain(client)
        flags = flags_from(provider, text_key(client.api_key), client.base_url, mode)
        watch = watched(flags, settled(flags))
        kind = _guarded(type(client))  # type: ignore[arg-type]  # a class is hashable
        return adopted(client, bound(watch, client), kind)
    except MoongateError as error:
        raise sdk_error(error) from error


def _need_plain(client: Any) -> None:
    if not isinstance(client, openai.OpenAI | openai.AsyncOpenAI):
        raise UsageError(f"{type(client).__name__!r} is no client of the OpenAI SDK.")
    if isinstance(client, openai.AzureOpenAI | openai.AsyncAzureOpenAI):
        raise UsageError("Azure's deployments are no models that a list names, so this client cannot be guarded.")
    names = ("_provider", "workload_identity", "_api_key_provider", "websocket_base_url")
    for name in names:
        if getattr(client, name, None) is not None:
            raise UsageError(f"A client with {name.strip('_')!r} does not work behind the guard.")
    _need_key_of_its_own(client)


def _need_key_of_its_own(client: Any) -> None:
    """Refuse the SDK's habit of sending OPENAI_API_KEY to any base url.

    The environment is read here, and only compared: the SDK does not say where its key came from.
    """
    if not client.api_key:
        raise KeyMissingError("The client has no key.", advice="Give it one: OpenAI(api_key=…).")
    host = urlsplit(str(client.base_url)).hostname
    if client.api_key == os.environ.get(_AMBIENT) and host != _ITS_HOST:
        raise ConfigError(
            f"The client's key is that of {_AMBIENT}, but its base url is at {host!r}: it would be sent there.",
            advice="Use moongate.openai.OpenAI, which takes the provider's own key, or name the key another way.",
        )


@functools.cache
def _guarded(kind: type) -> type:
    """Return the guarded subclass of a client's class, under the same name."""
    mixin: type = Guarded if issubclass(kind, openai.OpenAI) else AsyncGuarded
    return type(kind.__name__, (mixin, kind), {"_plain": kind, "__module__": kind.__module__})
