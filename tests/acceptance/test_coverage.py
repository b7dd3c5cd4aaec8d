"""Every packaged fact has a probe or a reason why not; neither names what is not there."""

from __future__ import annotations

from moongate.acceptance.coverage import SETTLED, UNPROBED, not_probed, reason, settled_by
from moongate.acceptance.kit import untried
from moongate.acceptance.known import known
from moongate.acceptance.probes import probes


def test_every_fact_has_a_probe_or_a_reason() -> None:
    bare = [fact.key for fact in known() if not settled_by(fact) and reason(fact) is None]
    assert bare == []


def test_no_fact_has_both() -> None:
    assert SETTLED.keys() & UNPROBED.keys() == set()


def test_only_facts_and_probes_that_are_there_are_named() -> None:
    facts, ids = {fact.key for fact in known()}, {probe.id for probe in probes()}
    assert [key for key in (*SETTLED, *UNPROBED) if key not in facts] == []
    assert {name for names in SETTLED.values() for name in names} - ids == set()


def test_every_probe_is_about_a_fact() -> None:
    about = {name for names in SETTLED.values() for name in names}
    assert [probe.id for probe in probes() if probe.id not in about] == []


def test_every_uncertain_fact_about_the_platform_is_asked_or_shown_with_its_reason() -> None:
    shown = {result.id: result for result in untried()}
    for fact in known():
        if fact.kind in ("rule", "behaviour") and fact.sureness == "uncertain":
            assert settled_by(fact) or shown[fact.key].detail.startswith("not probed: "), fact.key
    assert all(result.status == "open" and result.fact and result.rests_on for result in shown.values())
    assert len({fact.key for fact, _ in not_probed()}) == len(shown)
