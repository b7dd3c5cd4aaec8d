"""What a call may cost at most, and what it did cost. Pure: `desk` moves the money.

The worst case is set aside before a call leaves: tokens cannot outnumber the bytes of the body, nor prompt and answer
the context window. Afterwards the usage in the answer counts; where none came, an estimate, and the basis says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from moongate.client.guard import Permit
from moongate.facts.chat import Answer, Cost, Usage
from moongate.facts.models import Model
from moongate.facts.money import Price
from moongate.facts.providers import Provider
from moongate.gateway.asked import Asked
from moongate.ledger import price
from moongate.ledger.entry import Charge, charge

PREAMBLE_TOKENS = 256  # hidden prompts and chat templates; K3 was seen to bill about 80 (2026-07-17)
LONGEST_ANSWER = 131_072  # completion tokens where neither caller nor list bounds them: K3's default
BYTES_PER_TOKEN = 4  # for estimates only: English text
FICTIONAL = "fictional price of the embedded model"
EMBEDDED = Price(
    currency="USD", input=Decimal("1.00"), output=Decimal("2.00"), cached_input=Decimal("0.10"), basis=FICTIONAL
)


def is_embedded(row: Provider) -> bool:
    """Say whether the embedded model serves."""
    return row.name == "local"


def price_of(model: Model | None, row: Provider) -> Price | None:
    """Return the best known price of a model; the embedded one's is fictional and says so."""
    if is_embedded(row):
        return EMBEDDED
    return price.price_of(model, row) if model is not None else None


def worst_usage(asked: Asked, context_length: int | None) -> Usage:
    """Return the most tokens that a request can take, prompt and answer each by its own bound."""
    window = context_length or LONGEST_ANSWER
    prompt = window if asked.has_files else asked.size_bytes + PREAMBLE_TOKENS
    answer = asked.max_tokens or window
    if context_length is not None:
        prompt, answer = min(prompt, context_length), min(answer, context_length)
    return Usage(prompt_tokens=prompt, completion_tokens=answer * asked.choices)


@dataclass(frozen=True, kw_only=True)
class Tariff:
    """What one call is charged by: the models it may be answered by, and their endpoint."""

    row: Provider
    permits: Sequence[Permit]

    @property
    def currencies(self) -> frozenset[str]:
        """The currencies of the known prices; empty where none is known."""
        found = (price_of(permit.model, self.row) for permit in self.permits)
        return frozenset(known.currency for known in found if known is not None)

    def worst_nano(self, asked: Asked) -> int:
        """Return the most that a call can cost, in nano-units; 0 where no price is known."""
        return max((self._worst_of(permit, asked) for permit in self.permits), default=0)

    def _worst_of(self, permit: Permit, asked: Asked) -> int:
        known = price_of(permit.model, self.row)
        if known is None:
            return 0
        most = worst_usage(asked, permit.model.context_length if permit.model else None)
        return known.cost(prompt_tokens=most.prompt_tokens, completion_tokens=most.completion_tokens).nano

    def charge(self, answer: Answer, asked: Asked, currency: str) -> tuple[Usage, Charge]:
        """Return the tokens and the charge of what was answered, whole or in part."""
        if answer.usage is not None:
            return answer.usage, charge(self._cost(answer, answer.usage), currency)
        guessed = estimated(answer, asked)
        taken = charge(self._cost(answer, guessed), currency)
        return guessed, replace(taken, basis=f"{taken.basis}; tokens estimated, the answer gave no usage")

    def _cost(self, answer: Answer, usage: Usage) -> Cost | None:
        if not is_embedded(self.row):
            return price.cost_of(usage, self._answering(answer.model), self.row)
        tokens = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
        return Cost(money=EMBEDDED.cost(**tokens, cached_tokens=usage.cached_tokens), basis=FICTIONAL)

    def _answering(self, said: str) -> Model | None:
        """Return the row of the model that the answer names, else of the one that was asked for."""
        named = next((p.model for p in self.permits if p.id == said or (p.model and p.model.id == said)), None)
        return named or self.permits[0].model


def estimated(answer: Answer, asked: Asked) -> Usage:
    """Return a guess at the tokens of an answer without usage, from the bytes of request and answer."""
    said = answer.content + (answer.reasoning or "") + "".join(c.name + c.arguments for c in answer.tool_calls)
    return Usage(
        prompt_tokens=_ceil(asked.size_bytes),
        completion_tokens=_ceil(len(said.encode("utf-8", "replace"))),
        reasoning_tokens=_ceil(len((answer.reasoning or "").encode("utf-8", "replace"))),
    )


def _ceil(size_bytes: int) -> int:
    return -(-size_bytes // BYTES_PER_TOKEN)
