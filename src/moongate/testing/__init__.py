"""Public fakes for tests: an offline server that behaves as Moonshot does, with faults, accounts and limits.

    from moongate.testing import MoonshotServer
    with MoonshotServer() as server:
        client = OpenAI(base_url=server.base_url, api_key=server.key)

Importing this costs next to nothing; names load when they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moongate.testing.accounts import Account, Accounts
    from moongate.testing.clock import FixedClock
    from moongate.testing.exchange import Received
    from moongate.testing.faults import Chaos, Fault
    from moongate.testing.limits import TIERS, Tier
    from moongate.testing.readings import Readings
    from moongate.testing.replies import Answer, ToolCall
    from moongate.testing.server import MoonshotServer, serve

__all__ = [
    "TIERS",
    "Account",
    "Accounts",
    "Answer",
    "Chaos",
    "Fault",
    "FixedClock",
    "MoonshotServer",
    "Readings",
    "Received",
    "Tier",
    "ToolCall",
    "serve",
]


def __getattr__(name: str) -> object:
    """Load a public name from the module that holds it."""
    homes = {
        "accounts": ("Account", "Accounts"),
        "clock": ("FixedClock",),
        "exchange": ("Received",),
        "faults": ("Chaos", "Fault"),
        "limits": ("TIERS", "Tier"),
        "readings": ("Readings",),
        "replies": ("Answer", "ToolCall"),
        "server": ("MoonshotServer", "serve"),
    }
    home = next((module for module, names in homes.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
