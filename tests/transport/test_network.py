"""Proxies, certificates, and what is known about a failed exchange."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import httpx2
import pytest

from moongate.errors import ConfigError, MissingExtraError, MoongateError, TimedOutError, UnreachableError
from moongate.facts.keys import Key
from moongate.facts.providers import built_in
from moongate.transport.network import Network, client_options, error_of

ROW = built_in()["moonshot"]
PROXIES = {"https": "http://proxy.example:8080", "all": "http://all.example:1"}


@pytest.mark.parametrize(
    ("url", "no_proxy", "proxy"),
    [
        ("https://api.moonshot.ai/v1", (), PROXIES["https"]),
        ("http://box.example/v1", (), PROXIES["all"]),
        ("https://api.moonshot.ai/v1", ("moonshot.ai",), None),
        ("https://api.moonshot.ai/v1", (".Moonshot.AI",), None),
        ("https://api.moonshot.ai/v1", ("shot.ai", ""), PROXIES["https"]),
        ("https://api.moonshot.ai/v1", ("*",), None),
        ("http://127.0.0.1:8080/v1", (), None),
        ("https://localhost/v1", (), None),
        ("http://[::1]:8080/v1", (), None),
    ],
)
def test_which_proxy(url: str, no_proxy: tuple[str, ...], proxy: str | None) -> None:
    assert Network(proxies=PROXIES, no_proxy=no_proxy).proxy_for(url) == proxy


def test_options_neither_follow_nor_read_the_environment() -> None:
    options = client_options(ROW, Network(proxies={"https": "proxy.example:8080"}))
    assert (options["follow_redirects"], options["trust_env"], options["verify"]) == (False, False, True)
    assert options["proxy"].url == "http://proxy.example:8080"


@pytest.mark.parametrize("proxy", ["ftp://proxy.example", "http://host:port"])
def test_a_proxy_that_is_none(proxy: str) -> None:
    with pytest.raises(ConfigError, match="proxy setting"):
        client_options(ROW, Network(proxies={"https": proxy}))


@pytest.mark.skipif(importlib.util.find_spec("socksio") is not None, reason="SOCKS can be spoken here")
def test_a_socks_proxy_that_cannot_be_spoken_to() -> None:
    with pytest.raises(MissingExtraError, match="SOCKS"):
        client_options(ROW, Network(proxies={"all": "socks5://127.0.0.1:1080"}))


def test_a_ca_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "junk.pem").write_text("junk")
    for name in ("junk.pem", "missing.pem"):
        with pytest.raises(ConfigError, match="CA file"):
            client_options(ROW, Network(ca_file=str(tmp_path / name)))


@pytest.mark.parametrize(
    ("error", "kind", "sent"),
    [
        (httpx2.ConnectError("x"), UnreachableError, False),
        (httpx2.ConnectTimeout("x"), TimedOutError, False),
        (httpx2.PoolTimeout("x"), TimedOutError, False),
        (httpx2.ProxyError("x"), UnreachableError, False),
        (httpx2.ReadTimeout("x"), TimedOutError, True),
        (httpx2.WriteTimeout("x"), TimedOutError, True),
        (httpx2.ReadError("x"), UnreachableError, True),
        (httpx2.WriteError("x"), UnreachableError, True),
        (httpx2.RemoteProtocolError("x"), UnreachableError, True),
        (httpx2.InvalidURL("x"), UnreachableError, True),
    ],
)
def test_what_was_certainly_not_sent(error: Exception, kind: type[MoongateError], sent: bool) -> None:
    found = error_of(error, ROW, None)
    assert type(found) is kind and found.sent is sent


def test_a_key_in_a_transport_error_is_taken_out() -> None:
    key = Key("0123456789abcdef0123456789abcdef", source="test")
    for text in (f"Illegal header value b'Bearer {key.reveal()}'", "x" * 150 + key.reveal()):
        assert key.reveal()[:8] not in str(error_of(httpx2.LocalProtocolError(text), ROW, key))
