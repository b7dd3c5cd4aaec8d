"""What comes into the ledger for a call: tokens and money by the usage that was told, or by estimate.

Pure. What a token costs is the tariff's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moongate.facts.chat import Cost, Usage
from moongate.gateway.answered import Took
from moongate.gateway.asked import Asked
from moongate.gateway.meter import BYTES_PER_TOKEN
from moongate.gateway.seams import Hold, Outcome
from moongate.ledger.entry import charge

if TYPE_CHECKING:
    from moongate.gateway.upstreams import Target

NOT_CHARGED = "no answer: not charged"
ESTIMATED = "; tokens estimated, the answer gave no usage"
REPORTED = "reported by the endpoint"


def charged(
    asked: Asked,
    target: Target,
    hold: Hold,
    model: str,
    usage: Usage | Took | None,
    *,
    kind: str,
    said_bytes: int = 0,
    status: int = 200,
) -> Outcome:
    """Return the line of a call that was answered, whole or in part. `said_bytes` counts where no usage came."""
    tariff, more = target.tariff, ""
    if tariff.others:
        tariff = tariff.of(model)
    if usage is None:
        usage, more = estimated(asked.size_bytes, said_bytes), ESTIMATED
    if usage.reported_cost is not None:
        nano, basis = _reported(usage, hold.caller.currency)
    else:
        nano, basis = tariff.charge(usage), tariff.basis
    return Outcome(
        model,
        target.row.name,
        nano,
        basis + more if more else basis,
        kind,
        status,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
    )


def not_charged(provider: str, *, kind: str, status: int) -> Outcome:
    """Return the line of a call that got no answer."""
    return Outcome("", provider, 0, NOT_CHARGED, kind, status)


def estimated(size_bytes: int, said_bytes: int) -> Usage:
    """Return a guess at the tokens of an answer without usage, from the bytes of request and answer."""
    return Usage(prompt_tokens=-(-size_bytes // BYTES_PER_TOKEN), completion_tokens=-(-said_bytes // BYTES_PER_TOKEN))


def _reported(usage: Usage, currency: str) -> tuple[int | None, str]:
    cost = usage.reported_cost
    taken = charge(None if cost is None else Cost(money=cost, basis=REPORTED), currency)
    return taken.nano, taken.basis
