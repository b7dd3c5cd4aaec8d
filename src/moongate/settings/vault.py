"""Keys in the system's keyring, under the service name "moongate", one per provider.

keyring is imported only when a key is looked up here or stored; nothing is ever written to a file instead.
"""

from __future__ import annotations

from moongate.errors import ConfigError
from moongate.facts.keys import Key

SERVICE = "moongate"


def key_for(provider: str) -> Key | None:
    """Return the stored key, or None when there is none or this machine has no keyring."""
    import keyring
    import keyring.errors

    try:
        secret = keyring.get_password(SERVICE, provider)
    except keyring.errors.KeyringError:
        return None
    return Key(secret, source="the system keyring") if secret else None


def store(provider: str, key: Key) -> None:
    """Store a key. Raises ConfigError where the machine has no keyring that can be used."""
    import keyring
    import keyring.errors

    try:
        keyring.set_password(SERVICE, provider, key.reveal())
    except keyring.errors.KeyringError as error:
        raise ConfigError(
            "This machine has no keyring that can keep a key.",
            advice="Set the provider's key variable in the environment instead.",
        ) from error
