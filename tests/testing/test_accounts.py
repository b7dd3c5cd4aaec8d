"""Accounts: keys, money."""

from __future__ import annotations

from decimal import Decimal

import httpx2

from moongate.testing import Account, MoonshotServer, Readings
from moongate.testing.accounts import cost
from moongate.testing.models import known


def test_vouchers_are_spent_first() -> None:
    account = Account(cash=Decimal(1), voucher=Decimal("0.5"))
    account.charge(Decimal("0.7"))
    assert (account.voucher, account.cash, account.available) == (0, Decimal("0.8"), Decimal("0.8"))
    account.charge(Decimal(1))
    assert (account.cash, account.available, account.spent) == (Decimal("-0.2"), 0, Decimal("1.7"))


def test_ids_of_an_account() -> None:
    account = Account(product="code")
    assert account.org.startswith("org-") and account.ak.startswith("ak-")
    assert account.key.startswith("sk-kimi-test-")
    assert Account(keys=["sk-mine"]).key == "sk-mine"


def test_cached_tokens_are_part_of_the_prompt() -> None:
    price = known()["platform"]["kimi-k2.6"].usd
    assert cost(price, prompt=1_000_000, cached=400_000, completion=100_000) == Decimal("1.034")
    assert cost(None, prompt=9, cached=0, completion=9) == 0


def test_sources_differ_on_what_a_call_without_a_key_is_told() -> None:
    kinds = []
    for reading in ("incorrect_api_key_error", "invalid_authentication_error"):
        with MoonshotServer(readings=Readings(no_key=reading)) as server:
            answer = httpx2.get(f"{server.base_url}/models", trust_env=False)
            kinds.append((answer.status_code, answer.json()["error"]["type"]))
    assert kinds == [(401, "incorrect_api_key_error"), (401, "invalid_authentication_error")]
