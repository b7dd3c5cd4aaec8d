"""OpenTelemetry traces, one span a call, where the configuration names a collector.

The SDK is imported only here and only then. Spans are sent from a thread of the SDK's own; nothing that was asked or
answered is in them. Attribute names are those of OpenTelemetry's conventions for generative AI.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from moongate.errors import MissingExtraError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

Attributes = Mapping[str, str | int | float]
_PARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context, version 00
NEEDED = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")
CLOSE_MS = 3000


class Trace(Protocol):
    """One span that has begun."""

    @property
    def line(self) -> bytes:
        """The header line that tells the upstream of it."""

    def tag(self, name: str, value: str) -> None:
        """Note something about it."""

    def end(self, attributes: Attributes, *, error: str | None = None) -> None:
        """End it, well or with the kind of an error."""


def check() -> None:
    """Raise MissingExtraError when something that traces need is not installed."""
    for name in NEEDED:
        if not _is_there(name):
            raise MissingExtraError(
                f"Traces need {name}, which is not installed.",
                advice="Install it: pip install 'moongate[otel]', or take otel_endpoint out of [gateway].",
            )


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # what it would be a part of
        return False


class Traces:
    """Spans, sent to a collector that speaks OTLP over http. Raises MissingExtraError without moongate[otel]."""

    def __init__(self, endpoint: str, *, sample: float = 1.0, exporter: SpanExporter | None = None) -> None:
        check()
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

        self._trace = trace
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(sample)),
            resource=Resource.create({"service.name": "moongate"}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter or _exporter(endpoint)))
        self._tracer = self._provider.get_tracer("moongate")

    def begin(self, model: str, traceparent: str | None = None) -> Trace:
        """Begin the span of a chat, below the caller's own where its request names one."""
        span = self._tracer.start_span(
            f"chat {model}",
            context=self._parent(traceparent),
            kind=self._trace.SpanKind.SERVER,
            attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": model},
        )
        return _Begun(span)

    def close(self) -> None:
        """Send what is left, for up to 3 seconds."""
        self._provider.force_flush(CLOSE_MS)
        self._provider.shutdown()

    def _parent(self, traceparent: str | None) -> Context | None:
        if traceparent is None or not _PARENT.fullmatch(traceparent):
            return None
        _, trace_id, span_id, flags = traceparent.split("-")
        if not int(trace_id, 16) or not int(span_id, 16):
            return None
        context = self._trace.SpanContext(
            int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=self._trace.TraceFlags(int(flags, 16))
        )
        return self._trace.set_span_in_context(self._trace.NonRecordingSpan(context))


class _Begun:
    """One span of the SDK's."""

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def line(self) -> bytes:
        context = self._span.get_span_context()
        return b"traceparent: 00-%032x-%016x-%02x\r\n" % (context.trace_id, context.span_id, context.trace_flags)

    def tag(self, name: str, value: str) -> None:
        self._span.set_attribute(name, value)

    def end(self, attributes: Attributes, *, error: str | None = None) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._span.set_attributes(dict(attributes))
        if error is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR, error))
        self._span.end()


def _exporter(endpoint: str) -> SpanExporter:
    import requests
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    session = requests.Session()
    session.trust_env = False  # proxies are settings, not whatever the environment says
    return OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", session=session, timeout=3)
