"""Traces reach a real collector on loopback; without one configured, nothing of OpenTelemetry is imported."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from moongate.gateway.traces import Traces


def attributes(span: Span) -> dict[str, Any]:
    return {a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in span.attributes}


def test_a_call_is_a_span_below_the_callers(collector: Any) -> None:
    traces = Traces(collector.endpoint)
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    trace = traces.begin("kimi-k2.6", parent)
    assert trace.line.startswith(b"traceparent: 00-" + b"a" * 32)
    assert trace.line.endswith(b"-01\r\n")
    trace.end({"gen_ai.usage.input_tokens": 7, "gen_ai.provider.name": "moonshot"})
    traces.begin("kimi-k3").end({}, error="timed_out")
    traces.close()
    first, second = collector.spans
    assert (first.name, first.trace_id.hex(), first.parent_span_id.hex()) == ("chat kimi-k2.6", "a" * 32, "b" * 16)
    assert attributes(first)["gen_ai.usage.input_tokens"] == 7
    assert attributes(first)["gen_ai.request.model"] == "kimi-k2.6"
    assert attributes(second)["error.type"] == "timed_out"
    assert second.parent_span_id == b""


@pytest.mark.parametrize(
    "name", ["opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http", "opentelemetry"]
)
def test_a_part_that_is_not_installed_is_named_before_anything_begins(name: str) -> None:
    code = f"import sys; sys.modules[{name!r}] = None\nfrom moongate.gateway import traces\ntraces.check()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "MissingExtraError: Traces need opentelemetry." in done.stderr
    assert "pip install 'moongate[otel]'" in done.stderr


@pytest.mark.parametrize("parent", ["", "00-x", f"00-{'0' * 32}-{'b' * 16}-01", f"ff-{'a' * 32}-{'b' * 16}-01"])
def test_a_header_that_is_none_begins_a_trace_of_its_own(collector: Any, parent: str) -> None:
    traces = Traces(collector.endpoint)
    traces.begin("kimi-k2.6", parent).end({})
    traces.close()
    assert collector.spans[0].parent_span_id == b""


def test_only_the_share_that_is_wanted_is_sent_and_the_callers_wish_comes_first(collector: Any) -> None:
    traces = Traces(collector.endpoint, sample=0.0)
    traces.begin("unwanted").end({})
    assert not int(traces.begin("unwanted").line.strip()[-2:], 16) & 1  # the flag "sampled"
    traces.begin("wanted", f"00-{'a' * 32}-{'b' * 16}-01").end({})
    traces.close()
    assert [span.name for span in collector.spans] == ["chat wanted"]


def test_a_collector_that_is_not_there_keeps_nobody_waiting() -> None:
    traces = Traces("http://127.0.0.1:9")
    traces.begin("kimi-k2.6").end({})
    traces.close()


def test_nothing_is_imported_before_it_is_configured() -> None:
    code = "import sys, moongate.gateway.traces; print(any(name.startswith('opentelemetry') for name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
