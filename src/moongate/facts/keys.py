"""An API key that cannot be printed by accident.

Where a key comes from and which host may receive it is decided in `moongate.settings`.
"""

from __future__ import annotations

import hashlib
import re

from moongate.errors import KeyMalformedError

MAX_LENGTH = 4096
_ASSIGNED = re.compile(r"[A-Z][A-Z0-9_]*_[A-Z0-9_]*=.")  # MOONSHOT_API_KEY=…


class Key:
    """A secret with a fingerprint: `str()` and `repr()` show only the first 8 hex digits of its SHA-256.

    Raises KeyMalformedError for text that cannot stand in a header, without repeating it.
    """

    __slots__ = ("_secret", "fingerprint", "source")

    def __init__(self, secret: str, *, source: str) -> None:
        self._secret = _checked(secret, source)
        self.source = source
        self.fingerprint = hashlib.sha256(secret.encode()).hexdigest()[:8]

    def reveal(self) -> str:
        """Return the secret itself, for a header or a pipe."""
        return self._secret

    def __repr__(self) -> str:
        return f"Key({self.fingerprint}…, from {self.source})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other._secret == self._secret

    def __hash__(self) -> int:
        return hash(self._secret)

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled")


def _checked(secret: str, source: str) -> str:
    fault = _fault(secret)
    if fault:
        raise KeyMalformedError(
            f"The key from {source} {fault}.",
            advice="Copy it again from the provider's console, with nothing around it.",
        )
    return secret


def _fault(secret: str) -> str | None:
    if not secret:
        return "is empty"
    if "\n" in secret or "\r" in secret:
        return "contains a line break"
    if secret != secret.strip() or " " in secret:
        return "contains a blank"
    if not secret.isascii() or not secret.isprintable():
        return "contains characters that no key has"
    if secret[0] in "\"'" or secret[-1] in "\"'":
        return "is wrapped in quotation marks"
    if _ASSIGNED.match(secret):
        return "begins with a variable's name, as a line of an .env file does"
    if len(secret) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    return None
