"""Rows, and the rules that bind a base url to one."""

from __future__ import annotations

import pytest

from moongate.errors import BaseUrlError, ConfigError
from moongate.facts.providers import at, built_in, checked_url, custom, is_loopback, missing_version

ROWS = built_in()


def test_every_row_is_sourced_and_consistent() -> None:
    assert list(ROWS) == [
        *("moonshot", "moonshot-cn", "kimi-code", "kimi-code-global", "openrouter", "aimlapi", "local")
    ]
    for name, row in ROWS.items():
        assert row.source and row.date and row.name == name
        assert name == "local" or (row.at_home and checked_url(row.base_url) == row.base_url)
        assert row.region_twin is None or ROWS[row.region_twin].region_twin == name


def test_variables_belong_to_one_provider_unless_it_is_named() -> None:
    variables = [v for row in ROWS.values() for v in (*row.key_env, *row.url_env)]
    assert len(set(variables)) == len(variables) and "OPENAI_API_KEY" not in variables
    assert "KIMI_API_KEY" not in variables


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://api.moonshot.ai/v1", "moonshot"),
        ("https://API.Moonshot.AI/v1", "moonshot"),
        ("https://api.moonshot.cn/v1", "moonshot-cn"),
        ("https://api.kimi.com/coding/v1", "kimi-code"),
        ("https://api.kimi.ai/coding/v1", "kimi-code-global"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.aimlapi.com", "aimlapi"),
        ("https://api.kimi.com/other/v1", "mine"),
        ("https://api.kimi.com/codings/v1", "mine"),
        ("https://api.moonshot.ai.evil.example/v1", "mine"),
        ("https://evil.example/api.moonshot.ai/v1", "mine"),
    ],
)
def test_the_origin_decides_the_row(url: str, name: str) -> None:
    assert custom("mine", base_url=url).name == name
    assert at(ROWS["moonshot-cn"], url).name == (name if name != "mine" else "moonshot-cn")


def test_a_moved_row_is_not_at_home() -> None:
    row = at(ROWS["moonshot"], "http://127.0.0.1:9/v1")
    assert not row.at_home and "your" in row.title and row.key_env == ("MOONSHOT_API_KEY",)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("ftp://api.moonshot.ai/v1", "not an http"),
        ("api.moonshot.ai/v1", "not an http"),
        ("https://", "not an http"),
        ("https://[::1/v1", "malformed"),
        ("https://host:port/v1", "malformed"),
        ("https://a b/v1", "blank"),
        ("https://api.moonshot.ai/v1\n", "blank"),
        ("https://api.moonshot.ai/v1?x=1", "query"),
        ("https://api.moonshot.ai/v1#x", "query"),
        ("http://api.moonshot.ai/v1", "unencrypted"),
        ("http://127.0.0.1.evil.example/v1", "unencrypted"),
        ("https://api.moonshot.ai/v1/chat/completions", "route"),
        ("https://api.moonshot.ai/v1/models/", "route"),
    ],
)
def test_an_address_that_cannot_work_is_refused(url: str, fault: str) -> None:
    with pytest.raises(BaseUrlError, match=fault):
        checked_url(url)


@pytest.mark.parametrize("url", ["https://user:pa55word@api.moonshot.ai/v1", "https://pa55word@api.moonshot.ai/v1"])
def test_userinfo_is_refused_unrepeated(url: str) -> None:
    with pytest.raises(BaseUrlError) as caught:
        checked_url(url)
    assert "pa55word" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://api.moonshot.ai/v1/", "https://api.moonshot.ai/v1"),
        ("HTTPS://API.Moonshot.AI:443/v1", "https://api.moonshot.ai/v1"),
        ("http://localhost:8080/v1", "http://localhost:8080/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("http://127.0.0.1:80/v1", "http://127.0.0.1/v1"),
    ],
)
def test_an_address_is_written_one_way(url: str, clean: str) -> None:
    assert checked_url(url) == clean


def test_plain_http_only_when_meant() -> None:
    assert checked_url("http://box.example/v1", insecure_http=True) == "http://box.example/v1"
    assert is_loopback("127.9.9.9") and is_loopback("::1") and not is_loopback("127.example")


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("https://api.moonshot.ai", "https://api.moonshot.ai/v1"),
        ("https://api.moonshot.ai/v1", None),
        ("https://openrouter.ai/v1", "https://openrouter.ai/api/v1"),
    ],
)
def test_a_missing_version_is_noticed(url: str, meant: str | None) -> None:
    assert missing_version(at(ROWS["moonshot"], url)) == meant


@pytest.mark.parametrize(
    ("name", "like", "fault"),
    [("moonshot", "openai", "built-in"), ("openai", "openai", "built-in"), ("x", "y", "like")],
)
def test_custom_rows_are_checked(name: str, like: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        custom(name, base_url="https://box.example/v1", like=like)


def test_a_custom_row_has_only_its_own_key_variable() -> None:
    row = custom("mine", base_url="https://box.example/v1/", key_env="BOX_KEY", like="moonshot")
    assert (row.key_variables, row.url_env, row.hosts) == (("BOX_KEY",), (), ("box.example",))
    assert row.balance == "/users/me/balance" and row.list_auth == "required"
    assert custom("mine", base_url="https://box.example/v1").list_auth == "optional"


def test_urls_below_the_base_and_on_the_host() -> None:
    assert ROWS["aimlapi"].url("//v2/billing") == "https://api.aimlapi.com/v2/billing"
    assert ROWS["moonshot"].url("/models") == "https://api.moonshot.ai/v1/models"
    assert ROWS["openrouter"].is_floating("~moonshotai/kimi-latest") and not ROWS["moonshot"].is_floating("kimi-k2.6")
