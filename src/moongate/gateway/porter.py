"""Who gets in, for the hot path: Host, Origin, key, kind and length of a request, from its parsed head.

The same rules as `gate` has for every other route; what is seldom is decided there.
"""

from __future__ import annotations

import time

from moongate.errors import StorageError
from moongate.gateway import replies
from moongate.gateway.known import Known
from moongate.gateway.options import Options, host_allowed
from moongate.gateway.replies import Refusal
from moongate.gateway.seams import Caller, Till

EXPOSED = (
    b"msh-request-id, retry-after, x-request-id, x-moongate-provider, x-moongate-model, x-moongate-overhead-ms, "
)
EXPOSED += b"x-moongate-cost"
KEY_MAX_LENGTH = 512
ID_MAX_LENGTH = 128
KNOWN_HOSTS = 64
Fields = dict[bytes, bytes]
Headers = list[tuple[bytes, bytes]]
SINGLE = (b"host", b"authorization", b"content-type", b"content-length", b"content-encoding", b"origin")


class Porter:
    """Decides, and remembers which Host headers were found good."""

    def __init__(self, till: Till, options: Options, *, bound: str) -> None:
        self._till = till
        self.options = options
        self._bound = bound
        self._hosts: set[bytes] = set()
        self.known = Known(till, time.time)

    def use(self, options: Options) -> None:
        """Go by another configuration from now on."""
        self.options = options
        self._hosts.clear()
        self.known.forget()

    def own_lines(self, fields: Fields) -> bytes:
        """Return the header lines that any answer to this request carries."""
        origin, given = fields.get(b"origin"), fields.get(b"x-request-id")
        if origin is None and given is None:
            return b""
        lines = b""
        if origin is not None and origin.decode("latin-1").lower() in self.options.cors_origins:
            lines = b"access-control-allow-origin: %b\r\naccess-control-expose-headers: %b\r\nvary: Origin\r\n" % (
                origin,
                EXPOSED,
            )
        if given is not None and len(given) <= ID_MAX_LENGTH and given.isascii() and given.decode().isprintable():
            lines += b"x-request-id: %b\r\n" % given
        return lines

    def look(self, fields: Fields, headers: Headers) -> Caller | Refusal:
        """Return who calls, or why this request goes no further."""
        if len(fields) != len(headers) and _doubled(headers):
            return replies.DOUBLED
        host = fields.get(b"host")
        if host is None:
            return replies.NO_HOST
        if host not in self._hosts and not self._learned(host):
            return replies.WRONG_HOST
        origin = fields.get(b"origin")
        if origin is not None and origin.decode("latin-1").lower() not in self.options.cors_origins:
            return replies.WRONG_ORIGIN
        caller = self._caller(fields.get(b"authorization"))
        if isinstance(caller, Refusal):
            return caller
        kind = fields.get(b"content-type")
        if kind != b"application/json" and not _is_json(kind):
            # Only JSON: a web page can post text and forms anywhere, but JSON only where it was let in.
            return replies.NOT_JSON_TYPE
        encoding = fields.get(b"content-encoding")
        if encoding is not None and encoding.strip().lower() not in (b"identity", b""):
            return replies.ENCODED
        length = fields.get(b"content-length")
        if length is not None and int(length) > self.options.max_body_bytes:
            return replies.TOO_LARGE
        return caller

    def _caller(self, given: bytes | None) -> Caller | Refusal:
        scheme, _, secret = (given or b"").partition(b" ")
        secret = secret.strip()
        if not secret or scheme.lower() != b"bearer":
            return replies.NO_KEY
        if len(secret) > KEY_MAX_LENGTH:
            return replies.WRONG_KEY
        try:
            return self._till.caller(secret) or replies.WRONG_KEY
        except StorageError:
            return replies.NO_BOOKS

    def knows(self, host: str | None) -> bool:
        """Say whether a Host header names this gateway."""
        return host_allowed(host, self._bound, self.options)

    def _learned(self, host: bytes) -> bool:
        if not self.knows(host.decode("latin-1")):
            return False
        if len(self._hosts) < KNOWN_HOSTS:
            self._hosts.add(host)
        return True


def _doubled(headers: Headers) -> bool:
    names = [name for name, _ in headers]
    return any(names.count(name) > 1 for name in SINGLE)


def _is_json(kind: bytes | None) -> bool:
    return kind is not None and kind.partition(b";")[0].strip().lower() == b"application/json"
