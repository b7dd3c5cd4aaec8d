from __future__ import annotations

import pytest


@pytest.fixture
def account(moongate) -> None:
    assert moongate("accounts", "create", "ada", "--balance", "10").code == 0


def test_a_key_is_made_with_every_limit(moongate, account) -> None:
    made = moongate(
        "keys", "create", "ada", "--name", "ci", "--model", "kimi-k2.6", "--model", "kimi-k3",
        "--provider", "moonshot", "--budget-day", "0.5", "--budget-month", "5",
        "--rpm", "60", "--tpm", "100000", "--concurrency", "4", "--expires", "2100-01-01", "--tag", "ci", "--json",
    )  # fmt: skip
    row = made.json
    assert row.pop("key").startswith(row["prefix"])
    assert {name: row[name] for name in ("models", "providers", "budget_day", "budget_month")} == {
        "models": ["kimi-k2.6", "kimi-k3"], "providers": ["moonshot"], "budget_day": "0.5", "budget_month": "5",
    }  # fmt: skip
    assert (row["rpm"], row["tpm"], row["concurrency"], row["tags"]) == (60, 100000, 4, ["ci"])
    assert row["expires_at"] == "2100-01-01T00:00:00Z"
    (listed,) = moongate("keys", "list", "--json").json["keys"]
    assert listed == row
    assert "budget-day 0.5, budget-month 5, rpm 60" in moongate("keys", "list").out


def test_limits_are_replaced_and_stay_when_a_key_is_rotated(moongate, account) -> None:
    secret = moongate("keys", "create", "ada", "--rpm", "5").out.strip()
    assert "tpm 7" in moongate("keys", "limit", secret[:14], "--tpm", "7").out
    rotated = moongate("keys", "rotate", "1", "--json").json
    assert (rotated["id"], rotated["rpm"], rotated["tpm"]) == (1, None, 7)
    assert rotated["key"] != secret


def test_a_limit_that_cannot_be_is_refused(moongate, account) -> None:
    for options in (
        ["--budget-day", "much"],
        ["--expires", "yesterday"],
        ["--expires", "2001-01-01"],
        ["--rpm", "0"],
    ):
        ran = moongate("keys", "create", "ada", *options)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.count("\n") == 1
    assert moongate("keys", "list", "--json").json == {"keys": []}


def test_the_admin_key_is_made_anew_and_shown_once(moongate) -> None:
    first, second = moongate("keys", "rotate", "admin"), moongate("keys", "rotate", "admin", "--json")
    assert first.out.startswith("sk-mg-admin-")
    assert second.json["key"] != first.out.strip()


def test_a_settings_file_says_which_gateways_keys_and_accounts_are_meant(moongate, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("MOONGATE_DATA_DIR", raising=False)
    own = tmp_path / "gate.toml"
    own.write_text(f'data_dir = "{tmp_path / "other"}"\n')
    assert moongate("accounts", "create", "them", "--balance", "1", "--config", str(own)).code == 0
    assert moongate("keys", "create", "them", "--config", str(own)).code == 0
    assert [row["account"] for row in moongate("keys", "list", "--json", "--config", str(own)).json["keys"]] == [
        "them"
    ]
    assert moongate("usage", "--gateway", "--json", "--config", str(own)).json == {"usage": []}
    assert (tmp_path / "other" / "gateway.sqlite3").exists()
    assert "them" not in moongate("accounts", "list").out
