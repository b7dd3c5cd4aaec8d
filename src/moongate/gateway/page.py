"""The status page: what is served, at which price, and how fresh the list is. It shows no key and no account.

Plain HTML without scripts or anything from elsewhere; its policy allows the browser only the page's own style.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import string
import time
from decimal import Decimal
from importlib import resources

from moongate.catalog.explain import ago
from moongate.facts.models import Listing, Model
from moongate.facts.money import Price
from moongate.facts.providers import Provider
from moongate.gateway.meter import price_of

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def status_page(row: Provider, listing: Listing | None, *, now: float) -> str:
    """Return the page."""
    rows = "\n".join(_row(model, price_of(model, row)) for model in (listing.models if listing else ()))
    fields = {"title": html.escape(row.title), "freshness": html.escape(_freshness(listing, now)), "rows": rows}
    return string.Template(_template()).substitute(fields)


def policy() -> str:
    """Return the content security policy: nothing but the page's own style, by its hash."""
    style = _STYLE.search(_template())
    digest = base64.b64encode(hashlib.sha256((style[1] if style else "").encode()).digest()).decode()
    rest = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return f"default-src 'none'; style-src 'sha256-{digest}'; {rest}"


def _template() -> str:
    return resources.files("moongate.gateway").joinpath("status.html").read_text("utf-8")


def _freshness(listing: Listing | None, now: float) -> str:
    if listing is None:
        return "The list of models has not been had yet."
    count = f"{len(listing.ids)} model{'' if len(listing.ids) == 1 else 's'}"
    if listing.unverified_since is not None:
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(listing.unverified_since))
        return f"{count}, unverified since {when}: the live list cannot be had."
    return f"{count}, listed {ago(now - listing.fetched_at)}."


def _row(model: Model, price: Price | None) -> str:
    context = f"{model.context_length:,}" if model.context_length else "not known"
    cells = (model.id, context, *_prices(price))
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"


def _prices(price: Price | None) -> tuple[str, str, str, str]:
    if price is None:
        return ("", "", "", "no price known: calls are recorded and cost nothing here")
    cached = price.input if price.cached_input is None else price.cached_input
    amounts = (f"{_plain(amount)} {price.currency}" for amount in (price.input, cached, price.output))
    first, second, third = amounts
    return (first, second, third, price.basis)


def _plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f") if amount else "0"
