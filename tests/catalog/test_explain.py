"""A refusal in words: what, why, what to write instead."""

from __future__ import annotations

import pytest

from moongate.catalog.explain import ago, refusal
from moongate.catalog.resolve import resolve
from moongate.facts.models import Listing, Model
from moongate.facts.providers import built_in

ROW = built_in()["moonshot"]


def _told(name: str, *ids: str) -> str:
    models = tuple(Model(id=i) for i in ids)
    listing = Listing(provider="moonshot", base_url=ROW.base_url, fetched_at=1000.0, models=models)
    return str(refusal(resolve(name, listing, ROW), listing, ROW, now=1120.0))


WHERE = "Moonshot (api.moonshot.ai) does not list"
HERE = "Here it is 'kimi-k2.6' (listed 2 min ago). Nothing was sent."


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (
            "moonshotai/kimi-k2.6",
            (f"{WHERE} 'moonshotai/kimi-k2.6': that is the id of OpenRouter, ", " more. ", HERE),
        ),
        ("Kimi-K2.6", (f"{WHERE} 'Kimi-K2.6': ids are case-sensitive. {HERE}",)),
        ("kimi-k2-0711-preview", ("it was retired on 2026-05-25", "Nearest here: 'kimi-k2.6'")),
        ("kimi-k2.6-thinking", ("no such id was ever served", "apidog.com", "'kimi-k2.6'")),
        ("openrouter/kimi-k2.6", ("the prefix routes it to 'openrouter'; use -p openrouter", HERE)),
        ("kmi-k2.6", ("it looks like a misspelling", "Nearest here: 'kimi-k2.6'")),
        ("gpt-4o", (f"{WHERE} 'gpt-4o'", "Offered here: 'kimi-k2.6' (listed")),
    ],
)
def test_what_why_what_instead(name: str, parts: tuple[str, ...]) -> None:
    told = _told(name, "kimi-k2.6")
    assert all(part in told for part in parts)


def test_a_list_of_nothing_and_a_long_one() -> None:
    assert "This key is offered no model at all" in _told("gpt-4o")
    assert "and 4 more (listed" in _told("gpt-4o", *(f"zz{number}" for number in range(10)))


def test_a_hostile_name_is_harmless_and_short() -> None:
    told = _told("\x1b]0;owned\x07\u202e" + "x" * 100_000, "kimi-k2.6")
    assert "\x1b" not in told and "\u202e" not in told and len(told) < 500


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (9, "just now"), (45, "45 s ago"), (120, "2 min ago"), (5340, "89 min ago"), (7200, "2 h ago")],
)
def test_ages(seconds: float, words: str) -> None:
    assert ago(seconds) == words
