"""Requests as they are recorded and compared."""

from __future__ import annotations

import pytest

from moongate.testing.exchange import received, same_path


def test_received_folds_headers_and_query() -> None:
    request = received("GET", "/v1/a%2Fb?x=1&x=2", [("X-A", "1"), ("x-a", "2")], b"", 5.0)
    assert (request.path, dict(request.query), dict(request.headers)) == ("/v1/a/b", {"x": "1"}, {"x-a": "1, 2"})


@pytest.mark.parametrize(
    ("path", "wanted", "same"),
    [
        ("/v1/models", "/v1/models", True),
        ("/v1/models", "/models", True),
        ("/v1/models", "models", True),
        ("/v1/xmodels", "models", False),
        ("/v1/files/a", "/files", False),
        ("/v1/files/a", "/files/*", True),
    ],
)
def test_same_path(path: str, wanted: str, same: bool) -> None:
    assert same_path(path, wanted) is same
