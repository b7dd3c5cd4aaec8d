"""How many tokens a file asks for, and what they may cost. Pure; an estimate, which says what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from moongate.batch.validate.faults import Estimate
from moongate.facts.money import Price

# Our own estimate, which no source of the provider's backs; its own count is `client.estimate`, one call a prompt.
ASCII_PER_TOKEN = 4
OTHERS_PER_TOKEN = 1.5
_LIMITS = ("max_completion_tokens", "max_tokens")
_COUNTED = ("tools", "response_format")  # are part of the prompt


class Tally:
    """Sums over lines."""

    def __init__(self) -> None:
        self._ascii = self._others = self._limits = self._unlimited = self._media = 0

    def text(self, text: str) -> None:
        """Add a text of prompts."""
        if text.isascii():
            self._ascii += len(text)
        else:
            plain = len(text.encode("ascii", "ignore"))
            self._ascii += plain
            self._others += len(text) - plain

    def parameters(self, values: Mapping[str, bytes | int], lines: int) -> None:
        """Add the parameters that so many lines have, each a number or the JSON that it is."""
        self._limit(next((value for name in _LIMITS if isinstance(value := values.get(name), int)), None), lines)
        self._ascii += lines * sum(len(v) for name in _COUNTED if isinstance(v := values.get(name), bytes))

    def body(self, body: Mapping[str, Any]) -> None:
        """Add the whole body of one line."""
        messages = body.get("messages")
        for piece in _texts(messages if isinstance(messages, list) else []):
            if piece is None:
                self._media += 1
            else:
                self.text(piece)
        limit = next((body[name] for name in _LIMITS if type(body.get(name)) is int), None)
        self._limit(limit, 1)
        self._ascii += sum(len(msgspec.json.encode(body[name])) for name in _COUNTED if body.get(name))

    def estimate(self, price: Price | None) -> Estimate:
        """Return what the lines so far ask for."""
        prompt = -(-self._ascii // ASCII_PER_TOKEN) + round(self._others / OTHERS_PER_TOKEN)
        most = None if self._unlimited else self._limits
        return Estimate(
            prompt_tokens=prompt,
            most_completion_tokens=most,
            unlimited=self._unlimited,
            media=self._media,
            prompt_cost=price.cost(prompt_tokens=prompt, completion_tokens=0) if price else None,
            most_cost=price.cost(prompt_tokens=prompt, completion_tokens=most)
            if price and most is not None
            else None,
            basis=price.basis if price else None,
        )

    def _limit(self, limit: int | None, lines: int) -> None:
        if limit is None:
            self._unlimited += lines
        else:
            self._limits += limit * lines


def _texts(messages: list[Any]) -> Iterator[str | None]:
    """Yield the texts of messages, None for each part that is none."""
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else [content]:
            if isinstance(part, dict):
                text = part.get("text")
                yield text if isinstance(text, str) else None
            elif isinstance(part, str):
                yield part
