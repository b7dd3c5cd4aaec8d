"""The fake's accounts: keys, money, tier, and which models each may see.

Accounts are state that a test may read and change at any time. Limits are counted in `limits`, not here.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from moongate.testing.exchange import Received, Refusal, refuse
from moongate.testing.models import Price

Region = Literal["ai", "cn"]
KeyFault = Literal["no_key", "wrong_key"]


def _hex(length: int) -> str:
    return secrets.token_hex(length // 2)


@dataclass(kw_only=True)
class Account:
    """One organisation: its keys, its money (USD on `ai`, CNY on `cn`) and its rights."""

    keys: list[str] = field(default_factory=list)  # the first is made up when none is given
    region: Region = "ai"
    product: Literal["platform", "code"] = "platform"
    cash: Decimal = Decimal("3.00001")  # may fall below zero: money owed
    voucher: Decimal = Decimal("46.58893")  # never below zero, spent first
    tier: int | None = None  # 0 to 5 as documented; None: no limits
    models: list[str] | None = None  # ids this account sees and may call; None: all that the server has
    denied: set[str] = field(default_factory=set)  # ids that its list has but that calls answer "not found" to
    unlimited: bool = False  # OpenRouter's keys without a limit
    management: bool = False  # OpenRouter's management keys may read /credits
    spent: Decimal = Decimal(0)  # by this server's charges
    org: str = field(default_factory=lambda: f"org-{_hex(16)}")
    ak: str = field(default_factory=lambda: f"ak-{_hex(16)}")

    def __post_init__(self) -> None:
        self.cash, self.voucher = Decimal(self.cash), Decimal(self.voucher)
        if not self.keys:
            self.keys = [f"sk-{'kimi-' if self.product == 'code' else ''}test-{_hex(32)}"]

    @property
    def key(self) -> str:
        """The first key."""
        return self.keys[0]

    @property
    def currency(self) -> str:
        """USD on the international platform, CNY on the Chinese one."""
        return "CNY" if self.region == "cn" else "USD"

    @property
    def available(self) -> Decimal:
        """Cash and voucher; only the voucher when money is owed."""
        return self.voucher + max(self.cash, Decimal(0))

    def sees(self, model: str) -> bool:
        """Say whether this account's list carries the id."""
        return self.models is None or model in self.models

    def charge(self, amount: Decimal) -> None:
        """Take money: from the voucher first, then from the cash, which may become negative."""
        from_voucher = min(self.voucher, amount)
        self.voucher -= from_voucher
        self.cash -= amount - from_voucher
        self.spent += amount


class Accounts:
    """Every account the server knows, of every region and product; the first is the default one."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._accounts = list(accounts)

    def __iter__(self) -> Iterator[Account]:
        return iter(tuple(self._accounts))

    def __len__(self) -> int:
        return len(self._accounts)

    @property
    def default(self) -> Account:
        """The account whose key is `server.key`."""
        return self._accounts[0]

    def add(self, account: Account) -> Account:
        """Let the server know another account, and return it."""
        self._accounts.append(account)
        return account

    def owner(self, key: str) -> Account | None:
        """Return the account that a key belongs to."""
        return next((account for account in tuple(self._accounts) if key in account.keys), None)

    def authenticated(
        self,
        request: Received,
        *,
        region: str,
        product: str,
        unnamed: KeyFault = "no_key",
        unknown: KeyFault = "wrong_key",
    ) -> Account:
        """Return who is calling; a missing, unknown or foreign key raises the 401 that it gets here.

        `unnamed` is the refusal of a call without any key, `unknown` that of a wrong one: sources word both
        differently.
        """
        header = request.headers.get("authorization", "")
        scheme, _, key = header.partition(" ")
        if not header or scheme.lower() != "bearer" or not key.strip():
            raise refuse(unnamed)
        account = self.owner(key.strip())
        if account is None or account.product != product or account.region != region:
            raise refuse(unknown)
        return account


def cost(price: Price | None, *, prompt: int, cached: int, completion: int) -> Decimal:
    """Price one call: cached tokens are part of the prompt, reasoning is part of the completion."""
    if price is None:
        return Decimal(0)
    total = (prompt - cached) * price.miss + cached * price.hit + completion * price.output
    return total / Decimal(1_000_000)


def told_to(account: Account, name: str, *, headers: tuple[tuple[str, str], ...] = ()) -> Refusal:
    """Return the refusal of that name as this account would read it, every number in it a zero."""
    zeros: dict[str, object] = dict.fromkeys(("limit", "seconds", "current", "credit"), 0)
    return Refusal(
        name=name, fields={**zeros, "scope": "organization", "org": account.org, "ak": account.ak}, headers=headers
    )
