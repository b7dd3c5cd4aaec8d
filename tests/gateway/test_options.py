"""The [gateway] table: what is wrong is named, and whose Host header counts."""

from __future__ import annotations

from typing import Any

import pytest

from moongate.errors import ConfigError
from moongate.gateway.options import BODY_MAX_BYTES, Options, host_allowed, options_from


def test_an_empty_table_gives_the_defaults() -> None:
    assert options_from({}) == Options()
    assert Options().max_body_bytes == BODY_MAX_BYTES


def test_origins_are_kept_as_browsers_write_them() -> None:
    given = {"cors_origins": ["https://App.Example:443/", "http://localhost:3000"], "hosts": ["Box.local"]}
    options = options_from(given)
    assert options.cors_origins == ("https://app.example", "http://localhost:3000")
    assert options.hosts == ("box.local",)


@pytest.mark.parametrize(
    "table",
    [
        {"cors_origin": []},
        {"cors_origins": "https://a.example"},
        {"cors_origins": ["*"]},
        {"cors_origins": ["https://*.example"]},
        {"cors_origins": ["null"]},
        {"cors_origins": ["https://a.example/path"]},
        {"cors_origins": ["https://u@a.example"], "hosts": [1]},
        {"cors_origins": ["https://[broken"]},
        {"cors_origins": ["ftp://a.example"]},
        {"hosts": [""]},
        {"max_body_bytes": 0},
        {"max_body_bytes": True},
        {"access_log": "yes"},
        {"otel_endpoint": "collector:4318"},
        {"otel_sample": 2},
        {"on_disk_full": "perhaps"},
        {"log_content_days": 0},
    ],
)
def test_what_cannot_work_is_named(table: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"\[gateway\]"):
        options_from(table)


@pytest.mark.parametrize(
    ("header", "bound", "allowed"),
    [
        ("127.0.0.1:8686", "127.0.0.1", True),
        ("[::1]:8686", "127.0.0.1", True),
        ("LOCALHOST", "127.0.0.1", True),
        ("192.0.2.7:80", "192.0.2.7", True),
        ("192.0.2.7:80", "127.0.0.1", False),
        ("192.0.2.7:80", "0.0.0.0", True),  # noqa: S104
        ("box.local", "0.0.0.0", False),  # noqa: S104
        ("named.local:1", "0.0.0.0", True),  # noqa: S104
        ("evil.example", "127.0.0.1", False),
        ("a@127.0.0.1", "127.0.0.1", False),
        ("127.0.0.1:port", "127.0.0.1", False),
        ("127.0.0.1/x", "127.0.0.1", False),
        ("[::1", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        (None, "127.0.0.1", False),
    ],
)
def test_which_host_header_names_this_gateway(header: str | None, bound: str, allowed: bool) -> None:
    assert host_allowed(header, bound, Options(hosts=("named.local",))) is allowed
