"""The records hold what the wire and the journal carry."""

from __future__ import annotations

import msgspec

from moongate.batch.records import Outcome


def test_an_outcome_without_a_kind_is_an_answer_and_survives_the_journal() -> None:
    good, bad = Outcome(index=0, status=200, offset=10, size=5), Outcome(index=1, kind="rate_limited", status=429)
    assert good.ok and not bad.ok
    assert msgspec.json.decode(msgspec.json.encode(bad), type=Outcome) == bad
