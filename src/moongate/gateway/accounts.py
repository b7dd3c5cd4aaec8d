"""Accounts: who pays, in which currency, and what is left.

SQL on a connection that is handed in, inside the caller's transaction. What calls take from a balance is `leases` and
`ingest`; threads and files are `desk` and `clerk`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from moongate.errors import UsageError
from moongate.facts.moments import rfc3339
from moongate.facts.money import Money

MAX_NANO = 10**18  # a thousand million units: far below what a 64-bit column holds


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who pays. The balance may fall below zero by what the last call cost beyond its reservation."""

    id: int
    name: str
    currency: str
    balance: Money
    created_at: str  # RFC 3339, UTC

    @property
    def document(self) -> dict[str, Any]:
        """The account as JSON."""
        amount, currency = self.balance.amount, self.currency
        return {"name": self.name, "balance": amount, "currency": currency, "created_at": self.created_at}


def create(connection: sqlite3.Connection, name: str, balance: Money, *, now: float) -> Account:
    """Add an account in the balance's currency. Raises UsageError for a name that is taken or not usable."""
    _check_name(name, "account")
    _check_money(balance, balance.currency)
    try:
        connection.execute(
            "INSERT INTO accounts (name, currency, balance_nano, created_at) VALUES (?, ?, ?, ?)",
            (name, balance.currency, balance.nano, now),
        )
    except sqlite3.IntegrityError as error:
        raise UsageError(
            f"There is already an account {name!r}.",
            advice=f"Choose another name, or add money with: moongate accounts top-up {name} AMOUNT",
        ) from error
    return find(connection, name)


def every(connection: sqlite3.Connection) -> tuple[Account, ...]:
    """Return all accounts, by name."""
    return tuple(_account(row) for row in connection.execute("SELECT * FROM accounts ORDER BY name"))


def find(connection: sqlite3.Connection, name: str) -> Account:
    """Return the account of that name. Raises UsageError naming those that exist."""
    row = connection.execute("SELECT * FROM accounts WHERE name = ?", (name,)).fetchone()
    if row is None:
        known = ", ".join(repr(account.name) for account in every(connection)) or "none"
        raise UsageError(
            f"There is no account {name!r}.",
            advice=f"Accounts: {known}. Make one with: moongate accounts create NAME",
        )
    return _account(row)


def by_id(connection: sqlite3.Connection, account_id: int) -> Account:
    """Return an account by its id, which the caller has from a key's row."""
    return _account(connection.execute("SELECT * FROM accounts WHERE id = ?", (account_id,)).fetchone())


def top_up(connection: sqlite3.Connection, name: str, amount: Money) -> Account:
    """Add money. Raises UsageError for an unknown account, another currency, or nothing to add."""
    account = find(connection, name)
    _check_money(amount, account.currency)
    if amount.nano <= 0:
        raise UsageError(f"{amount} is nothing to add.", advice="Give an amount above zero.")
    _check_money(account.balance + amount, account.currency)
    connection.execute("UPDATE accounts SET balance_nano = balance_nano + ? WHERE id = ?", (amount.nano, account.id))
    return find(connection, name)


def moment(at: float) -> str:
    """Return a time, given in seconds since the epoch, as RFC 3339 in UTC."""
    return rfc3339(at)


def _account(row: sqlite3.Row) -> Account:
    return Account(
        id=row["id"],
        name=row["name"],
        currency=row["currency"],
        balance=Money(nano=row["balance_nano"], currency=row["currency"]),
        created_at=moment(row["created_at"]),
    )


def _check_name(name: str, what: str) -> None:
    if not name or len(name) > 64 or not name.isprintable() or name != name.strip():
        raise UsageError(
            f"{name[:80]!r} is no usable name for an {what}.", advice="Use 1 to 64 printable characters."
        )


def _check_money(amount: Money, currency: str) -> None:
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha() or not currency.isupper():
        raise UsageError(f"{currency!r} is no currency code.", advice="Use three capital letters such as USD.")
    if amount.currency != currency:
        raise UsageError(
            f"{amount} is not in {currency}, the account's currency.", advice="Nothing is converted here."
        )
    if not -MAX_NANO <= amount.nano <= MAX_NANO:
        raise UsageError(f"{amount} is more than an account can hold.", advice="Give a smaller amount.")
