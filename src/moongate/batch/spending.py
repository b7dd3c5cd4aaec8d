"""What a line may cost at most, what it did cost, and a cap that is never passed. Pure, in integers.

The worst case is set aside before a line leaves: tokens cannot outnumber the bytes of the body, nor prompt and answer
the context window. What may have been charged without an answer stays set aside.
"""

from __future__ import annotations

from typing import Any

import msgspec

from moongate.errors import UsageError
from moongate.facts.chat import Usage
from moongate.facts.models import Model
from moongate.facts.money import MILLION, NANO, Price

PREAMBLE_TOKENS = 512  # a chat template and hidden prompts; K3 was seen to bill about 80 (2026-07-17)
LONGEST_ANSWER = 131_072  # completion tokens where neither line nor list bounds them: K3's default
_SCALE = 10**9  # of a nano-unit, so that prices with nine decimals are exact
_MEDIA = (b"ms:", b"image_url", b"video_url")  # count by their content, not by the bytes that name them


class Asked(msgspec.Struct, frozen=True):
    """The fields of a body that bound its cost."""

    max_tokens: Any = None
    max_completion_tokens: Any = None
    n: Any = None
    stream: Any = None

    @property
    def longest_answer(self) -> int | None:
        """The most tokens of one choice, if the body says so."""
        said = self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens
        return said if type(said) is int and said > 0 else None

    @property
    def choices(self) -> int:
        """How many answers are asked for."""
        return self.n if type(self.n) is int and self.n > 0 else 1


asked_in = msgspec.json.Decoder(Asked).decode
"""Return what a body says that bounds its cost. Raises msgspec.DecodeError for what is no JSON object."""


class Tariff:
    """Prices per token as integers, and the context window that bounds a call."""

    def __init__(self, price: Price | None, model: Model | None) -> None:
        self.price = price
        self._window = model.context_length if model else None
        self._input, self._cached, self._output = _scaled(price)

    @property
    def currency(self) -> str:
        """The currency of the amounts, "" where no price is known."""
        return self.price.currency if self.price else ""

    def bound(self, cap_nano: int | None) -> None:
        """Raise UsageError for a cap that cannot be kept, because no price is known."""
        if cap_nano is not None and self.price is None:
            raise UsageError(
                "No price of this model is known here, so a cap on the cost cannot be kept.",
                advice="Leave --max-cost out, or give max_tokens in every line and count yourself.",
            )

    def tokens(self, body: bytes, asked: Asked) -> tuple[int, int]:
        """Return the most prompt and completion tokens that a body can take."""
        window = self._window or LONGEST_ANSWER
        prompt = window if _has_media(body) else len(body) + PREAMBLE_TOKENS
        answer = asked.longest_answer or window
        if self._window:
            prompt, answer = min(prompt, window), min(answer, window)
        return prompt, answer * asked.choices

    def worst_nano(self, body: bytes, asked: Asked) -> int:
        """Return the most that a line can cost, in nano-units."""
        prompt, answer = self.tokens(body, asked)
        return -(-(prompt * self._input + answer * self._output) // _SCALE)

    def cost_nano(self, usage: Usage) -> int | None:
        """Return what an answer cost: as the endpoint reported it, else by the price; None without either."""
        reported = usage.reported_cost
        if reported is not None and (self.price is None or reported.currency == self.price.currency):
            return reported.nano
        if self.price is None:
            return None
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        units = (
            (usage.prompt_tokens - cached) * self._input
            + cached * self._cached
            + usage.completion_tokens * self._output
        )
        return (units + _SCALE // 2) // _SCALE


class Purse:
    """Money with a cap in nano-units, None for no cap. `spent` and what is set aside never pass it together."""

    def __init__(self, cap_nano: int | None, spent_nano: int = 0) -> None:
        self.cap_nano = cap_nano
        self.spent_nano = spent_nano
        self.reserved_nano = 0

    def reserve(self, worst_nano: int) -> bool:
        """Set the worst case of a call aside; say whether that was possible."""
        if self.cap_nano is not None and self.spent_nano + self.reserved_nano + worst_nano > self.cap_nano:
            return False
        self.reserved_nano += worst_nano
        return True

    def settle(self, worst_nano: int, cost_nano: int) -> None:
        """Give back what was set aside for a call, and book what it cost."""
        self.reserved_nano -= worst_nano
        self.spent_nano += cost_nano


def _has_media(body: bytes) -> bool:
    first, second, third = _MEDIA
    return first in body or second in body or third in body


def _scaled(price: Price | None) -> tuple[int, int, int]:
    if price is None:
        return 0, 0, 0
    cached = price.input if price.cached_input is None else price.cached_input
    return (_units(price.input), _units(cached), _units(price.output))


def _units(per_million: Any) -> int:
    return int(per_million * (NANO // MILLION) * _SCALE)
