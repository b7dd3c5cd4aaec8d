"""Records of a chat: what was used, what was answered, and the pieces of a stream.

Parsing wire bytes into these is `moongate.wire`; nothing here knows a provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moongate.facts.money import Money

Message = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one call; `prompt_tokens` includes the cached ones, `completion_tokens` the reasoning."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    reported_cost: Money | None = None  # where the endpoint itself reports one


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A function the model wants called. `id` is opaque and unique only within its turn."""

    id: str
    name: str
    arguments: str  # JSON text, as the model wrote it


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a call cost, and on what ground we say so."""

    money: Money
    basis: str


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """One event of a stream, reduced to what it adds. `raw` is the event as it came."""

    content: str = ""
    reasoning: str = ""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    id: str | None = None
    model: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One complete answer, plain or folded from a stream.

    `model` is what the endpoint says answered, `asked_model` what was sent; the two may differ (an alias, a dated
    name), which is recorded and never corrected.
    """

    id: str
    model: str
    asked_model: str
    content: str
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    notes: tuple[str, ...] = ()  # what was changed on the way, e.g. the id sent for the name typed
    raw: Mapping[str, Any] = field(default_factory=dict)
