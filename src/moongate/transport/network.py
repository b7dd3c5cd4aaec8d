"""What both drivers share: time-outs, proxies, certificates, and what a failed exchange means.

Settings are handed in; nothing here reads the environment (httpx2's own reading of it is turned off).
"""

from __future__ import annotations

import importlib.util
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

from moongate import errors
from moongate.facts.keys import Key
from moongate.facts.providers import Provider, is_loopback
from moongate.wire.calls import Call, Upload
from moongate.wire.clean import excerpt, redact

USER_AGENT = "moongate"
PIECE_BYTES = 256 * 1024
TRANSPORT_ERRORS = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError)
_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.LocalProtocolError,
    httpx2.UnsupportedProtocol,
)


@dataclass(frozen=True, kw_only=True)
class Network:
    """How to reach the outside. Times are in seconds.

    `read_timeout_s` is the longest silence within an answer. Moonshot ends a silent chat after 900 s with a 504
    (platform docs, 2026-08-13), so the default waits a little longer. `total_timeout_s` bounds a whole exchange.
    """

    connect_timeout_s: float = 10.0
    read_timeout_s: float = 930.0
    total_timeout_s: float | None = None
    proxies: Mapping[str, str] = field(default_factory=dict)  # scheme ("http", "https", "all") -> proxy url
    no_proxy: tuple[str, ...] = ()  # hosts, or endings of hosts, that are reached directly; "*" for all
    ca_file: str | None = None
    max_connections: int = 100

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy for a url; loopback is never proxied."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if is_loopback(host) or any(_covers(entry, host) for entry in self.no_proxy):
            return None
        return self.proxies.get(parts.scheme) or self.proxies.get("all")


def _covers(entry: str, host: str) -> bool:
    name = entry.strip().lstrip(".").lower()
    return name == "*" or (bool(name) and (host == name or host.endswith("." + name)))


def client_options(row: Provider, network: Network) -> dict[str, Any]:
    """Return the keyword arguments of both httpx2 clients for one endpoint.

    Raises ConfigError for a CA file or proxy that cannot be used.
    """
    return {
        "headers": {"user-agent": USER_AGENT, "accept": "application/json"},
        "follow_redirects": False,
        "trust_env": False,
        "proxy": _proxy(network.proxy_for(row.base_url)),
        "verify": _verify(row.base_url, network.ca_file),
        "timeout": httpx2.Timeout(network.read_timeout_s, connect=network.connect_timeout_s),
        "limits": httpx2.Limits(
            max_connections=network.max_connections, max_keepalive_connections=network.max_connections
        ),
    }


def _proxy(url: str | None) -> httpx2.Proxy | None:
    if url is None:
        return None
    if url.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise errors.MissingExtraError(
            "The proxy setting names a SOCKS proxy, and the package that speaks SOCKS is not installed.",
            advice="Run: pip install socksio. Or set HTTPS_PROXY to an http proxy.",
        )
    try:
        return httpx2.Proxy(url if "://" in url else f"http://{url}")
    except (ValueError, httpx2.InvalidURL) as error:
        raise errors.ConfigError("The proxy setting is not a usable address.", advice="Check HTTPS_PROXY.") from error


def _verify(base_url: str, ca_file: str | None) -> ssl.SSLContext | bool:
    if base_url.startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, and skips the work of loading whom to trust
    return True if ca_file is None else trust(ca_file)  # True: the system's trust store


def trust(ca_file: str | None) -> ssl.SSLContext:
    """Return whom to trust: the CAs in a PEM file, or the system's. Raises ConfigError for an unusable file."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise errors.ConfigError(
            f"The CA file {ca_file!r} cannot be used: {error}.", advice="Check the path and that it is a PEM file."
        ) from error


def body_of(call: Call[Any]) -> bytes | Iterator[bytes] | None:
    """Return what to send: bytes, or the pieces of an upload as they are read from its file."""
    return call.body if call.upload is None else _upload_pieces(call.upload)


def _upload_pieces(upload: Upload) -> Iterator[bytes]:
    yield upload.head
    done = 0
    with upload.open() as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
            done += len(piece)
            if upload.progress is not None:
                upload.progress(done, upload.size)
    yield upload.tail


def headers_for(call: Call[Any], row: Provider, key: Key | None) -> dict[str, str]:
    """Return the headers of one call, with the key if the call wants one and goes to the row's own origin."""
    headers = dict(call.headers)
    if call.upload is not None:
        headers["content-length"] = str(call.upload.length)
    if call.with_key and key is not None:
        if urlsplit(call.url)[:2] != urlsplit(row.base_url)[:2]:
            raise errors.BaseUrlError(f"{call.url!r} is not on the host of {row.base_url!r}: the key stays here.")
        headers["authorization"] = f"Bearer {key.reveal()}"
    return headers


def error_of(error: Exception, row: Provider, key: Key | None) -> errors.MoongateError:
    """Return what a transport error means, and whether the request may have been received."""
    secrets = (key.reveal(),) if key else ()
    said = excerpt(redact(str(error), secrets), 160) or type(error).__name__
    where = f"{row.title} ({row.host})"
    found: errors.MoongateError
    if isinstance(error, httpx2.TimeoutException):
        found = errors.TimedOutError(f"{where} did not answer in time.", advice="Try again, or raise --timeout.")
    elif isinstance(error, httpx2.ReadError | httpx2.RemoteProtocolError):
        found = errors.UnreachableError(f"{where} broke the connection off ({said}).", advice="Try again.")
    elif isinstance(error, httpx2.DecodingError):
        found = errors.NotJsonError(f"{where} answered with bytes that cannot be decompressed.", advice="Try again.")
    else:
        found = errors.UnreachableError(
            f"{where} could not be reached ({said}).", advice="Check the network, the base url and proxy settings."
        )
    found.sent = not isinstance(error, _NOT_SENT)
    return found


def too_large(row: Provider, call: Call[Any]) -> errors.TooLargeError:
    """Return the error for a body beyond the call's limit."""
    return errors.TooLargeError(
        f"{row.title} ({row.host}) answered {call.name} with more than {call.max_reply_bytes // 2**20} MiB.",
        advice="Check the base url: no answer of this API is that large.",
    )


def out_of_time(row: Provider, seconds: float) -> errors.TimedOutError:
    """Return the error for an exchange that took longer than its bound."""
    return errors.TimedOutError(
        f"{row.title} ({row.host}) took longer than {seconds:g} s.", advice="Try again, or raise --timeout."
    )
