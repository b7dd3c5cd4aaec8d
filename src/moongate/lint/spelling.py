"""How far two names are apart, and which of many are near: cheap enough for every finding, without a library."""

from __future__ import annotations

import re
from collections.abc import Iterable

from moongate.catalog.resolve import MAX_SUGGESTIONS, apart, normal


def distance(one: str, two: str, *, at_most: int) -> int:
    """Return the letters by which two names differ (Levenshtein), or `at_most` + 1 where there are more."""
    if abs(len(one) - len(two)) > at_most:
        return at_most + 1
    row = list(range(len(two) + 1))
    for n, letter in enumerate(one, 1):
        before, row[0] = row[0], n
        for m, other in enumerate(two, 1):
            before, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, before + (letter != other))
        if min(row) > at_most:
            return at_most + 1
    return row[-1]


def nearest(model_id: str, listed: Iterable[str]) -> tuple[str, ...]:
    """Return the listed ids most like one: other spellings of it, else those of its family, best first."""
    wanted = normal(model_id)
    same = [other for other in listed if normal(other) == wanted]
    family = _family(wanted)
    alike = same or [other for other in listed if family and _family(normal(other)) == family]
    return tuple(
        sorted(alike, key=lambda other: (*apart(model_id, other), *_unlike(wanted, normal(other))))[:MAX_SUGGESTIONS]
    )


def _unlike(wanted: str, other: str) -> tuple[int, int, str]:
    """Order by the letters that differ, up to a few, then by the beginning that two names share."""
    return (distance(wanted, other, at_most=3), -_shared(wanted, other), other)


def _shared(one: str, two: str) -> int:
    """Return how many letters two names begin with alike."""
    return next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


def _family(name: str) -> str:
    found = re.match(r"[a-z]{3,}", name)
    return found[0] if found else ""
