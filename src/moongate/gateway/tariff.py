"""What a call may cost and did cost, in integers: `facts.money.Price`, worked out in advance for the hot path.

Pure. A cost is a sum of products, rounded once, exactly as `Price.cost` rounds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext

from moongate.facts.chat import Usage
from moongate.facts.models import Model
from moongate.facts.money import MILLION, NANO, PRECISION, Price
from moongate.facts.providers import Provider
from moongate.gateway.answered import Took
from moongate.gateway.meter import LONGEST_ANSWER, PREAMBLE_TOKENS, price_of
from moongate.ledger.entry import NO_PRICE

_NANO_PER_TOKEN = NANO // MILLION


class Rate:
    """A price per token: whole numbers of `1 / scale` nano-units of `currency`; `half` of the scale rounds."""

    __slots__ = ("_cached", "basis", "currency", "half", "input", "output", "scale")

    def __init__(self, price: Price) -> None:
        cached = price.input if price.cached_input is None else price.cached_input
        amounts = (price.input, cached, price.output)
        places = max(_places(amount) for amount in amounts)
        self.scale = int(10**places)
        self.half = self.scale // 2
        with localcontext(prec=PRECISION):
            units = [int(amount.scaleb(places)) * _NANO_PER_TOKEN for amount in amounts]
        self.input, self._cached, self.output = units
        self.currency = price.currency
        self.basis = price.basis

    def nano(self, prompt: int, completion: int, cached: int = 0) -> int:
        """Return the cost in nano-units; `prompt` includes the cached tokens, `completion` the reasoning."""
        if not 0 <= cached <= prompt:
            cached = 0 if cached < 0 else prompt
        units = (prompt - cached) * self.input + cached * self._cached + completion * self.output
        return (units + self.half) // self.scale


def _places(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


class Tariff:
    """What calls to one model are charged by; with `others`, to whichever of several models answers."""

    __slots__ = ("_longest", "_window", "basis", "currency", "others", "rate")

    def __init__(self, model: Model | None, row: Provider, others: Mapping[str, Tariff] | None = None) -> None:
        price = price_of(model, row)
        self.rate = None if price is None else Rate(price)
        self.currency = None if price is None else price.currency
        self.basis = NO_PRICE if price is None else price.basis
        self.others = dict(others or {})  # by wire id
        self._window = model.context_length if model is not None else None
        self._longest = self._window or LONGEST_ANSWER

    def worst_tokens(
        self, size_bytes: int, max_tokens: int | None, choices: int = 1, *, has_files: bool = False
    ) -> int:
        """Return the most tokens that a request can take."""
        return self.worst(size_bytes, max_tokens, choices, has_files)[1]

    def worst_nano(
        self, size_bytes: int, max_tokens: int | None, choices: int = 1, *, has_files: bool = False
    ) -> int:
        """Return the most that a request can cost, in nano-units; 0 where no price is known."""
        return self.worst(size_bytes, max_tokens, choices, has_files)[0]

    def worst(self, size_bytes: int, max_tokens: int | None, choices: int, has_files: bool) -> tuple[int, int]:
        """Return the most that a request can cost, in nano-units, and the most tokens that it can take.

        Prompt and answer each have a bound of their own: no prompt has more tokens than its body has bytes.
        `has_files` says that it refers to uploaded media, whose tokens its size does not bound.
        """
        window, rate = self._window, self.rate
        prompt = self._longest if has_files else size_bytes + PREAMBLE_TOKENS
        answer = max_tokens or self._longest
        if window is not None:
            if prompt > window:
                prompt = window
            if answer > window:
                answer = window
        answer *= choices
        nano = 0 if rate is None else (prompt * rate.input + answer * rate.output + rate.half) // rate.scale
        if self.others:
            others = (other.worst(size_bytes, max_tokens, choices, has_files)[0] for other in self.others.values())
            nano = max(nano, *others)
        return nano, prompt + answer

    def charge(self, usage: Usage | Took) -> int | None:
        """Return what was used, in nano-units; None where no price is known."""
        rate = self.rate
        if rate is None:
            return None
        return rate.nano(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)

    def of(self, said: str) -> Tariff:
        """Return the tariff of the model that an answer names, else that of the one that was asked for."""
        return self.others.get(said, self) if self.others else self
