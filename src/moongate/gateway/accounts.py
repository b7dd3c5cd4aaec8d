"""Accounts and the calls they pay for: balances, reservations before a call, settlement after it.

SQL on a connection that is handed in, inside the caller's transaction. How much to reserve and what a call cost is
decided in `meter`; threads and files are `desk` and `clerk`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from moongate.errors import UsageError
from moongate.facts.chat import Usage
from moongate.facts.moments import rfc3339
from moongate.facts.money import Money
from moongate.gateway import ingest
from moongate.gateway.journal import Line
from moongate.gateway.pots import day_of
from moongate.ledger.entry import Entry

MAX_NANO = 10**18  # a thousand million units: far below what a 64-bit column holds
RESERVED_FOR_S = 86_400.0  # a reservation that nobody settled does not bind longer
LOST = "the gateway ended before the answer did: not charged"


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


@dataclass(frozen=True, kw_only=True)
class Intent:
    """A call about to be made: who asks what, and what it may cost at most, in nano-units."""

    at: float
    account_id: int
    key_id: int
    request_id: str
    asked_model: str
    provider: str
    worst_nano: int


@dataclass(frozen=True, kw_only=True)
class Funds:
    """What an account had when a call asked to begin. `reserved_nano` is None when the call may not begin."""

    balance_nano: int
    held_nano: int  # by other calls in flight
    reserved_nano: int | None


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


def reserve(connection: sqlite3.Connection, intent: Intent) -> Funds:
    """Set the worst case of a call aside, if the account may begin it.

    As at Moonshot a call may begin while there is any money at all. One whose worst case is not covered takes all
    that is there, and begins only while no other call holds any: so the balance cannot fall below zero by more than
    what a single call costs beyond it, however many ask at once.
    """
    balance = by_id(connection, intent.account_id).balance.nano
    held = int(connection.execute(_HELD, (intent.account_id, intent.at)).fetchone()[0])
    free = balance - held
    if balance <= 0 or (held > 0 and intent.worst_nano > free):
        return Funds(balance_nano=balance, held_nano=held, reserved_nano=None)
    reserved = min(intent.worst_nano, free)
    connection.execute(_RESERVE, (*_who(intent), reserved))
    return Funds(balance_nano=balance, held_nano=held, reserved_nano=reserved)


def settle(connection: sqlite3.Connection, entry: Entry, *, currency: str) -> None:
    """Take what a call cost, write its line, and free what was set aside for it."""
    connection.execute("DELETE FROM reservations WHERE request_id = ?", (entry.request_id,))
    if entry.cost_nano is not None and entry.currency == currency:
        connection.execute(
            "UPDATE accounts SET balance_nano = balance_nano - ? WHERE id = ?", (entry.cost_nano, entry.account_id)
        )
    ingest.add(connection, [_line(entry)])


def _line(entry: Entry) -> Line:
    fields = {name: getattr(entry, name) for name in Line.__struct_fields__ if hasattr(entry, name)}
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
    fields |= {name: getattr(entry.usage, name) for name in names}
    return Line(**fields, day=day_of(entry.at), budgets=0)


def write_off(connection: sqlite3.Connection) -> int:
    """Free what a gateway that is no more had set aside, leaving a line for each call; return how many.

    Only for a caller who knows that no other gateway works on this file.
    """
    left = connection.execute(
        "SELECT r.*, a.currency FROM reservations r JOIN accounts a ON a.id = r.account_id"
    ).fetchall()
    for row in left:
        settle(connection, _lost(row), currency=row["currency"])
    return len(left)


_HELD = "SELECT coalesce(sum(nano), 0) FROM reservations WHERE account_id = ? AND expires_at > ?"
_RESERVE = """
INSERT INTO reservations (at, expires_at, account_id, key_id, request_id, asked_model, provider, nano)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


def _who(intent: Intent) -> tuple[float, float, int, int, str, str, str]:
    times = (intent.at, intent.at + RESERVED_FOR_S)
    return (*times, intent.account_id, intent.key_id, intent.request_id, intent.asked_model, intent.provider)


def _lost(row: sqlite3.Row) -> Entry:
    names = ("at", "account_id", "key_id", "request_id", "asked_model", "provider", "currency")
    return Entry(
        **{name: row[name] for name in names},
        model="",
        usage=Usage(),
        cost_nano=0,
        price_basis=LOST,
        latency_ms=0,
        outcome="lost",
        status=0,
    )


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
