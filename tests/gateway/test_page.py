"""The status page: escaped, without scripts, and with a policy that fits its style."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

from moongate.facts.models import Listing, Model
from moongate.facts.providers import built_in
from moongate.gateway.page import policy, status_page
from moongate.gateway.route import Offer

LISTING = Listing(
    provider="local",
    base_url="http://127.0.0.1:1/v1",
    fetched_at=1000.0,
    models=(Model(id="<b>&$x", context_length=2048),),
)
OFFER = Offer(name="local", row=built_in()["local"], listing=LISTING)


def test_ids_are_escaped_and_the_price_is_called_fictional() -> None:
    page = status_page([OFFER], now=1100.0)
    assert "&lt;b&gt;&amp;$x" in page
    assert "<b>" not in page
    assert "fictional price of the embedded model" in page
    assert "1 model, listed 2 min ago." in page
    assert "<script" not in page
    assert "http" not in page


def test_it_says_how_fresh_the_list_is() -> None:
    assert "has not been had yet" in status_page([replace(OFFER, listing=None)], now=0.0)
    stale = replace(LISTING, unverified_since=0.0)
    assert "unverified since 1970-01-01 00:00 UTC" in status_page([replace(OFFER, listing=stale)], now=1.0)


def test_the_policy_allows_exactly_the_pages_style() -> None:
    style = status_page([OFFER], now=0.0).split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy()
    assert "default-src 'none'" in policy()


def test_several_upstreams_are_told_apart_and_show_what_they_let_through() -> None:
    other = replace(OFFER, name="<i>", only=frozenset())
    page = status_page([OFFER, other], now=1100.0)
    assert page.count("<h2>") == page.count("<table>") == 2
    assert "<h2>&lt;i&gt;</h2>" in page
    assert page.count("&lt;b&gt;&amp;$x") == 1
