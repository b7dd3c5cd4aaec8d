"""The keys in memory follow the database, and only what changed is read again."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from moongate.facts.money import Money
from moongate.gateway.callers import Callers
from moongate.gateway.desk import Desk
from moongate.gateway.limits import Limits


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path / "gateway.sqlite3") as desk:
        desk.create_account("ada", Money.of(1, "USD"))
        yield desk


@pytest.fixture
def callers(desk: Desk) -> Iterator[Callers]:
    callers = Callers(desk.path)
    yield callers
    callers.close()


def test_keys_come_change_and_go(desk: Desk, callers: Callers) -> None:
    assert callers.look() == []
    key, secret = desk.create_key("ada", "", Limits(rpm=5, models=("m",), providers=("p",)))
    assert callers.look() == []
    found = callers.by_digest[sha256(secret.encode()).digest()]
    assert (found.key_id, found.account, found.currency) == (key.id, "ada", "USD")
    assert (found.models, found.providers) == ({"m"}, {"p"})
    assert callers.limits(found)["rpm"] == 5
    desk.limit_key(str(key.id), Limits())
    assert callers.look() == [found]
    changed = callers.by_digest[sha256(secret.encode()).digest()]
    assert (changed.models, callers.limits(changed)["rpm"]) == (None, None)
    _, new = desk.rotate(str(key.id))
    assert callers.look() == [changed]
    assert callers.by_digest.keys() == {sha256(new.encode()).digest()}
    desk.revoke(str(key.id))
    assert len(callers.look()) == 1
    assert callers.by_digest == {}


def test_a_key_that_did_not_change_stays_the_same_caller(desk: Desk, callers: Callers) -> None:
    _, secret = desk.create_key("ada")
    callers.look()
    before = callers.by_digest[sha256(secret.encode()).digest()]
    desk.create_key("ada")
    desk.top_up("ada", Money.of(1, "USD"))
    assert callers.look() == []
    assert callers.by_digest[sha256(secret.encode()).digest()] is before
    assert len(callers.by_digest) == 2
