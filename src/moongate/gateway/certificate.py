"""The certificate with which the gateway speaks https: found usable before it serves, renewed while it does.

Connections begin with one context for the server's whole life; which certificate is shown is decided for each.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from moongate.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate with its chain, and its key, in PEM; without a file for the key it is in the same one."""

    cert: str
    key: str | None = None

    def context(self) -> ssl.SSLContext:
        """Return a context that shows it. Raises ConfigError for files that cannot be used."""
        for path in self._paths:
            _readable(path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.cert, self.key, password=self._refuse)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise ConfigError(
                    f"The TLS key in {self._paths[-1]!r} is not that of the certificate in {self.cert!r}."
                ) from error
            raise ConfigError(
                f"The TLS certificate in {self.cert!r}{f' with its key in {self.key!r}' if self.key else ''} cannot "
                f"be used ({error.reason or 'not PEM'}).",
                advice="Both are PEM; a certificate stands before those that signed it.",
            ) from error
        return context

    @property
    def _paths(self) -> tuple[str, ...]:
        return (self.cert,) if self.key is None else (self.cert, self.key)

    def _refuse(self) -> str:
        """Answer OpenSSL, which would ask the terminal otherwise."""
        raise ConfigError(
            f"The TLS key in {self._paths[-1]!r} is encrypted, and nobody is there to decrypt it.",
            advice="Use one without a passphrase, readable to this user alone: openssl pkey -in KEY -out PLAIN.",
        )


class Shown:
    """What a server shows to those who connect; `use` another one at any time."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._now = context
        context.sni_callback = self._choose  # called at each handshake, with or without a name

    def use(self, certificate: Certificate) -> None:
        """Show this one from now on. Connections that are open go on. Raises as `Certificate.context`."""
        self._now = certificate.context()

    def _choose(self, connection: ssl.SSLObject, name: str | None, first: ssl.SSLContext) -> None:
        if self._now is not first:
            connection.context = self._now


def _readable(path: str) -> None:
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise ConfigError(f"The TLS file {path!r} cannot be read: {error.strerror or error}.") from error
