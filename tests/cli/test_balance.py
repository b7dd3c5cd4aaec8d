from __future__ import annotations

from moongate.testing import Fault, MoonshotServer


def test_exact_amounts_with_their_currency(moongate, server) -> None:
    body = b'{"code":0,"data":{"available_balance":49.58894,"voucher_balance":46.58893,"cash_balance":3.00001}}'
    server.inject(Fault(path="/users/me/balance", status=200, body=body))
    ran = moongate("balance", "--json")
    assert ran.json == {
        "provider": "moonshot", "currency": "USD", "available": "49.58894",
        "unlimited": False, "cash": "3.00001", "voucher": "46.58893",
    }  # fmt: skip


def test_money_owed(moongate, server) -> None:
    body = b'{"code":0,"data":{"available_balance":0.5,"voucher_balance":0.5,"cash_balance":-12.00003}}'
    server.inject(Fault(path="/users/me/balance", status=200, body=body))
    ran = moongate("balance")
    assert ran.out == "0.5 USD\n"
    assert "cash -12.00003 USD" in ran.err


def test_a_key_without_a_limit(moongate, monkeypatch) -> None:
    with MoonshotServer(dialect="openrouter") as server:
        monkeypatch.setenv("OPENROUTER_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
        server.inject(Fault(path="/key", status=200, body={"data": {"limit_remaining": None}}))
        ran = moongate("balance", "--json")
    assert (ran.json["available"], ran.json["unlimited"]) == (None, True)


def test_a_provider_without_a_balance(moongate, monkeypatch) -> None:
    monkeypatch.setenv("KIMI_CODE_API_KEY", "sk-kimi-x")
    ran = moongate("balance")
    assert ran.code == 2
    assert "no balance" in ran.err
