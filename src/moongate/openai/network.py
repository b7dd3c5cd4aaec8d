"""The http client that the SDK is given: no redirects, no environment, proxies and certificates from the settings.

It is the class that the SDK itself uses (httpx under major 2, httpx2 under major 3), so its errors are the SDK's.
"""

from __future__ import annotations

from typing import Any

import openai
from openai import _base_client

from moongate.client.build import Parts
from moongate.transport.network import client_options


def blocking(parts: Parts, timeout: Any) -> Any:
    """Return a blocking http client for one endpoint."""
    return _base_client.SyncHttpxClientWrapper(**_options(parts, timeout))


def for_asyncio(parts: Parts, timeout: Any) -> Any:
    """Return an asynchronous http client for one endpoint."""
    return _base_client.AsyncHttpxClientWrapper(**_options(parts, timeout))


def is_own(http_client: object) -> bool:
    """Say whether an http client is of the class that is made here or by the SDK, not given by the user."""
    own = (_base_client.SyncHttpxClientWrapper, _base_client.AsyncHttpxClientWrapper)
    return isinstance(http_client, own)


def _options(parts: Parts, timeout: Any) -> dict[str, Any]:
    proxy = parts.network.proxy_for(parts.row.base_url)
    common = client_options(parts.row, parts.network)  # raises ConfigError for a proxy that is no address
    given = {} if isinstance(timeout, openai.NotGiven) else {"timeout": timeout}
    return {
        **given,
        "follow_redirects": False,
        "trust_env": False,
        "verify": common["verify"],
        "proxy": proxy if proxy is None or "://" in proxy else f"http://{proxy}",
    }
