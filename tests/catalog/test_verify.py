"""Whether pins hold: what proves that one is gone, and what proves nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.catalog.lock import Endpoint, Lock, Pin
from moongate.catalog.verify import difference, verified, well_formed
from moongate.facts.models import Listing, Model
from moongate.facts.providers import built_in

ROWS = built_in()


def _listing(provider: str, *models: Model | str, partial: str = "") -> Listing:
    rows = tuple(model if isinstance(model, Model) else Model(id=model) for model in models)
    return Listing(provider=provider, base_url="", fetched_at=1.0, models=rows, partial=partial)


def _lock(provider: str, *listed: str, **pins: Pin) -> Lock:
    ids = {name.replace("_", "."): pin for name, pin in pins.items()}
    at = datetime(2026, 11, 25, tzinfo=UTC)
    endpoint = Endpoint(base_url="x", listed_at=at, sha256="00", total=len(listed), listed=listed, ids=ids)
    return Lock(endpoints={provider: endpoint})


def _status(lock: Lock, provider: str, listing: Listing) -> tuple[str, str]:
    (found,) = verified(lock, ROWS[provider], listing)
    return found.status, found.detail


def test_a_listed_pin_holds_and_says_until_when() -> None:
    lock = _lock("moonshot", kimi=Pin())
    assert _status(lock, "moonshot", _listing("moonshot", "kimi")) == ("holds", "listed")
    ending = Model(id="kimi", expires="2027-01-01")
    assert _status(lock, "moonshot", _listing("moonshot", ending)) == ("holds", "listed until 2027-01-01")


def test_gone_needs_a_whole_and_fresh_list() -> None:
    lock = _lock("moonshot", kimi=Pin())
    gone = _listing("moonshot", "other")
    assert _status(lock, "moonshot", gone)[0] == "gone"
    assert _status(lock, "moonshot", replace(gone, partial="it is empty"))[0] == "unverified"
    assert _status(lock, "moonshot", replace(gone, unverified_since=5.0))[0] == "unverified"
    assert _status(lock, "moonshot", replace(_listing("moonshot", "kimi"), unverified_since=5.0))[0] == "unverified"


def test_why_it_is_gone() -> None:
    lock = Lock(aliases={"old": {"moonshot": "kimi-k2-0711-preview"}})
    assert "retired on 2026-05-25" in _status(lock, "moonshot", _listing("moonshot", "kimi-k2.6"))[1]


def test_suffixes_and_declared_aliases_hold() -> None:
    router = Lock(aliases={"fast": {"openrouter": "moonshotai/kimi-k2.6:nitro"}})
    assert _status(router, "openrouter", _listing("openrouter", "moonshotai/kimi-k2.6"))[0] == "holds"
    aimlapi = Lock(aliases={"k": {"aimlapi": "kimi-k2-6"}})
    model = Model(id="moonshot/kimi-k2-6", aliases=("kimi-k2-6",))
    assert _status(aimlapi, "aimlapi", _listing("aimlapi", model))[0] == "holds"


@pytest.mark.parametrize("now", ["Kimi", "KIMI"])
def test_other_letters_are_no_alarm(now: str) -> None:
    lock = _lock("moonshot", "kimi", kimi=Pin(context=5))
    status, detail = _status(lock, "moonshot", _listing("moonshot", Model(id=now, context_length=5)))
    assert status == "holds" and repr(now) in detail
    shrunk = _listing("moonshot", Model(id=now, context_length=4))
    assert _status(lock, "moonshot", shrunk)[0] == "changed"


def test_floating_counts_once_it_was_not_known() -> None:
    listing = _listing("moonshot", Model(id="kimi", floating=True))
    assert _status(_lock("moonshot", kimi=Pin()), "moonshot", listing)[0] == "floating"
    assert _status(_lock("moonshot", kimi=Pin(floating=True)), "moonshot", listing)[0] == "holds"
    assert _status(Lock(aliases={"a": {"moonshot": "kimi"}}), "moonshot", listing)[0] == "floating"


def test_the_form_alone() -> None:
    lock = Lock(aliases={"a": {"moonshot": "kimi-latest"}, "b": {"moonshot": "kimi-k3"}})
    assert [found.status for found in well_formed(lock, "moonshot", ROWS["moonshot"])] == ["unverified", "floating"]
    assert {found.status for found in well_formed(lock, "moonshot", None)} == {"unverified"}


facts = st.builds(
    Model,
    id=st.just("kimi"),
    context_length=st.none() | st.integers(1, 9),
    reasoning=st.none() | st.booleans(),
    floating=st.booleans(),
)


@given(facts, st.lists(st.sampled_from(["kimi", "kimi-k3", "Kimi", "x"]), max_size=3, unique=True), st.booleans())
def test_a_pin_fails_only_for_what_the_list_says(model: Model, others: list[str], partial: bool) -> None:
    lock = _lock("moonshot", kimi=Pin(context=5, reasoning=True))
    rows = [model if name == "kimi" else Model(id=name) for name in others]
    status, _ = _status(lock, "moonshot", _listing("moonshot", *rows, partial="p" if partial else ""))
    if "kimi" in others:
        lost = (model.context_length or 5) < 5 or model.reasoning is False
        assert status == ("floating" if model.floating else "changed" if lost else "holds")
    elif "Kimi" in others:
        assert status == "holds"
    else:
        assert status == ("unverified" if partial else "gone")


def test_a_lock_held_against_the_list_it_was_made_from_shows_no_difference() -> None:
    lock = _lock("openrouter", "moonshotai/kimi-k2.6", **{"moonshotai/kimi-k2_6": Pin()})
    found = difference(
        lock.endpoints["openrouter"], ROWS["openrouter"], _listing("openrouter", "moonshotai/kimi-k2.6")
    )
    assert (found.appeared, found.gone, found.changed) == ((), (), ())


def test_a_suffix_that_is_taken_is_not_gone() -> None:
    lock = _lock("openrouter", "a/b", **{"a/b:nitro": Pin(), "c:nitro": Pin()})
    found = difference(lock.endpoints["openrouter"], ROWS["openrouter"], _listing("openrouter", "a/b"))
    assert found.gone == ("c:nitro",)
