"""Lists and balances in the shape of each dialect."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from moongate.testing import Account, MoonshotServer

Ask = Callable[..., Any]


def test_moonshot_lists_four_models(server: MoonshotServer, ask: Ask) -> None:
    answer = ask(server, "GET", "/models").json()
    assert answer["object"] == "list"
    assert {row["id"]: row["context_length"] for row in answer["data"]} == {
        "kimi-k3": 1048576,
        "kimi-k2.6": 262144,
        "kimi-k2.7-code": 262144,
        "kimi-k2.7-code-highspeed": 262144,
    }
    row = next(row for row in answer["data"] if row["id"] == "kimi-k2.6")
    assert row == {
        "id": "kimi-k2.6",
        "object": "model",
        "created": 1776700000,
        "owned_by": "moonshot",
        "context_length": 262144,
        "supports_image_in": True,
        "supports_video_in": True,
        "supports_reasoning": True,
    }
    assert answer["data"][0]["think_efforts"] == answer["data"][0]["reasoning_efforts"]


def test_an_account_sees_its_own_models(server: MoonshotServer, ask: Ask) -> None:
    other = server.accounts.add(Account(models=["kimi-k2.6"]))
    rows = ask(server, "GET", "/models", key=other.key).json()["data"]
    assert [row["id"] for row in rows] == ["kimi-k2.6"]


def test_rows_of_a_test_are_listed_as_they_are(ask: Ask) -> None:
    row = {"id": "kimi-k9", "object": "model", "context_length": 5, "future": {"a": 1}}
    with MoonshotServer(models=["kimi-k2.6", row]) as server:
        assert ask(server, "GET", "/models").json()["data"][1] == row


def test_kimi_code_lists_display_names(ask: Ask) -> None:
    with MoonshotServer(product="code") as server:
        assert server.base_url.endswith("/coding/v1")
        answer = ask(server, "GET", "/models").json()
    assert answer["has_more"] is False
    assert all("owned_by" not in row and row["type"] == "model" for row in answer["data"])
    assert answer["data"][0]["display_name"] == "K2.8 Preview"


def test_openrouter_has_no_object_and_prices_per_token(ask: Ask) -> None:
    with MoonshotServer(dialect="openrouter") as server:
        answer = ask(server, "GET", "/models", key=None).json()
        assert ask(server, "GET", "/models/user", key=None).status == 401
        assert ask(server, "GET", "/models/user").status == 200
    assert answer.keys() == {"data", "total_count", "links"}
    row = next(row for row in answer["data"] if row["id"] == "moonshotai/kimi-k2.6")
    assert "object" not in row and "owned_by" not in row
    assert row["pricing"] == {
        "prompt": "0.00000095",
        "completion": "0.000004",
        "input_cache_read": "0.00000016",
    }
    floating = next(row for row in answer["data"] if row["id"].startswith("~"))
    assert floating["alias_target"]["slug"] == "moonshotai/kimi-k3"


def test_aimlapi_repeats_ids_and_declares_aliases(ask: Ask) -> None:
    with MoonshotServer(dialect="aimlapi") as server:
        rows = ask(server, "GET", "/models", key=None).json()["data"]
        assert ask(server, "GET", "//models", key=None).json()["data"] == rows
    ids = [row["id"] for row in rows]
    assert ids.count("openai/gpt-4o") == 2
    assert rows[0]["info"]["contextLength"] == 256000
    assert "moonshotai/kimi-k2-6" in rows[0]["aliases"]
    assert not {"object", "created", "owned_by"} & rows[0].keys()


@pytest.mark.parametrize(("shape", "field"), [("array", "id"), ("vllm", "max_model_len")])
def test_other_shapes(ask: Ask, shape: Any, field: str) -> None:
    with MoonshotServer(dialect="openai", list_shape=shape) as server:
        answer = ask(server, "GET", "/models").json()
    rows = answer if shape == "array" else answer["data"]
    assert field in rows[0]


def test_moonshot_balance(server: MoonshotServer, ask: Ask) -> None:
    assert ask(server, "GET", "/users/me/balance").json() == {
        "code": 0,
        "data": {"available_balance": 49.58894, "voucher_balance": 46.58893, "cash_balance": 3.00001},
        "scode": "0x0",
        "status": True,
    }


def test_owed_cash_leaves_the_voucher(server: MoonshotServer, ask: Ask) -> None:
    account = server.accounts.default
    account.cash, account.voucher = Decimal("-2"), Decimal("1.5")
    data = ask(server, "GET", "/users/me/balance").json()["data"]
    assert (data["available_balance"], data["cash_balance"]) == (1.5, -2)


def test_openrouter_key_and_credits(ask: Ask) -> None:
    with MoonshotServer(dialect="openrouter") as server:
        server.accounts.default.unlimited = True
        assert ask(server, "GET", "/key").json()["data"]["limit_remaining"] is None
        refused = ask(server, "GET", "/credits")
        server.accounts.default.management = True
        answer = ask(server, "GET", "/credits").json()["data"]
    assert refused.json() == {"error": {"code": 403, "message": "Only management keys can perform this operation"}}
    assert answer["total_credits"] - answer["total_usage"] == pytest.approx(49.58894)


def test_aimlapi_billing_is_not_under_v1(ask: Ask) -> None:
    with MoonshotServer(dialect="aimlapi") as server:
        answer = ask(server, "GET", "//v2/billing").json()
        missing = ask(server, "GET", "/v2/billing")
    assert answer == {"current_balance": 49.58894, "currency": "USD"}
    assert missing.status == 404
    assert missing.json()["statusCode"] == 404


def test_other_dialects_have_no_moonshot_balance(ask: Ask) -> None:
    for dialect in ("openrouter", "aimlapi", "openai"):
        with MoonshotServer(dialect=dialect) as server:
            assert ask(server, "GET", "/users/me/balance").status == 404
