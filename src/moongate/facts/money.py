"""Money as integers: amounts in nano-units of a currency, prices per million tokens, and what a call costs.

No floats: a price is an exact decimal, a cost is rounded once, at the end, to the nearest nano-unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext

from moongate.errors import UsageError

NANO = 10**9
MILLION = 10**6
PRECISION = 60  # decimal digits of a calculation; the default of 28 would round large amounts on the way


@dataclass(frozen=True, kw_only=True, order=True)
class Money:
    """An amount in nano-units (one thousand-millionth) of `currency`, an ISO 4217 code."""

    nano: int
    currency: str

    @classmethod
    def of(cls, amount: Decimal | str | int, currency: str) -> Money:
        """Return the amount given in whole units, e.g. `Money.of("49.58894", "USD")`."""
        with localcontext(prec=PRECISION):
            return cls(nano=_round(Decimal(amount) * NANO), currency=currency)

    @property
    def amount(self) -> str:
        """The amount in whole units as plain decimal digits, without trailing zeros."""
        sign, digits = ("-" if self.nano < 0 else ""), abs(self.nano)
        fraction = f"{digits % NANO:09d}".rstrip("0")
        return f"{sign}{digits // NANO}" + (f".{fraction}" if fraction else "")

    def __add__(self, other: Money) -> Money:
        return Money(nano=self.nano + self._same(other), currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(nano=self.nano - self._same(other), currency=self.currency)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def _same(self, other: Money) -> int:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other.nano


@dataclass(frozen=True, kw_only=True)
class Price:
    """List prices in whole units of `currency` per million tokens; None where nothing is known."""

    currency: str
    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    basis: str = ""  # where the numbers come from, with the date

    def cost(self, *, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> Money:
        """Return what a call costs; `prompt_tokens` includes the cached ones, `completion_tokens` the reasoning.

        Source of both inclusions: usage shapes of the Kimi API, documented and observed (2026-07-17).
        """
        cached = min(max(cached_tokens, 0), prompt_tokens)
        cached_price = self.input if self.cached_input is None else self.cached_input
        with localcontext(prec=PRECISION):
            units = (
                (prompt_tokens - cached) * self.input + cached * cached_price + completion_tokens * self.output
            ) / MILLION
            return Money(nano=_round(units * NANO), currency=self.currency)


@dataclass(frozen=True, kw_only=True)
class Balance:
    """What an account holds. Amounts the provider does not report are None.

    `unlimited` is for keys without a spending limit (OpenRouter), whose `available` is then None.
    """

    provider: str
    currency: str
    available: Money | None
    unlimited: bool = False
    cash: Money | None = None
    voucher: Money | None = None


def money_from(text: str, currency: str) -> Money:
    """Return an amount as somebody wrote it. Raises UsageError for what is no amount, or no amount of money."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) > MILLION * 1000:
        raise UsageError(f"{text[:80]!r} is not an amount of money.", advice="Write it like 10 or 2.50.")
    return Money.of(amount, currency)


def _round(value: Decimal) -> int:
    with localcontext(prec=PRECISION):
        return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))
