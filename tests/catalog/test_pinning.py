"""What is proposed for a name, and what a lock becomes with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.catalog.lock import Lock, Pin
from moongate.catalog.pinning import Listed, Used, again, akin, counterpart, named, pinned, used
from moongate.errors import UsageError
from moongate.facts.models import Listing, Model
from moongate.facts.providers import built_in

ROWS = built_in()
OPENROUTER = ("moonshotai/kimi-k2.6", "moonshotai/kimi-k2.6:free", "moonshotai/kimi-k2", "moonshotai/kimi-k3",
              "~moonshotai/kimi-latest", "openai/gpt-4o")  # fmt: skip


def _listed(provider: str, *ids: str, context: int | None = None) -> Listed:
    row = ROWS[provider]
    models = tuple(Model(id=i, context_length=context, floating=row.is_floating(i)) for i in ids)
    listing = Listing(
        provider=provider, base_url=row.base_url, fetched_at=1_700_000_000.5, models=models, sha256="00"
    )
    return Listed(row=row, listing=listing)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("k2.6", "moonshotai/kimi-k2.6"),
        ("K2.6", "moonshotai/kimi-k2.6"),
        ("kimi k2.6", "moonshotai/kimi-k2.6"),
        ("kimi-k2-6", "moonshotai/kimi-k2.6"),
        ("Kimi-K2.6", "moonshotai/kimi-k2.6"),
        ("moonshot/kimi-k2-6", "moonshotai/kimi-k2.6"),
        ("moonshot:kimi-k2.6", "moonshotai/kimi-k2.6"),
        ("moonshotai/kimi-k2.6:free", "moonshotai/kimi-k2.6:free"),
        ("kimi-k2.6:free", "moonshotai/kimi-k2.6:free"),
        ("moonshotai/kimi-k2.6:nitro", "moonshotai/kimi-k2.6:nitro"),
        ("openrouter/moonshotai/kimi-k3", "moonshotai/kimi-k3"),
        ("k2", "moonshotai/kimi-k2"),
        ("gpt-4o", "openai/gpt-4o"),
        ("kimi-k2.6-fast", None),
        ("kimi-k2.7", None),
        ("kimi", None),
        ("", None),
    ],
)
def test_the_counterpart_at_openrouter(name: str, found: str | None) -> None:
    listed = _listed("openrouter", *OPENROUTER)
    got = counterpart(name, listed.listing, listed.row)
    assert got == found or (name == "openrouter/moonshotai/kimi-k3" and got == name.removeprefix("openrouter/"))


@given(st.text(max_size=20))
def test_a_counterpart_is_always_something_the_endpoint_takes(name: str) -> None:
    listed = _listed("openrouter", *OPENROUTER)
    found = counterpart(name, listed.listing, listed.row)
    assert found is None or found.removesuffix(":nitro") in OPENROUTER


def test_one_name_at_several_endpoints() -> None:
    lists = [_listed("moonshot", "kimi-k2.6"), _listed("openrouter", *OPENROUTER), _listed("kimi-code", "kimi-k3")]
    plan = named("best=k2.6", Lock(), lists)
    assert [(each.provider, each.id, each.alias) for each in plan.proposals] == [
        ("moonshot", "kimi-k2.6", "best"),
        ("openrouter", "moonshotai/kimi-k2.6", "best"),
    ]
    assert plan.absent == ("Kimi Code lists no model called 'k2.6'",) and plan.unmet == ()
    assert [each.alias for each in named("kimi-k2.6", Lock(), lists).proposals] == ["kimi-k2.6", "kimi-k2.6"]
    assert [each.alias for each in named("kimi-k2.6", Lock(), lists[:1]).proposals] == [None]


def test_a_name_that_is_pinned_already_stands_for_its_ids() -> None:
    lock = Lock(aliases={"best": {"moonshot": "kimi-k3"}})
    plan = named("best", lock, [_listed("moonshot", "kimi-k3"), _listed("openrouter", *OPENROUTER)])
    assert [each.id for each in plan.proposals] == ["kimi-k3", "moonshotai/kimi-k3"]


@pytest.mark.parametrize("name", ["kimi-k3=kimi-k2.6", "kimi-k3=k9"])
def test_an_alias_that_any_endpoint_takes_itself_is_pinned_nowhere(name: str) -> None:
    plan = named(name, Lock(), [_listed("moonshot", "kimi-k2.6", "kimi-k3"), _listed("openrouter", *OPENROUTER)])
    assert plan.proposals == () and plan.unmet == (name,)


@pytest.mark.parametrize("name", ["", " ", "=", "best=", "=kimi-k2.6", "a\x1b[2J", "x" * 600])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(UsageError):
        named(name, Lock(), [_listed("moonshot", "kimi-k2.6")])


def test_evidence_changes_only_with_what_is_pinned() -> None:
    lists = [_listed("moonshot", "kimi-k2.6", "kimi-k3", context=1000)]
    first = pinned(Lock(), named("kimi-k2.6", Lock(), lists).proposals, lists)
    endpoint = first.endpoints["moonshot"]
    assert (endpoint.sha256, endpoint.total, endpoint.ids) == ("00", 2, {"kimi-k2.6": Pin(context=1000)})
    later = [_listed("moonshot", "kimi-k2.6", context=1000)]
    assert pinned(first, named("kimi-k2.6", first, later).proposals, later) == first
    renewed = pinned(first, again(first, later).proposals, later, renew=True)
    assert renewed.endpoints["moonshot"].total == 1
    assert pinned(first, (), [_listed("openrouter", *OPENROUTER)], renew=True) == first


def test_what_is_gone_keeps_its_pin() -> None:
    lists = [_listed("moonshot", "kimi-k2.6")]
    lock = pinned(Lock(), named("kimi-k2.6", Lock(), lists).proposals, lists)
    plan = again(lock, [_listed("moonshot", "kimi-k3")])
    assert plan.proposals == () and plan.unmet == ("kimi-k2.6",) and "stays as it was" in plan.absent[0]


def test_what_code_uses() -> None:
    lists = [_listed("moonshot", "kimi-k2.6"), _listed("openrouter", *OPENROUTER)]
    ids = [
        Used(provider="moonshot", id="kimi-k2.6", path="a.py", line=1),
        Used(provider="moonshot", id="kimi-k2.6", path="b.py", line=1),
        Used(provider=None, id="moonshotai/kimi-k3", path="a.py", line=2),
        Used(provider="aimlapi", id="x", path="a.py", line=3),
        Used(provider=None, id="best", path="a.py", line=4),
    ]
    lock = Lock(aliases={"best": {"moonshot": "kimi-k2.6"}}, default="openrouter")
    plan = used(ids, lock, lists)
    assert [(each.provider, each.id) for each in plan.proposals] == [
        ("moonshot", "kimi-k2.6"),
        ("openrouter", "moonshotai/kimi-k3"),
    ]
    assert plan.absent == ("a.py:3: 'x' is not pinned: there is no list of aimlapi",)
    nowhere = used(ids[2:3], Lock(), lists)
    assert "no default" in nowhere.absent[0] and nowhere.unmet == ("moonshotai/kimi-k3",)


def test_what_is_akin() -> None:
    assert akin(OPENROUTER, ["moonshotai/kimi-k2.6"]) == OPENROUTER[:5]
    assert akin(OPENROUTER, []) == () and akin(["kimi-k3", "42"], ["kimi-k2.6", "7"]) == ("kimi-k3",)
