"""Use Kimi through the Moonshot API without ever sending a wrong model id.

The names below are loaded when they are first used: `import moongate` itself costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself would cost more than everything else here

__version__ = "0.1.0"

_HOMES = {
    "Answer": "moongate.facts.chat",
    "AnswerError": "moongate.errors",
    "AsyncClient": "moongate.client.aio",
    "AuthenticationError": "moongate.errors",
    "BadRequestError": "moongate.errors",
    "Balance": "moongate.facts.money",
    "BrokenStreamError": "moongate.errors",
    "Chunk": "moongate.facts.chat",
    "Client": "moongate.client.sync",
    "ConfigError": "moongate.errors",
    "Cost": "moongate.facts.chat",
    "InsufficientBalanceError": "moongate.errors",
    "Listing": "moongate.facts.models",
    "Model": "moongate.facts.models",
    "ModelNotPermittedError": "moongate.errors",
    "ModelRefusedError": "moongate.errors",
    "Money": "moongate.facts.money",
    "MoongateError": "moongate.errors",
    "ProviderError": "moongate.errors",
    "RateLimitedError": "moongate.errors",
    "RuleError": "moongate.wire.rules",
    "ToolCall": "moongate.facts.chat",
    "UnavailableError": "moongate.errors",
    "Usage": "moongate.facts.chat",
    "UsageError": "moongate.errors",
    "Verdict": "moongate.facts.models",
}

__all__ = [
    "Answer",
    "AnswerError",
    "AsyncClient",
    "AuthenticationError",
    "BadRequestError",
    "Balance",
    "BrokenStreamError",
    "Chunk",
    "Client",
    "ConfigError",
    "Cost",
    "InsufficientBalanceError",
    "Listing",
    "Model",
    "ModelNotPermittedError",
    "ModelRefusedError",
    "Money",
    "MoongateError",
    "ProviderError",
    "RateLimitedError",
    "RuleError",
    "ToolCall",
    "UnavailableError",
    "Usage",
    "UsageError",
    "Verdict",
    "__version__",
]

if TYPE_CHECKING:
    from typing import Any

    from moongate.client.aio import AsyncClient
    from moongate.client.sync import Client
    from moongate.errors import (
        AnswerError,
        AuthenticationError,
        BadRequestError,
        BrokenStreamError,
        ConfigError,
        InsufficientBalanceError,
        ModelNotPermittedError,
        ModelRefusedError,
        MoongateError,
        ProviderError,
        RateLimitedError,
        UnavailableError,
        UsageError,
    )
    from moongate.facts.chat import Answer, Chunk, Cost, ToolCall, Usage
    from moongate.facts.models import Listing, Model, Verdict
    from moongate.facts.money import Balance, Money
    from moongate.wire.rules import RuleError


def __getattr__(name: str) -> Any:
    import importlib

    if name == "batch":  # a room of its own, at hand without an import of its own
        return importlib.import_module("moongate.batch")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
