"""The page of numbers, read by Prometheus' own parser."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from moongate.gateway.counts import Counts
from moongate.gateway.metrics import rendered


def samples(held: Counts) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(rendered(held.all()))
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


@pytest.fixture
def held() -> Any:
    found = Counts()
    yield found
    found.close()


def test_calls_tokens_and_costs_are_told_by_upstream_and_model(held: Counts) -> None:
    held.ended(("main", "kimi-k2.6", "ok", "USD"), (100, 50, 20, 10, 1_500_000_001), None)
    held.ended(("main", "kimi-k2.6", "ok", "CNY"), (1, 0, 0, 0, None), None)
    held.ended(("main", "kimi-k2.6", "timed_out", "USD"), (0, 0, 0, 0, 0), None)
    found = samples(held)
    which = (("model", "kimi-k2.6"), ("upstream", "main"))
    assert found["moongate_calls_total", (which[0], ("outcome", "ok"), which[1])] == 2
    assert found["moongate_calls_total", (which[0], ("outcome", "timed_out"), which[1])] == 1
    assert found["moongate_tokens_total", (("kind", "prompt"), *which)] == 101
    assert found["moongate_tokens_total", (("kind", "reasoning"), *which)] == 10
    assert found["moongate_cost_total", (("currency", "USD"), *which)] == 1.500000001
    assert found["moongate_unpriced_calls_total", which] == 1


def test_histograms_are_cumulative_and_end_with_everything(held: Counts) -> None:
    for seconds in (0.00005, 0.0003, 5.0):
        held.ended(("main", "kimi-k2.6", "ok", "USD"), (0, 0, 0, 0, 0), (1.0, seconds, 0.2))
    found = samples(held)
    name = "moongate_overhead_seconds"
    assert found[f"{name}_bucket", (("le", "0.0001"), ("upstream", "main"))] == 1
    assert found[f"{name}_bucket", (("le", "0.0005"), ("upstream", "main"))] == 2
    assert found[f"{name}_bucket", (("le", "1.0"), ("upstream", "main"))] == 2
    assert found[f"{name}_bucket", (("le", "+Inf"), ("upstream", "main"))] == 3
    assert found[f"{name}_count", (("upstream", "main"),)] == 3
    assert found[f"{name}_sum", (("upstream", "main"),)] == pytest.approx(5.00035)
    assert found["moongate_call_seconds_sum", (("upstream", "main"),)] == 3
    assert found["moongate_first_byte_seconds_bucket", (("le", "0.25"), ("upstream", "main"))] == 3


def test_names_with_odd_characters_are_escaped(held: Counts) -> None:
    held.ended(('a"\\\n', "m", "ok", "USD"), (0, 0, 0, 0, 0), None)
    assert ("moongate_calls_total", (("model", "m"), ("outcome", "ok"), ("upstream", 'a"\\\n'))) in samples(held)


def test_how_things_stand_is_a_gauge(held: Counts) -> None:
    held.stands("in_flight", 3, "main")
    held.stands("in_flight", 2, "main")
    held.stands("workers", 1)
    found = samples(held)
    assert found["moongate_in_flight", (("upstream", "main"),)] == 2
    assert found["moongate_workers", ()] == 1
