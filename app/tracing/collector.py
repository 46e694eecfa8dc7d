"""The collector: what is told to it and how, by OpenTelemetry's SDK over OTLP. The only importer of OpenTelemetry."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

from opentelemetry._logs import Logger, LogRecord
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Histogram
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.tracing.operations import Attribute, Event, Operation, RemoteContext, RequestTrace

TIMEOUT_SECONDS = 3.0
"""How long one delivery may take; it runs in threads of its own. Our choice."""
_KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}
_FINER = (0.001, 0.002, 0.005)
"""Buckets below those of the conventions, since a search takes some 3 ms; our choice."""
DURATIONS: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "gen_ai.client.operation.duration": (
        "How long operations of models and of retrieval take.",
        (*_FINER, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
    ),
    "mcp.server.operation.duration": (
        "How long requests of MCP take.",
        (*_FINER, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
    ),
}
"""The histograms, with their buckets in seconds.

Source: OpenTelemetry's conventions, semantic-conventions@7b0c0fe1e, docs/gen-ai/gen-ai-metrics.md and mcp.md.
"""
MEASURED_BY = frozenset(
    {
        "error.type",
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.tool.name",
        "mcp.method.name",
        "mcp.protocol.version",
        "rpc.response.status_code",
    }
)
"""Attributes of an operation that its histogram has as well: those with few values. Source: as above."""


class Providers(Protocol):
    """What of OpenTelemetry's SDK is told things, and is closed at the end."""

    @property
    def tracers(self) -> TracerProvider:
        """Takes spans."""
        ...

    @property
    def meters(self) -> MeterProvider:
        """Takes measurements."""
        ...

    @property
    def loggers(self) -> LoggerProvider:
        """Takes events."""
        ...


class OtlpProviders:
    """Sends everything to a collector in the background; what cannot be sent in time is dropped, and logged so."""

    def __init__(self, endpoint: str, version: str) -> None:
        """Send to ``endpoint``, the address before ``/v1/traces``; ``OTEL_*`` variables say what else there is."""
        ours = Resource.create({SERVICE_NAME: "groundwork", SERVICE_VERSION: version})
        resource = ours.merge(OTELResourceDetector().detect())
        seconds = TIMEOUT_SECONDS
        self.tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        spans = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=seconds)
        self.tracers.add_span_processor(BatchSpanProcessor(spans))
        metrics = OTLPMetricExporter(f"{endpoint}/v1/metrics", timeout=seconds)
        self.meters = MeterProvider([PeriodicExportingMetricReader(metrics)], resource, shutdown_on_exit=False)
        self.loggers = LoggerProvider(resource, shutdown_on_exit=False)
        self.loggers.add_log_record_processor(
            BatchLogRecordProcessor(OTLPLogExporter(f"{endpoint}/v1/logs", timeout=seconds))
        )


class Collector:
    """Tells a collector what requests were made of. Safe to share between threads."""

    def __init__(self, providers: Providers) -> None:
        """Tell it by ``providers``."""
        self._providers = providers
        self._tracer = providers.tracers.get_tracer("groundwork")
        self._logger: Logger = providers.loggers.get_logger("groundwork")
        meter = providers.meters.get_meter("groundwork")
        self._histograms: dict[str, Histogram] = {
            name: meter.create_histogram(name, "s", text, explicit_bucket_boundaries_advisory=list(buckets))
            for name, (text, buckets) in DURATIONS.items()
        }

    def tell(self, trace: RequestTrace, whole: Operation) -> None:
        """Tell everything of one request, of which ``whole`` is the operation that holds all the others."""
        caller = trace.caller
        if caller is None:  # a client of MCP says in the message what others say in a header
            caller = next((one.caller for one in whole.children if one.caller is not None), None)
        self._tell(trace, whole, _remote(caller))

    def close(self) -> None:
        """Send what waits, of each kind for ``TIMEOUT_SECONDS``, all at once."""
        providers = (self._providers.tracers, self._providers.meters, self._providers.loggers)
        with ThreadPoolExecutor(len(providers), thread_name_prefix="close-collector") as threads:
            list(threads.map(lambda provider: provider.shutdown(), providers))

    def _tell(
        self,
        trace: RequestTrace,
        one: Operation,
        around: Context,
        links: Iterable[Link] = (),
        parent: Span | None = None,
    ) -> None:
        """Tell an operation and its parts; below a span that is not sampled no others are made."""
        attributes: dict[str, Attribute] = dict(one.attributes)
        if one.error is not None:
            attributes["error.type"] = one.error
        if parent is not None and not parent.is_recording():
            span, inside = parent, around
        else:
            span = self._tracer.start_span(
                one.name,
                context=around,
                kind=_KINDS[one.kind],
                attributes=attributes,
                links=list(links),
                start_time=trace.moment_ns(one.began),
            )
            inside = set_span_in_context(span, around)
        self._measure(one, attributes, inside)
        for event in one.events:
            self._emit(trace, one, event, inside)
        for child in one.children:
            self._tell_child(trace, child, span, inside)
        if one.error is not None:
            span.set_status(Status(StatusCode.ERROR, one.said or None))
        span.end(trace.moment_ns(one.ended))

    def _measure(self, one: Operation, attributes: Mapping[str, Attribute], inside: Context) -> None:
        if one.measured_as:
            kept = {name: value for name, value in attributes.items() if name in MEASURED_BY}
            self._histograms[one.measured_as].record(one.ended - one.began, kept, inside)

    def _tell_child(self, trace: RequestTrace, child: Operation, span: Span, inside: Context) -> None:
        """Tell a part, which may belong to an operation of another process more than to the one around it."""
        if child.caller is None:
            self._tell(trace, child, inside, parent=span)
        else:
            self._tell(trace, replace(child, caller=None), _remote(child.caller), [Link(span.get_span_context())])

    def _emit(self, trace: RequestTrace, one: Operation, event: Event, inside: Context) -> None:
        moment = trace.moment_ns(one.ended)
        self._logger.emit(
            LogRecord(
                timestamp=moment,
                observed_timestamp=moment,
                context=inside,
                event_name=event.name,
                attributes=dict(event.attributes),
            )
        )


def _remote(caller: RemoteContext | None) -> Context:
    """The context of another process; a fresh one where there is none, or one that cannot be read."""
    if caller is None:
        return Context()
    carried = {"traceparent": caller.traceparent, "tracestate": caller.tracestate}
    return TraceContextTextMapPropagator().extract(carried, Context())
