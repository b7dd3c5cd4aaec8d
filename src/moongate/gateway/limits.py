"""What one key may do: which models and providers, how much money, how often, how long.

Pure. None means that there is no such limit; the account's balance always bounds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from moongate.errors import UsageError
from moongate.facts.moments import rfc3339
from moongate.facts.money import Money, money_from

LARGEST = 10**12
_SPAN = re.compile(r"(\d{1,6})([mhd])")
_SPAN_S = {"m": 60, "h": 3600, "d": 86_400}


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

    @property
    def document(self) -> dict[str, Any]:
        """The limits as JSON; amounts are texts in the account's currency, moments RFC 3339."""
        return {
            "models": None if self.models is None else list(self.models),
            "providers": None if self.providers is None else list(self.providers),
            "budget_day": None if self.budget_day is None else self.budget_day.amount,
            "budget_month": None if self.budget_month is None else self.budget_month.amount,
            "rpm": self.rpm,
            "tpm": self.tpm,
            "concurrency": self.concurrency,
            "expires_at": None if self.expires_at is None else rfc3339(self.expires_at),
            "tags": list(self.tags),
        }


NAMES = tuple(field.name for field in fields(Limits))


def limits_from(given: Mapping[str, Any], currency: str, *, now: float) -> Limits:
    """Return limits from what was typed or posted: amounts and moments as texts, the rest as in `Limits`.

    `expires_at` is RFC 3339, a date (its beginning, in UTC), or a span from `now` such as 90m, 12h or 30d. Raises
    UsageError naming what is not understood.
    """
    unknown = next((name for name in given if name not in NAMES), None)
    if unknown is not None:
        raise UsageError(f"A key has no {unknown!r}.", advice=f"It has: {', '.join(NAMES)}.")
    values = {name: value for name, value in given.items() if value is not None}
    for name in ("models", "providers", "tags"):
        if name in values:
            values[name] = _texts(name, values[name])
    for name in ("budget_day", "budget_month"):
        if name in values:
            values[name] = money_from(str(values[name]), currency)
    for name in ("rpm", "tpm", "concurrency"):
        if type(values.get(name, 1)) is not int:
            raise UsageError(f"{name} is {values[name]!r}, expected a whole number.")
    if "expires_at" in values:
        values["expires_at"] = moment_from(str(values["expires_at"]), now=now)
    return checked(Limits(**values), currency)


def moment_from(text: str, *, now: float) -> float:
    """Return a moment (seconds since the epoch) as it was written. Raises UsageError, also for one that is past."""
    span = _SPAN.fullmatch(text.strip())
    try:
        if span:
            at = now + int(span[1]) * _SPAN_S[span[2]]
        else:
            read = datetime.fromisoformat(text.strip())
            at = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text[:80]!r} is no moment.", advice="Write it like 2026-12-31, 2026-12-31T18:00:00Z, 30d or 12h."
        ) from None
    if at <= now:
        raise UsageError(f"{text[:80]!r} is past.", advice="Give a moment that is to come.")
    return at


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


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise UsageError(f"{name} is {value!r}, expected a list of texts.")
    return tuple(value)


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
