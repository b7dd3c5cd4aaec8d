"""What a name means at an endpoint. The central property: nothing is allowed that was not listed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.catalog.resolve import Pins, likeness, nearest, normal, resolve
from moongate.facts.models import Listing, Model, Verdict
from moongate.facts.providers import at, built_in

ROWS = built_in()


def _listing(provider: str, *ids: str, aliases: dict[str, tuple[str, ...]] | None = None) -> Listing:
    models = tuple(
        Model(id=i, aliases=(aliases or {}).get(i, ()), floating=ROWS[provider].is_floating(i)) for i in ids
    )
    return Listing(provider=provider, base_url=ROWS[provider].base_url, fetched_at=1.0, models=models)


ONE = _listing("moonshot", "kimi-k2.6")


def _at_moonshot(name: str, pins: Pins | None = None) -> Verdict:
    return resolve(name, ONE, ROWS["moonshot"], pins=pins)


@pytest.mark.parametrize(
    ("name", "reason", "belongs_to"),
    [
        ("moonshotai/kimi-k2.6", "foreign", {"OpenRouter"}),
        ("kimi-k2-6", "foreign", {"AIMLAPI", "Venice"}),
        ("moonshot/kimi-k2-6", "foreign", {"AIMLAPI"}),
        ("openrouter/kimi-k2.6", "foreign", set()),
        ("moonshot-cn/kimi-k2.6", "foreign", set()),
        ("kimi-code:kimi-k2.6", "foreign", set()),
        ("Kimi-K2.6", "case", set()),
        ("KIMI-K2.6", "case", set()),
        ("kimi-k2.6-thinking", "invented", set()),
        ("kimi-k2-0711-preview", "retired", set()),
        ("kimi-latest", "retired", set()),
        ("kimi-k2.6-latest", "floating", set()),
        ("kimi-k2..6", "typo", set()),
        ("kmi-k2.6", "typo", set()),
        ("kimi k2.6", "typo", set()),
        (" kimi-k2.6", "typo", set()),
        ("kimi-k2.6\n", "typo", set()),
    ],
)
def test_refused_with_its_reason_and_the_right_id(name: str, reason: str, belongs_to: set[str]) -> None:
    verdict = _at_moonshot(name)
    assert (verdict.found, verdict.id, verdict.reason) == ("not_listed", None, reason)
    assert belongs_to <= set(verdict.belongs_to) and verdict.suggestions == ("kimi-k2.6",)


def test_a_retired_id_says_when() -> None:
    verdict = _at_moonshot("kimi-k2-0711-preview")
    assert verdict.retired_on == "2026-05-25" and "2026-05-25" in verdict.note


@pytest.mark.parametrize(
    "name", ["zzz", "", "🌙", "x" * 10_000, "\x00", "/", ":", "moonshot/", "kimi-k2.6/", "[", "\ud800"]
)
def test_anything_else_is_unknown_or_unlike(name: str) -> None:
    assert not _at_moonshot(name).allowed


@pytest.mark.parametrize("name", ["kimi-k2.6", "moonshot/kimi-k2.6", "moonshot:kimi-k2.6"])
def test_the_own_prefix_is_routing(name: str) -> None:
    verdict = _at_moonshot(name)
    assert (verdict.found, verdict.id, verdict.name, verdict.model) == ("listed", "kimi-k2.6", name, ONE.models[0])
    assert not _at_moonshot(f"moonshot/{name}").allowed or name == "kimi-k2.6"


def test_a_listed_id_with_a_providers_prefix_is_itself() -> None:
    listing = _listing("aimlapi", "aimlapi/x", "x")
    assert resolve("aimlapi/x", listing, ROWS["aimlapi"]).id == "aimlapi/x"


K26 = "moonshotai/kimi-k2.6"


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        (K26, K26),
        (f"{K26}:nitro", f"{K26}:nitro"),
        (f"{K26}:floor", f"{K26}:floor"),
        (f"openrouter/{K26}:exacto", f"{K26}:exacto"),
        (f"openrouter:{K26}", K26),
        (f"{K26}:free", None),
        (f"{K26}:thinking", None),
        (f"{K26}:nitro:floor", None),
        (f"{K26}-20260420", None),
        ("kimi-k2.6", None),
        (":nitro", None),
    ],
)
def test_openrouters_suffixes(name: str, sent: str | None) -> None:
    verdict = resolve(name, _listing("openrouter", K26), ROWS["openrouter"])
    assert verdict.id == sent and (sent is not None or verdict.suggestions == (K26,) or name == ":nitro")


def test_a_suffix_is_for_the_rows_that_declare_it() -> None:
    assert not _at_moonshot("kimi-k2.6:nitro").allowed


def test_declared_aliases_are_sent_as_they_are() -> None:
    listing = _listing("aimlapi", "moonshot/kimi-k2-6", aliases={"moonshot/kimi-k2-6": ("kimi-k2-6",)})
    verdict = resolve("kimi-k2-6", listing, ROWS["aimlapi"])
    assert (verdict.found, verdict.id) == ("alias", "kimi-k2-6") and verdict.model is listing.models[0]
    assert not resolve("Kimi-K2-6", listing, ROWS["aimlapi"]).allowed


def test_pins_come_after_listed_ids() -> None:
    listing = _listing("moonshot", "kimi-k2.6", "kimi-k3")
    pins = Pins(ids={"best": "kimi-k3", "kimi-k2.6": "kimi-k3", "gone": "kimi-k2.5"})
    found = {name: resolve(name, listing, ROWS["moonshot"], pins=pins).id for name in (*pins.ids, "moonshot/best")}
    assert found == {"best": "kimi-k3", "kimi-k2.6": "kimi-k2.6", "gone": None, "moonshot/best": "kimi-k3"}


def test_a_pin_may_stand_for_whatever_the_endpoint_takes() -> None:
    router = resolve("fast", _listing("openrouter", K26), ROWS["openrouter"], pins=Pins(ids={"fast": f"{K26}:nitro"}))
    assert router.id == f"{K26}:nitro" and router.pinned == router.id
    listing = _listing("aimlapi", "moonshot/kimi-k2-6", aliases={"moonshot/kimi-k2-6": ("kimi-k2-6",)})
    assert resolve("k", listing, ROWS["aimlapi"], pins=Pins(ids={"k": "kimi-k2-6"})).id == "kimi-k2-6"


def test_a_pin_that_leads_nowhere_is_explained_by_its_id() -> None:
    verdict = _at_moonshot("old", Pins(ids={"old": "kimi-k2-0711-preview"}))
    assert (verdict.id, verdict.reason, verdict.pinned) == (None, "retired", "kimi-k2-0711-preview")


def test_a_floating_id_is_sent_and_said() -> None:
    verdict = resolve("kimi-for-coding", _listing("kimi-code", "kimi-for-coding"), ROWS["kimi-code"])
    assert verdict.allowed and verdict.reason == "floating" and "re-points" in verdict.note


def test_an_empty_list_allows_nothing() -> None:
    verdict = resolve("kimi-k2.6", _listing("moonshot"), ROWS["moonshot"])
    assert not verdict.allowed and verdict.suggestions == ()


names = st.sampled_from(["kimi-k2.6", "kimi-k3", K26, "moonshot/kimi-k2-6", "kimi-k2-6", "best", "a", "Kimi-K2.6"])
edges = st.sampled_from(["", *ROWS, "x"]).flatmap(lambda p: st.sampled_from(["", f"{p}/", f"{p}:"]))
endings = st.sampled_from(["", ":nitro", ":floor", ":exacto", ":online", ":free", " ", "\n", "\x00"])
typed = st.tuples(edges, names | st.text(max_size=12), endings).map("".join) | st.text(max_size=30)


@given(
    st.sampled_from([name for name in ROWS if name != "local"]),
    st.lists(names | typed, max_size=5),
    st.dictionaries(names, st.lists(names | typed, max_size=3).map(tuple), max_size=3),
    st.dictionaries(names | typed, names | typed, max_size=3),
    typed | names,
)
def test_nothing_is_allowed_that_is_not_listed(
    provider: str, ids: list[str], aliases: dict[str, tuple[str, ...]], pinned: dict[str, str], name: str
) -> None:
    listing = _listing(provider, *ids, aliases=aliases)
    verdict = resolve(name, listing, ROWS[provider], pins=Pins(ids=pinned))
    declared = {*ids, *(alias for i in ids for alias in aliases.get(i, ()))}
    sendable = declared | {d + suffix for d in declared for suffix in ROWS[provider].suffixes}
    assert verdict.id is None or verdict.id in sendable
    assert (verdict.model is None) == (verdict.id is None) == (not verdict.allowed)
    assert set(verdict.suggestions) <= set(ids) and len(verdict.suggestions) <= 3
    if name in ids:
        assert verdict.id == name
    elif verdict.id is not None and verdict.id != name:  # something else is sent: a route taken off, or a pin
        routes = {name.removeprefix(f"{provider}/"), name.removeprefix(f"{provider}:")}
        assert verdict.id in routes | {pinned.get(r) for r in {name, *routes}}


@pytest.mark.parametrize(
    "name",
    ["kimi-k2.6", "Kimi-K2_6", "kimi-k2-6", "moonshotai/kimi-k2p6", "parasail-kimi-k26".removeprefix("parasail-"),
     "hf:moonshotai/Kimi-K2.6", "moonshotai/Kimi-K2.6-TEE", "kimi-k2.6@eu", "moonshotai/kimi-k2.6-20260420",
     "@cf/moonshotai/kimi-k2.6", "moonshotai/kimi-k2.6:free"],
)  # fmt: skip
def test_spellings_of_one_model_meet(name: str) -> None:
    assert normal(name) == "kimi-k2.6" and likeness(name, "kimi-k2.6") == 100


def test_nearest_prefers_other_spellings_then_closeness() -> None:
    listing = _listing("moonshot", "kimi-k3", "kimi-k2.7-code", "kimi-k2.6", "moonshot-v1-8k", "gpt-9")
    assert nearest("Kimi-K2-6", listing) == ("kimi-k2.6",)
    assert nearest("kimi-k2.7", listing)[0] in ("kimi-k2.7-code", "kimi-k2.6") and len(nearest("kimi", listing)) == 3
    assert "gpt-9" not in nearest("kimi-k9", listing) and nearest("llama", listing) == ()


def test_an_endpoint_is_not_told_that_an_id_it_lacks_is_its_own() -> None:
    moved = at(built_in()["aimlapi"], "http://127.0.0.1:9/v1")
    models = (Model(id="moonshot/kimi-k2-6"),)
    listing = Listing(provider="aimlapi", base_url=moved.base_url, fetched_at=0, models=models)
    assert "AIMLAPI" not in resolve("kimi-k2-6", listing, moved).belongs_to
    moved = at(built_in()["moonshot"], "http://127.0.0.1:9/v1")
    listing = Listing(provider="moonshot", base_url=moved.base_url, fetched_at=0, models=(Model(id="smollm2"),))
    assert resolve("kimi-k2.6", listing, moved).belongs_to[0] == "Moonshot"


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("kimi-k2-0711-preview", "kimi-k2.6"),
        ("kimi-k2-turbo-preview", "kimi-k2.6"),
        ("kimi-k2.7", "kimi-k2.7-code"),
        ("kimi-k2.7-code-fast", "kimi-k2.7-code"),
        ("kimi-k2.7-highspeed", "kimi-k2.7-code-highspeed"),
        ("kimi-k3.1", "kimi-k3.1-pro"),
        ("kimi-k2.6-thinking", "kimi-k2.6"),
    ],
)
def test_nearest_prefers_the_same_version_then_the_same_generation(name: str, first: str) -> None:
    ids = ("kimi-k3", "kimi-k3.1-pro", "kimi-k2.7-code-highspeed", "kimi-k2.7-code", "kimi-k2.6")
    assert nearest(name, _listing("moonshot", *ids))[0] == first
