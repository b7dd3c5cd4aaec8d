"""Listings look ids up exactly; an alias never shadows an id."""

from __future__ import annotations

from moongate.facts.models import Listing, Model, Verdict


def test_a_listed_id_is_not_shadowed_by_an_alias() -> None:
    models = (Model(id="a", aliases=("b", "c")), Model(id="b"))
    listing = Listing(provider="moonshot", base_url="", fetched_at=1.0, models=models)
    assert listing.by_id["b"] is models[1] and "b" not in listing.by_alias and listing.by_alias["c"] is models[0]
    assert listing.ids == ("a", "b") and "A" not in listing.by_id


def test_a_verdict_allows_what_has_an_id() -> None:
    assert Verdict(name="x", provider="moonshot", found="listed", id="x").allowed
    assert not Verdict(name="x", provider="moonshot", found="not_listed").allowed
