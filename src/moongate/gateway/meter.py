"""What tokens cost at the gateway, and what bounds them where nothing else does. Pure; `tariff` works it out."""

from __future__ import annotations

from decimal import Decimal

from moongate.facts.models import Model
from moongate.facts.money import Price
from moongate.facts.providers import Provider
from moongate.ledger import price

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
