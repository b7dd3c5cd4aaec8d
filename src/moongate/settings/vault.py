"""Keys in the system's keyring, under the service name "moongate", one per provider.

keyring is imported only when a key is looked up here or stored; nothing is ever written to a file instead. Its
backends are other people's code and fail in any way they like: whatever they raise becomes a ConfigError here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from moongate.errors import ConfigError
from moongate.facts.keys import Key

log = logging.getLogger("moongate.settings")

SERVICE = "moongate"
T = TypeVar("T")
_ELSEWHERE = "keep the key in an environment variable; the gateway takes it from a file, too (key_file)."


def key_for(provider: str) -> Key | None:
    """Return the stored key, or None when there is none or this machine has no keyring; one that fails is logged."""
    from keyring.errors import NoKeyringError

    try:
        return stored(provider)
    except ConfigError as error:
        if error.__cause__ is None:
            raise  # it is the key that is not right
        if not isinstance(error.__cause__, NoKeyringError):
            log.warning("%s", error)
        return None


def stored(name: str) -> Key | None:
    """Return the stored key, or None when there is none. Raises ConfigError for a keyring that cannot be used."""
    import keyring

    secret = _asked(lambda: keyring.get_password(SERVICE, name))
    return Key(secret, source="the system keyring") if secret else None


def store(provider: str, key: Key) -> None:
    """Store a key. Raises ConfigError where the machine has no keyring that keeps it."""
    import keyring

    _asked(lambda: keyring.set_password(SERVICE, provider, key.reveal()))
    if stored(provider) != key:
        backend = type(keyring.get_keyring())
        raise ConfigError(
            f"The keyring took the key and did not keep it: {backend.__module__}.{backend.__qualname__}.",
            advice=f"Choose another backend for the package keyring, or {_ELSEWHERE}",
        )


def _asked(ask: Callable[[], T]) -> T:
    from keyring import errors

    try:
        return ask()
    except errors.NoKeyringError as error:
        raise ConfigError(
            "This machine has no keyring that can keep a key.", advice=f"Install one, or {_ELSEWHERE}"
        ) from error
    except errors.KeyringLocked as error:
        raise ConfigError("The system's keyring is locked.", advice=f"Unlock it, or {_ELSEWHERE}") from error
    except Exception as error:  # its own words are left out: they may hold a secret
        raise ConfigError(
            f"The system's keyring cannot be used: its backend failed ({type(error).__name__}).",
            advice=f"Mend it (--debug shows how it failed), or {_ELSEWHERE}",
        ) from error
