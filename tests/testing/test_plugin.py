"""The pytest plugin: a fixture, and nothing loaded until it is asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import moongate.testing
from moongate.testing import MoonshotServer

HEAVY = ("asyncio", "h11", "msgspec", "tomllib", "moongate.testing.server", "moongate.testing.exchange")


def test_the_fixture_is_a_running_server(moonshot_server: MoonshotServer, ask: Callable[..., Any]) -> None:
    assert ask(moonshot_server, "GET", "/models").status == 200


def test_importing_the_plugin_loads_nothing_but_pytest() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import moongate.testing.plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    new = run.stdout.split()
    assert not set(HEAVY) & set(new)
    assert all(name.startswith("moongate") for name in new), new


def test_the_window_is_lazy_and_complete() -> None:
    assert moongate.testing.__all__ == sorted(moongate.testing.__all__, key=lambda name: (not name.isupper(), name))
    assert all(getattr(moongate.testing, name) is not None for name in moongate.testing.__all__)
    assert set(moongate.testing.__all__) <= set(dir(moongate.testing))


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(moongate.testing, "nothing_of_the_kind")
