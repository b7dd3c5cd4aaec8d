"""Fetch a public file by its address, for a user who asked for exactly that: bounded, no keys, no redirects.

The host is resolved once, every address it has must be public, and the connection goes to the address that was
checked, so that a name cannot point elsewhere a moment later. For the same reason no proxy is used.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from urllib.parse import urlsplit

import httpx2

from moongate.errors import TimedOutError, TooLargeError, UnreachableError, UsageError
from moongate.transport.network import TRANSPORT_ERRORS, USER_AGENT
from moongate.wire.clean import excerpt

LIMIT_S = 60.0


def fetch(url: str, *, max_bytes: int, allow_private: bool = False, limit_s: float = LIMIT_S) -> bytes:
    """Return what lies at a public http(s) address.

    Raises UsageError for an address that is not public or not http(s), TooLargeError beyond `max_bytes`,
    TimedOutError beyond `limit_s` seconds, UnreachableError for anything but a 200.
    """
    parts = urlsplit(url)
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise UsageError(f"{excerpt(url, 120)!r} is not an http(s) address that can be fetched.")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _public_address(host, port, allow_private=allow_private)
    pinned = f"[{address}]" if ":" in address else address
    target = parts._replace(netloc=f"{pinned}:{port}", fragment="").geturl()
    try:
        return _read(target, parts.netloc, host, max_bytes=max_bytes, ends=time.monotonic() + limit_s)
    except TRANSPORT_ERRORS as error:
        raise UnreachableError(f"{host} could not be fetched from: {excerpt(str(error), 120)}.") from error


def _public_address(host: str, port: int, *, allow_private: bool) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnreachableError(f"{host!r} has no address: {error}.", advice="Check the name.") from error
    addresses = [str(entry[4][0]) for entry in found]
    private = [a for a in addresses if not ipaddress.ip_address(a.split("%")[0]).is_global]
    if private and not allow_private:
        raise UsageError(f"{host!r} is not a public host ({private[0]}), so nothing was fetched from it.")
    return addresses[0]


def _read(target: str, named: str, host: str, *, max_bytes: int, ends: float) -> bytes:
    headers = {"host": named, "user-agent": USER_AGENT, "accept-encoding": "identity"}
    body = bytearray()
    with (
        httpx2.Client(trust_env=False, follow_redirects=False, timeout=10.0) as client,
        client.stream("GET", target, headers=headers, extensions={"sni_hostname": host}) as response,
    ):
        if response.status_code != 200:
            raise UnreachableError(f"{host} answered with HTTP {response.status_code}; redirects are not followed.")
        for piece in response.iter_bytes():
            body += piece
            if len(body) > max_bytes:
                raise TooLargeError(f"What lies at {host} is larger than {max_bytes // 2**20} MiB.")
            if time.monotonic() > ends:
                raise TimedOutError(f"{host} took too long.")
    return bytes(body)
