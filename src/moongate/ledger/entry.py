"""One line of a ledger: who used what, what it cost, on what ground, and how it ended. Never what was said.

Pure: `moongate.ledger.book` keeps the lines.
"""

from __future__ import annotations

from dataclasses import dataclass

from moongate.facts.chat import Cost, Usage
from moongate.facts.money import Money

NO_PRICE = "no price known"
OK = "ok"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One settled call.

    `model` is what the answer said, `asked_model` what was sent. A cost of None means that no price is known, which
    is not the same as free. `outcome` is "ok", or the kind of error (`moongate.errors`), or "client_gone", or "lost"
    for a call that was under way when its gateway ended.
    """

    at: float  # seconds since the epoch, when the call began
    account_id: int
    key_id: int
    request_id: str
    model: str
    asked_model: str
    provider: str
    usage: Usage
    cost_nano: int | None  # nano-units of `currency`
    currency: str
    price_basis: str
    latency_ms: int
    outcome: str
    status: int  # of the answer that the caller got

    @property
    def cost(self) -> Money | None:
        """What the call cost, if a price is known."""
        return None if self.cost_nano is None else Money(nano=self.cost_nano, currency=self.currency)


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What is to be taken from a balance for one call; None where no price is known."""

    nano: int | None
    basis: str


def charge(cost: Cost | None, currency: str) -> Charge:
    """Return what a cost takes from a balance in `currency`. Amounts in another one are recorded, not converted."""
    if cost is None:
        return Charge(nano=None, basis=NO_PRICE)
    if cost.money.currency != currency:
        return Charge(nano=None, basis=f"{cost.basis}: {cost.money}, not taken from an account in {currency}")
    return Charge(nano=cost.money.nano, basis=cost.basis)
