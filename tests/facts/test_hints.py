"""Hints: dated, and only ever an explanation."""

from __future__ import annotations

import re

from moongate.facts.hints import hints
from moongate.facts.providers import built_in


def test_owners_are_named_best_known_first() -> None:
    known = hints()
    assert known.owners("moonshotai/kimi-k2.6", besides=("moonshot",))[0].name == "openrouter"
    titles = [host.title for host in known.owners("kimi-k2-6")]
    assert titles[0] == "AIMLAPI" and "Venice" in titles
    assert known.owners("no-such-id") == ()


def test_routes_of_client_libraries_come_last() -> None:
    owners = hints().owners("moonshot/kimi-k2.6")
    assert owners and [host.route for host in owners] == sorted(host.route for host in owners)


def test_ends_and_inventions_are_dated_and_sourced() -> None:
    known = hints()
    assert known.retired("kimi-k2-0711-preview", "moonshot") == "2026-05-25"
    assert known.retired("kimi-k2.6", "moonshot") is None
    assert known.never["kimi-k2.6-thinking"].source
    ours = [day for host in known.hosts if host.name in built_in() for day in host.gone.values()]
    assert ours and all(re.fullmatch(r"20\d\d-\d\d-\d\d", day) for day in ours)  # told as a day in refusals
    assert all(host.seen[:2] == "20" for host in known.hosts if host.ids)
