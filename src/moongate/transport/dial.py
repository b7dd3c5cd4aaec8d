"""Open a connection to an endpoint's origin: address, proxy, TLS. Used by `pool`.

Certificates are checked against the system's trust store, or the CA file of the settings. A proxy is spoken to with
CONNECT, so that it sees names and ports and nothing else.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable
from typing import TypeVar, cast
from urllib.parse import unquote, urlsplit

from moongate.errors import ConfigError, TimedOutError, UnreachableError
from moongate.facts.providers import Provider
from moongate.transport.connection import Timeouts
from moongate.transport.network import Network, trust
from moongate.wire.clean import excerpt

P = TypeVar("P", bound=asyncio.Protocol)
PROXY_HEAD_MAX_BYTES = 16 * 1024


class Dialer:
    """How to reach one origin. Raises ConfigError for a CA file or a proxy that cannot be used."""

    def __init__(self, row: Provider, network: Network, timeouts: Timeouts) -> None:
        parts = urlsplit(row.base_url)
        self._where = f"{row.title} ({row.host})"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = trust(network.ca_file) if parts.scheme == "https" else None
        self._proxy = _proxy(network.proxy_for(row.base_url))
        self._times = timeouts

    async def dial(self, protocol: Callable[[], P]) -> P:
        """Return a connected protocol. Raises UnreachableError or TimedOutError; no request has been sent."""
        try:
            async with asyncio.timeout(self._times.connect_s + (self._times.tls_s if self._tls else 0)):
                return await (self._direct(protocol) if self._proxy is None else self._through(self._proxy, protocol))
        except TimeoutError as error:
            raise TimedOutError(
                f"{self._where} could not be reached in time.", advice="Check the network, or raise --timeout."
            ) from error
        except (OSError, ssl.SSLError) as error:
            said = excerpt(str(error), 160) or type(error).__name__
            raise UnreachableError(
                f"{self._where} could not be reached ({said}).",
                advice="Check the network, the base url and proxy settings.",
            ) from error

    async def _direct(self, protocol: Callable[[], P]) -> P:
        loop = asyncio.get_running_loop()
        if self._tls is None:
            return (await loop.create_connection(protocol, self._host, self._port))[1]
        _, made = await loop.create_connection(
            protocol,
            self._host,
            self._port,
            ssl=self._tls,
            server_hostname=self._host,
            ssl_handshake_timeout=self._times.tls_s,
        )
        return made

    async def _through(self, proxy: _Proxy, protocol: Callable[[], P]) -> P:
        """Have the proxy open a tunnel, then speak through it as if it were not there."""
        loop = asyncio.get_running_loop()
        transport, tunnel = await loop.create_connection(_Tunnel, proxy.host, proxy.port)
        try:
            transport.write(proxy.request(self._host, self._port))
            await tunnel.opened
            made = protocol()
            if self._tls is None:
                transport.set_protocol(made)
                made.connection_made(transport)
                return made
            transport.set_protocol(made)
            secured = await loop.start_tls(
                transport,
                made,
                self._tls,
                server_hostname=self._host,
                ssl_handshake_timeout=self._times.tls_s,
            )
            made.connection_made(cast("asyncio.Transport", secured))
        except BaseException:
            transport.abort()
            raise
        return made


class _Proxy:
    """Where the proxy is, and what it is told."""

    def __init__(self, host: str, port: int, authorization: bytes) -> None:
        self.host = host
        self.port = port
        self._authorization = authorization

    def request(self, host: str, port: int) -> bytes:
        name = f"[{host}]".encode() if ":" in host else host.encode("idna")
        target = b"%b:%d" % (name, port)
        return b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (target, target, self._authorization)


def _proxy(url: str | None) -> _Proxy | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme in ("https", "socks4", "socks5", "socks5h"):
        raise ConfigError(
            f"The proxy setting names a proxy of the kind {parts.scheme!r}, which gateway and batches cannot use.",
            advice="Set HTTPS_PROXY to an http proxy: it is spoken to with CONNECT, and sees nothing of the content.",
        )
    if parts.scheme != "http" or not host:
        raise ConfigError("The proxy setting is not a usable address.", advice="Check HTTPS_PROXY.")
    authorization = b""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        authorization = b"proxy-authorization: Basic %b\r\n" % base64.b64encode(pair)
    return _Proxy(host, port or 80, authorization)


class _Tunnel(asyncio.Protocol):
    """Reads the proxy's answer to CONNECT, and not a byte of what comes after it: that is the endpoint's."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._head = bytearray()

    def data_received(self, data: bytes) -> None:
        if self.opened.done():
            return
        self._head += data
        first = bytes(self._head).split(b"\r\n", 1)[0].split(b" ", 2)
        if self._head.endswith(b"\r\n\r\n"):
            if len(first) > 1 and first[0].startswith(b"HTTP/1.") and len(first[1]) == 3 and first[1][:1] == b"2":
                self.opened.set_result(None)
            else:
                said = excerpt(b" ".join(first[1:]).decode("latin-1"), 80)
                self.opened.set_exception(ConnectionError(f"the proxy answered {said!r}"))
        elif b"\r\n\r\n" in self._head or len(self._head) > PROXY_HEAD_MAX_BYTES:
            self.opened.set_exception(ConnectionError("the proxy did not answer as one"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("the proxy closed the connection"))
