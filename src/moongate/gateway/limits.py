"""What one key may do: which models and providers, how much money, how often, how long.

Pure. None means that there is no such limit; the account's balance always bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

from moongate.errors import UsageError
from moongate.facts.money import Money

LARGEST = 10**12


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits and tags of a key. Budgets are counted by calendar day and month in UTC."""

    models: tuple[str, ...] | None = None  # listed ids or accepted spellings
    providers: tuple[str, ...] | None = None
    budget_day: Money | None = None
    budget_month: Money | None = None
    rpm: int | None = None  # requests a minute
    tpm: int | None = None  # tokens a minute, prompt and answer
    concurrency: int | None = None  # calls at once
    expires_at: float | None = None  # seconds since the epoch
    tags: tuple[str, ...] = ()


def checked(limits: Limits, currency: str) -> Limits:
    """Return limits that can be kept. Raises UsageError naming the one that cannot."""
    for name in ("rpm", "tpm", "concurrency"):
        number = getattr(limits, name)
        if number is not None and not 1 <= number <= LARGEST:
            raise UsageError(f"{name} is {number}, expected a number from 1.", advice="Leave it out for no limit.")
    for name in ("budget_day", "budget_month"):
        _check_budget(name, getattr(limits, name), currency)
    for name in ("models", "providers", "tags"):
        _check_texts(name, getattr(limits, name))
    return limits


def _check_budget(name: str, budget: Money | None, currency: str) -> None:
    if budget is None:
        return
    if budget.currency != currency:
        raise UsageError(
            f"{name} is {budget}, but the key's account is in {currency}.", advice="Nothing is converted here."
        )
    if not 0 <= budget.nano <= LARGEST * 10**6:
        raise UsageError(f"{name} is {budget}, expected an amount from 0.", advice="Leave it out for no limit.")


def _check_texts(name: str, texts: tuple[str, ...] | None) -> None:
    if texts is None:
        return
    bad = next((text for text in texts if not text or len(text) > 200 or not text.isprintable()), None)
    if bad is not None or len(texts) > 100 or (not texts and name != "tags"):
        raise UsageError(
            f"{name} is {list(texts)[:3]!r}, expected 1 to 100 texts of 1 to 200 printable characters.",
            advice="Leave it out for no limit.",
        )
