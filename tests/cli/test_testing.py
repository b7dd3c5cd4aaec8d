"""`moongate testing serve`: what stands in its way is said."""

from __future__ import annotations

from typing import Any

from moongate.testing import MoonshotServer


def test_a_port_in_use_is_said(moongate: Any, server: MoonshotServer) -> None:
    port = server.base_url.rpartition(":")[2].removesuffix("/v1")
    ran = moongate("testing", "serve", "--port", port)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"moongate: The offline server cannot listen on port {port}: Address already in use")
    assert "--port" in ran.err
