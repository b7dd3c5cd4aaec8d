"""The text of a lock: it reads back as it was, does not depend on any order, and keeps a user's comments."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moongate.catalog import lock
from moongate.catalog.lock import Endpoint, Lock, Pin
from moongate.catalog.lock_text import HEADER, save, written
from moongate.errors import ConfigError, StorageError
from moongate.wire.listing import is_usable

COMMENTED = f"""\
{HEADER}
# ours: ask before changing
version = 1

# short names
[aliases]  # for everyone
# the good one
"k2.6" = {{ moonshot = "kimi-k2.6" }}  # since May

# where we pay
[endpoints.moonshot]
base_url = "https://api.moonshot.ai/v1"
listed_at = 2026-11-25T03:14:35Z
sha256 = "00ff"  # of the list
total = 1
listed = [
    "kimi-k2.6",
]

# ids
[endpoints.moonshot.ids]
"kimi-k2.6" = {{ context = 262144, inputs = ["text", "image"], reasoning = true }}
# the end
"""

texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12).filter(is_usable)
ids = st.one_of(texts, st.sampled_from(["kimi-k2.6", "moonshotai/kimi-k2.6:free", "a'b\"c", "[x]", "#"]))
pins = st.builds(
    Pin,
    context=st.none() | st.integers(1, 2**53),
    inputs=st.none() | st.lists(texts, min_size=1, max_size=3).map(tuple),
    reasoning=st.none() | st.booleans(),
    floating=st.booleans(),
)
endpoints = st.builds(
    Endpoint,
    base_url=texts,
    listed_at=st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    sha256=texts,
    total=st.integers(0, 500),
    listed=st.lists(ids, max_size=4).map(lambda found: tuple(sorted(found))),
    ids=st.dictionaries(ids, pins, max_size=4),
)
locks = st.builds(
    Lock,
    default=st.none() | texts,
    aliases=st.dictionaries(texts, st.dictionaries(texts, ids, max_size=3), max_size=3),
    endpoints=st.dictionaries(texts, endpoints, max_size=3),
)


def _read(text: str) -> Lock:
    return lock.lock_from(tomllib.loads(text), where="moongate.lock")


@given(locks)
def test_what_is_written_reads_back(given_lock: Lock) -> None:
    text = written(given_lock)
    assert _read(text) == given_lock
    assert written(_read(text), text) == text


@given(locks, st.randoms())
def test_the_order_in_which_things_came_does_not_show(given_lock: Lock, random) -> None:
    def shuffled(table):
        names = list(table)
        random.shuffle(names)
        return {name: table[name] for name in names}

    other = Lock(
        default=given_lock.default,
        aliases=shuffled({name: shuffled(found) for name, found in given_lock.aliases.items()}),
        endpoints=shuffled(given_lock.endpoints),
    )
    assert written(other) == written(given_lock)


@given(locks, st.data())
def test_comments_above_and_beside_any_line_stay(given_lock: Lock, data) -> None:
    lines = written(given_lock).splitlines()
    for place in sorted(data.draw(st.sets(st.integers(1, len(lines) - 1), max_size=4)), reverse=True):
        if lines[place].startswith(("    ", "]")) or not lines[place]:
            continue  # within a list of ids, which is written anew
        if not lines[place].endswith("["):
            lines[place] += f"  # beside {place}"
        lines.insert(place, f"# above {place}")
    text = "\n".join([*lines, "# at the end"]) + "\n"
    assert written(_read(text), text) == text


def test_a_commented_file_stays_as_it_is() -> None:
    assert written(_read(COMMENTED), COMMENTED) == COMMENTED


def test_a_new_pin_is_one_new_line_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "moongate.lock"
    path.write_text(COMMENTED)
    before = lock.read(path)
    endpoint = before.endpoints["moonshot"]
    more = Endpoint(
        base_url=endpoint.base_url,
        listed_at=endpoint.listed_at,
        sha256=endpoint.sha256,
        total=endpoint.total,
        listed=endpoint.listed,
        ids={**endpoint.ids, "kimi-k2.5": Pin(floating=True)},
    )
    save(path, Lock(aliases=before.aliases, endpoints={"moonshot": more}))
    added = '"kimi-k2.5" = { floating = true }\n"kimi-k2.6"'
    assert path.read_text() == COMMENTED.replace(
        '[endpoints.moonshot.ids]\n"kimi-k2.6"', f"[endpoints.moonshot.ids]\n{added}"
    )


def test_a_file_laid_out_by_hand_is_laid_out_anew() -> None:
    text = 'aliases.best.moonshot = "kimi-k3"  # mine\nversion=1 # first\n'
    assert (
        written(_read(text), text)
        == f'{HEADER}\nversion = 1  # first\n\n[aliases]\nbest = {{ moonshot = "kimi-k3" }}\n'
    )


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 1"):
        written(Lock(), "a = ")
    with pytest.raises(StorageError):
        save(tmp_path, Lock())
    with pytest.raises(StorageError, match="cannot be written"):
        save(tmp_path / "absent" / "moongate.lock", Lock())
