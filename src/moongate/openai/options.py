"""What both classes do with the SDK's own options: which are passed on, which cannot work behind the guard.

The SDK fills options that are not given from OPENAI_… variables; `cleaned` takes that back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import openai

from moongate.errors import UsageError
from moongate.openai.watch import NO_KEY, Watch
from moongate.settings.load import Flags

_ROADS = ("provider", "admin_api_key", "workload_identity", "data_residency", "websocket_base_url")


def refuse_roads(options: Mapping[str, Any]) -> None:
    """Raise UsageError for options that send keys or prompts along other roads than the guarded one."""
    for name in _ROADS:
        if given(options.get(name)):
            raise UsageError(
                f"{name!r} does not work behind the guard.", advice="Use the plain SDK for it, or leave it out."
            )


def given(value: object) -> bool:
    """Say whether an option was given: not None, and not the SDK's mark for "not given"."""
    return value is not None and not isinstance(value, openai.NotGiven)


def flags_from(
    provider: object, api_key: str | None, base_url: object, guard: str | None, rules: str | None = None
) -> Flags:
    """Return what the user said to a constructor. Raises UsageError for the SDK's own provider objects."""
    if provider is not None and not isinstance(provider, str):
        raise UsageError(
            "The SDK's provider objects do not work behind the guard.",
            advice='Name one of moongate\'s: OpenAI("moonshot").',
        )
    address = str(base_url).rstrip("/") if given(base_url) else None
    return Flags(provider=provider, api_key=api_key, base_url=address, guard=guard, rules=rules)


def for_sdk(watch: Watch, timeout: object, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of the SDK's constructor: key, address and time-out decided, the rest as given."""
    key = watch.parts.key
    decided: dict[str, Any] = {"api_key": key.reveal() if key else NO_KEY, "base_url": watch.parts.row.base_url}
    if not isinstance(timeout, openai.NotGiven):
        decided["timeout"] = timeout
    return {**options, **decided}


def timeout_of(watch: Watch, timeout: object) -> object:
    """Return the time-out in seconds: given, else from the settings, else what the SDK has."""
    if isinstance(timeout, openai.NotGiven) and watch.settings.timeout_s is not None:
        return watch.settings.timeout_s
    return timeout


def headers_after(current: Mapping[str, str], options: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the default headers that a copy with these options has, as the SDK puts them together."""
    more, instead = options.get("default_headers"), options.get("set_default_headers")
    if more is None:
        return current if instead is None else dict(instead)
    keeps_key = not any(name.lower() == "authorization" for name in more)
    return {**{n: v for n, v in current.items() if keeps_key or n.lower() != "authorization"}, **more}
