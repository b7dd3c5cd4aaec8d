"""The pytest plugin: the fixture `moonshot_server`. It is loaded in every test run, so its import costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from moongate.testing.server import MoonshotServer


@pytest.fixture
def moonshot_server() -> Iterator[MoonshotServer]:
    """Run an offline server that behaves as Moonshot does: `base_url`, `key`, `requests`, `inject(Fault(...))`."""
    from moongate.testing.server import MoonshotServer

    with MoonshotServer() as server:
        yield server
