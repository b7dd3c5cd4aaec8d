"""The admin routes of a real gateway: only with the admin key, and the same words as the command line's."""

from __future__ import annotations

import time
from typing import Any

import pytest


@pytest.fixture
def admin(client: Any, kit: Any) -> Any:
    """The same gateway, for who holds the admin key."""
    return kit.caller(client.running, client.running.desk.new_admin_key())


def test_only_the_admin_key_opens_the_admin_routes(client: Any, admin: Any, kit: Any) -> None:
    for path in ("/admin/accounts", "/admin/keys", "/admin/usage"):
        assert client.ask("GET", path).status == 401
        assert client.ask("GET", path, headers={"authorization": None}).status == 401
        assert admin.ask("GET", path).status == 200
    assert admin.chat().status == 401  # it opens nothing else
    new = kit.caller(client.running, client.running.desk.new_admin_key())
    assert admin.ask("GET", "/admin/accounts").status == 401
    assert new.ask("GET", "/admin/accounts").status == 200


def test_accounts_are_made_and_topped_up(admin: Any) -> None:
    made = admin.ask("POST", "/admin/accounts", {"name": "bob", "balance": "2.5"})
    assert (made.status, made.json()["balance"], made.json()["currency"]) == (201, "2.5", "USD")
    assert admin.ask("POST", "/admin/accounts/bob/top-up", {"amount": 1}).json()["balance"] == "3.5"
    names = [account["name"] for account in admin.ask("GET", "/admin/accounts").json()["accounts"]]
    assert names == ["ada", "bob"]


def test_a_key_is_made_with_limits_used_changed_rotated_and_revoked(client: Any, admin: Any, kit: Any) -> None:
    limits = {"budget_day": "0.5", "rpm": 10, "models": ["kimi-k2.6"], "expires_at": "30d", "tags": ["ci"]}
    made = admin.ask("POST", "/admin/keys", {"account": "ada", "name": "ci", **limits})
    assert made.status == 201
    key = made.json()
    assert (key["budget_day"], key["rpm"], key["tags"], key["tpm"]) == ("0.5", 10, ["ci"], None)
    assert key["expires_at"] > time.strftime("%Y-%m-%d", time.gmtime())
    assert kit.caller(client.running, key["key"]).chat().status == 200
    listed = admin.ask("GET", "/admin/keys?account=ada").json()["keys"]
    assert [row["name"] for row in listed] == ["test", "ci"]
    assert "key" not in listed[1]
    changed = admin.ask("PATCH", f"/admin/keys/{key['id']}", {"rpm": None, "tpm": 1000}).json()
    assert (changed["rpm"], changed["tpm"], changed["budget_day"]) == (None, 1000, "0.5")
    rotated = admin.ask("POST", f"/admin/keys/{key['id']}/rotate", {}).json()
    assert (rotated["id"], rotated["tpm"]) == (key["id"], 1000)
    assert rotated["key"] != key["key"]
    assert admin.ask("DELETE", f"/admin/keys/{key['id']}").json()["revoked_at"]
    assert admin.ask("DELETE", f"/admin/keys/{key['id']}").status == 404


def test_usage_is_told_in_groups_as_json_and_csv(client: Any, admin: Any, kit: Any) -> None:
    client.chat()
    kit.eventually(lambda: client.ledger)
    (line,) = admin.ask("GET", "/admin/usage?by=day,key,tag").json()["usage"]
    assert (line["calls"], line["failed"], line["tag"]) == (1, 0, "")
    assert (line["day"], line["key"]) == (time.strftime("%Y-%m-%d", time.gmtime()), 1)
    assert float(line["cost"]) > 0
    table = admin.ask("GET", "/admin/usage?by=model&format=csv")
    assert table.headers["content-type"].startswith("text/csv")
    head, row = table.body.decode().splitlines()
    assert head.startswith("model,calls,failed,")
    assert row.startswith("kimi-k2.6,1,0,")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "/admin/accounts", {"name": "ada"}, 400, "already an account 'ada'"),
        ("POST", "/admin/accounts", {"name": 5}, 400, "name is 5, expected a text"),
        ("POST", "/admin/accounts", {"name": "x", "balance": "much"}, 400, "not an amount of money"),
        ("POST", "/admin/accounts", {"title": "x"}, 400, "no 'title'"),
        ("POST", "/admin/accounts", b"[]", 400, "not a JSON object"),
        ("POST", "/admin/accounts/eve/top-up", {"amount": "1"}, 404, "no account 'eve'"),
        ("POST", "/admin/accounts/ada/top-up", {}, 400, "The amount is missing"),
        ("POST", "/admin/keys", {"account": "eve"}, 400, "no account 'eve'"),
        ("POST", "/admin/keys", {"account": "ada", "rpm": "many"}, 400, "rpm is 'many', expected a whole number"),
        ("POST", "/admin/keys", {"account": "ada", "rpm": 0}, 400, "rpm is 0, expected a number from 1"),
        ("POST", "/admin/keys", {"account": "ada", "models": "m"}, 400, "models is 'm', expected a list"),
        ("POST", "/admin/keys", {"account": "ada", "expires_at": "2001-01-01"}, 400, "is past"),
        ("POST", "/admin/keys", {"account": "ada", "expires_at": "soon"}, 400, "no moment"),
        ("POST", "/admin/keys", {"account": "ada", "budget_day": "-1"}, 400, "expected an amount from 0"),
        ("PATCH", "/admin/keys/77", {"rpm": 1}, 404, "no key '77'"),
        ("GET", "/admin/usage?by=colour", None, 400, "by 'colour'"),
        ("GET", "/admin/usage?days=0", None, 400, "days is '0'"),
        ("GET", "/admin/content/nothing", None, 404, "Nothing is kept"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    admin: Any, method: str, path: str, body: object, status: int, message: str
) -> None:
    got = admin.ask(method, path, body)
    assert (got.status, message in got.error["message"]) == (status, True), got.body
