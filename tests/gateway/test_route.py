"""What a name means with one upstream and with several, and what a configured route may and may not do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moongate import errors
from moongate.catalog.resolve import Pins
from moongate.facts.models import Listing, Model
from moongate.facts.providers import built_in, custom
from moongate.gateway import route
from moongate.gateway.route import Offer, Reading, table_of
from moongate.gateway.seams import Caller


def offer(name: str, provider: str, *ids: str, only: frozenset[str] | None = None, **pins: str) -> Offer:
    row = built_in()[provider]
    models = tuple(Model(id=each) for each in ids)
    listing = Listing(provider=provider, base_url=row.base_url, fetched_at=1.0, models=models)
    return Offer(name=name, row=row, listing=listing, pins=Pins(ids=pins), only=only)


MAIN = offer("main", "moonshot", "kimi-k2.6", "kimi-k3")
SPARE = offer("spare", "openrouter", "moonshotai/kimi-k2.6")
SECOND = offer("second", "moonshot", "kimi-k2.6")


def leads(table: route.Table) -> dict[str, list[str]]:
    return {
        name: [f"{reading.upstream} {reading.wire_id}" for reading in readings]
        for name, readings in table.accepted.items()
    }


def test_one_upstream_has_bare_ids_and_its_pins() -> None:
    pinned = replace(MAIN, pins=Pins(ids={"best": "kimi-k3", "gone": "kimi-k1", "kimi-k3": "kimi-k2.6"}))
    assert leads(table_of([pinned], {})) == {
        "kimi-k2.6": ["main kimi-k2.6"],
        "kimi-k3": ["main kimi-k3"],  # a pin never comes before a listed id
        "best": ["main kimi-k3"],
    }


def test_several_upstreams_are_named_and_bare_ids_serve_where_they_are_unique() -> None:
    assert leads(table_of([MAIN, SPARE], {})) == {
        "kimi-k2.6": ["main kimi-k2.6"],
        "main/kimi-k2.6": ["main kimi-k2.6"],
        "moonshot/kimi-k2.6": ["main kimi-k2.6"],
        "kimi-k3": ["main kimi-k3"],
        "main/kimi-k3": ["main kimi-k3"],
        "moonshot/kimi-k3": ["main kimi-k3"],
        "moonshotai/kimi-k2.6": ["spare moonshotai/kimi-k2.6"],
        "spare/moonshotai/kimi-k2.6": ["spare moonshotai/kimi-k2.6"],
        "openrouter/moonshotai/kimi-k2.6": ["spare moonshotai/kimi-k2.6"],
    }


def test_what_two_accounts_have_needs_the_account() -> None:
    table = table_of([MAIN, SECOND], {})
    assert set(table.accepted) == {"main/kimi-k2.6", "second/kimi-k2.6", "kimi-k3", "main/kimi-k3"}
    assert [reading.upstream for reading in table.ambiguous["kimi-k2.6"]] == ["main", "second"]
    refusal = route.refused_for_several("kimi-k2.6", table, tuple(table.accepted))
    assert refusal.suggestions == ("main/kimi-k2.6", "second/kimi-k2.6")
    assert "may mean 2 things" in refusal.message


def test_a_prefix_that_is_also_part_of_a_listed_id_is_not_guessed() -> None:
    vendor = offer("moonshotai", "aimlapi", "kimi-k2.6")
    table = table_of([vendor, SPARE], {})
    assert "moonshotai/kimi-k2.6" in table.ambiguous
    assert leads(table)["spare/moonshotai/kimi-k2.6"] == ["spare moonshotai/kimi-k2.6"]


def test_the_configuration_names_order_and_fallbacks() -> None:
    routes = {"best": ["spare/moonshotai/kimi-k2.6", "main/kimi-k2.6"], "kimi-k2.6": ["second/kimi-k2.6"]}
    table = table_of([MAIN, SPARE, SECOND], routes)
    assert leads(table)["best"] == ["spare moonshotai/kimi-k2.6", "main kimi-k2.6"]
    assert leads(table)["kimi-k2.6"] == ["second kimi-k2.6"]
    assert (table.notes, "kimi-k2.6" in table.ambiguous) == ((), False)


def test_a_route_may_not_give_a_listed_id_to_another_model() -> None:
    table = table_of([MAIN, SPARE], {"kimi-k2.6": ["main/kimi-k3"], "kimi-k3": ["spare/moonshotai/kimi-k2.6"]})
    assert leads(table)["kimi-k2.6"] == ["main kimi-k2.6"]
    assert leads(table)["kimi-k3"] == ["main kimi-k3"]
    assert len(table.notes) == 2
    table = table_of([MAIN, SPARE], {"kimi-k2.6": ["spare/moonshotai/kimi-k2.6"]})
    assert leads(table)["kimi-k2.6"] == ["spare moonshotai/kimi-k2.6"]  # the same model, elsewhere


def test_a_route_to_what_is_not_listed_is_left_out_and_said() -> None:
    table = table_of([MAIN, SPARE], {"a": ["main/kimi-k9", "main/kimi-k3"], "b": ["spare/kimi-k9"]})
    assert leads(table)["a"] == ["main kimi-k3"]
    assert "b" not in table.accepted
    assert table.notes == (
        "the route 'a' leads to 'main/kimi-k9', which is not listed",
        "the route 'b' leads to 'spare/kimi-k9', which is not listed",
    )


def test_only_what_is_let_through_is_offered() -> None:
    table = table_of([replace(MAIN, only=frozenset({"kimi-k3"})), SPARE], {})
    assert "kimi-k2.6" not in table.accepted
    assert "main/kimi-k3" in table.accepted
    nitro = "moonshotai/kimi-k2.6:nitro"
    table = table_of([replace(SPARE, only=frozenset({nitro}))], {})
    assert leads(table) == {nitro: [f"spare {nitro}"]}


def test_a_suffix_that_the_provider_takes_is_read_with_and_without_prefix() -> None:
    (reading,) = route.readings_of("moonshotai/kimi-k2.6:nitro", [MAIN, SPARE])
    assert (reading.upstream, reading.wire_id) == ("spare", "moonshotai/kimi-k2.6:nitro")
    assert route.readings_of("spare/moonshotai/kimi-k2.6:nitro", [MAIN, SPARE]) == (reading,)
    assert route.readings_of("moonshotai/kimi-k2.6:turbo", [MAIN, SPARE]) == ()


def test_an_upstream_without_a_list_offers_nothing() -> None:
    assert leads(table_of([replace(MAIN, listing=None)], {"a": ["main/kimi-k3"]})) == {}


def test_your_own_provider_is_named_like_any_other() -> None:
    row = custom("mine", base_url="http://127.0.0.1:1/v1")
    own = Offer(name="mine", row=row, listing=MAIN.listing)
    assert set(leads(table_of([own, SPARE], {}))) >= {"mine/kimi-k2.6", "kimi-k2.6"}


READING = Reading(upstream="main", provider="moonshot", wire_id="kimi-k2.6", model=Model(id="kimi-k2.6"))


@pytest.mark.parametrize(
    ("providers", "models", "allowed"),
    [
        (None, None, True),
        ({"main"}, None, True),
        ({"moonshot"}, None, True),
        ({"openrouter"}, None, False),
        (None, {"kimi-k2.6"}, True),
        (None, {"main/kimi-k2.6"}, True),
        (None, {"kimi-k3"}, False),
        ({"main"}, {"kimi-k3"}, False),
    ],
)
def test_what_a_key_may_use(providers: set[str] | None, models: set[str] | None, allowed: bool) -> None:
    caller = Caller(
        key_id=1,
        account_id=1,
        account="ada",
        currency="USD",
        providers=None if providers is None else frozenset(providers),
        models=None if models is None else frozenset(models),
    )
    assert bool(route.permitted("main/kimi-k2.6", (READING,), caller)) is allowed


def unsent(error: errors.MoongateError) -> errors.MoongateError:
    error.sent = False
    return error


@pytest.mark.parametrize(
    ("error", "elsewhere", "ill"),
    [
        (errors.RateLimitedError(), True, False),
        (errors.OverloadedError(), True, False),
        (errors.InsufficientBalanceError(), True, False),
        (errors.AuthenticationError(), True, False),
        (unsent(errors.UnreachableError()), True, True),
        (unsent(errors.TimedOutError()), True, True),
        (errors.UnreachableError(), False, True),
        (errors.TimedOutError(), False, True),
        (errors.ServerError(status=503), False, True),
        (errors.BrokenStreamError(), False, True),
        (errors.BadRequestError(), False, False),
        (errors.ContentFilterError(), False, False),
        (errors.ModelNotPermittedError(), False, False),
    ],
)
def test_a_call_goes_elsewhere_only_when_it_cannot_have_been_charged(
    error: errors.MoongateError, elsewhere: bool, ill: bool
) -> None:
    assert route.may_go_elsewhere(error) is elsewhere
    assert route.says_endpoint_is_ill(error) is ill


def test_refusals_name_what_the_key_may_ask_for() -> None:
    table = table_of([MAIN, SPARE], {})
    usable = tuple(table.accepted)
    refusal = route.refused_for_several("kimi-k2-6", table, usable)
    assert refusal.suggestions[0] == "kimi-k2.6"
    assert "No upstream of this gateway lists 'kimi-k2-6'" in str(refusal)
    assert route.not_for_this_key("kimi-k3", usable[:1]).suggestions == usable[:1]
    assert "may use no model" in str(route.not_for_this_key("kimi-k3", ()))
    assert route.not_served("moonshot/kimi-k2.6", MAIN, usable).suggestions == ("kimi-k2.6",)
    limited = replace(MAIN, only=frozenset({"kimi-k3"}))
    assert "not among the models" in str(route.not_served("kimi-k2.6", limited, ("kimi-k3",)))
