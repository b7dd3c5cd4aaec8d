"""The gateway's desk, opened for a command: where its accounts and keys are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from moongate.errors import UsageError
from moongate.facts.money import Money

if TYPE_CHECKING:
    from moongate.gateway.desk import Desk


@contextmanager
def opened() -> Iterator[Desk]:
    """Yield the desk in the data folder."""
    from moongate.gateway.desk import FILE_NAME, Desk
    from moongate.settings.load import load_folders

    with Desk(load_folders().data_dir / FILE_NAME) as desk:
        yield desk


def money(text: str, currency: str) -> Money:
    """Return an amount as somebody typed it. Raises UsageError for what is no amount."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) > 1_000_000_000:
        raise UsageError(f"{text!r} is not an amount of money.", advice="Write it like 10 or 2.50.")
    return Money.of(amount, currency)
