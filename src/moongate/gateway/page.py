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
from collections.abc import Sequence
from decimal import Decimal
from importlib import resources

from moongate.catalog.explain import ago
from moongate.facts.models import Listing, Model
from moongate.facts.money import Price
from moongate.gateway.meter import price_of
from moongate.gateway.route import Offer

_COLUMNS = ("model", "context, tokens", "input per million", "cached input", "output", "price from")
_HEAD = f"<thead><tr>{''.join(f'<th>{name}</th>' for name in _COLUMNS)}</tr></thead>"
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def status_page(offers: Sequence[Offer], *, now: float) -> str:
    """Return the page."""
    several = len(offers) > 1
    parts = [_part(offer, now, f"<h2>{html.escape(offer.name)}</h2>\n" if several else "") for offer in offers]
    return string.Template(_template()).substitute(parts="\n".join(parts))


def _part(offer: Offer, now: float, heading: str) -> str:
    """Return what is served of one upstream."""
    models = () if offer.listing is None else [offer.listing.by_id[model_id] for model_id in offer.ids]
    rows = "\n".join(_row(model, price_of(model, offer.row)) for model in models)
    title, freshness = html.escape(offer.row.title), html.escape(_freshness(offer.listing, now))
    return f"{heading}<p>Serving {title}. {freshness}</p>\n<table>\n{_HEAD}\n<tbody>\n{rows}\n</tbody>\n</table>"


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
