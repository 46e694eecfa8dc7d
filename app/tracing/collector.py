"""The collector: what is told to it and how, by OpenTelemetry's SDK over OTLP. The only importer of OpenTelemetry."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

from opentelemetry._logs import Logger, LogRecord
from opentelemetry.attributes import BoundedAttributes
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
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AnyValue

from app.tracing.operations import Attribute, Event, Operation, RemoteContext, RequestTrace

TIMEOUT_SECONDS = 3.0
"""How long one delivery may take; it runs in threads of its own. Our choice."""
_SCOPE = "groundwork"
_KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}
_UNSET = Status(StatusCode.UNSET)
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
        """Begins traces, and says which are sampled."""
        ...

    @property
    def spans(self) -> SpanProcessor:
        """Takes spans that have ended."""
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
        self.spans = BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=seconds))
        self.tracers.add_span_processor(self.spans)
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
        self._tracer = providers.tracers.get_tracer(_SCOPE)
        self._scope = InstrumentationScope(_SCOPE)
        self._limits = SpanLimits()
        self._logger: Logger = providers.loggers.get_logger(_SCOPE)
        meter = providers.meters.get_meter(_SCOPE)
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

    def _tell(self, trace: RequestTrace, one: Operation, around: Context, links: Sequence[Link] = ()) -> None:
        """Tell an operation that begins a trace here, which is sampled or not, and its parts."""
        attributes = _attributes(one)
        span = self._tracer.start_span(
            one.name,
            context=around,
            kind=_KINDS[one.kind],
            attributes=attributes,
            links=links,
            start_time=trace.moment_ns(one.began),
        )
        self._tell_what_is_in(trace, one, attributes, span.get_span_context())
        span.set_status(_status(one))
        span.end(trace.moment_ns(one.ended))

    def _tell_part(self, trace: RequestTrace, one: Operation, parent: SpanContext) -> None:
        """Tell a part of an operation, and its own parts; of a trace that is not sampled no spans are made.

        A span whose end is known is made whole: by ``start_span`` it takes three times as long.
        """
        attributes, own = _attributes(one), parent
        if parent.trace_flags.sampled:
            span_id = self._providers.tracers.id_generator.generate_span_id()
            own = SpanContext(parent.trace_id, span_id, False, parent.trace_flags, parent.trace_state)
            self._providers.spans.on_end(
                ReadableSpan(
                    one.name,
                    own,
                    parent,
                    self._providers.tracers.resource,
                    self._limited(attributes),
                    kind=_KINDS[one.kind],
                    status=_status(one),
                    start_time=trace.moment_ns(one.began),
                    end_time=trace.moment_ns(one.ended),
                    instrumentation_scope=self._scope,
                )
            )
        self._tell_what_is_in(trace, one, attributes, own)

    def _tell_what_is_in(
        self, trace: RequestTrace, one: Operation, attributes: Mapping[str, Attribute], own: SpanContext
    ) -> None:
        """Tell what an operation measured, its events and its parts; ``own`` is the context of its span."""
        if one.measured_as or one.events:
            inside = set_span_in_context(NonRecordingSpan(own), Context())
            self._measure(one, attributes, inside)
            for event in one.events:
                self._emit(trace, one, event, inside)
        for child in one.children:
            if child.caller is None:
                self._tell_part(trace, child, own)
            else:  # it belongs to an operation of another process more than to this one
                self._tell(trace, replace(child, caller=None), _remote(child.caller), [Link(own)])

    def _limited(self, attributes: Mapping[str, Attribute]) -> Mapping[str, AnyValue]:
        """The attributes within the SDK's limits of their number and length (``OTEL_SPAN_ATTRIBUTE_...``)."""
        number, length = self._limits.max_span_attributes, self._limits.max_span_attribute_length
        if length is None and (number is None or len(attributes) <= number):
            return attributes
        return BoundedAttributes(number, attributes, max_value_len=length)

    def _measure(self, one: Operation, attributes: Mapping[str, Attribute], inside: Context) -> None:
        if one.measured_as:
            kept = {name: value for name, value in attributes.items() if name in MEASURED_BY}
            self._histograms[one.measured_as].record(one.ended - one.began, kept, inside)

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


def _attributes(one: Operation) -> Mapping[str, Attribute]:
    return one.attributes if one.error is None else {**one.attributes, "error.type": one.error}


def _status(one: Operation) -> Status:
    return _UNSET if one.error is None else Status(StatusCode.ERROR, one.said or None)


def _remote(caller: RemoteContext | None) -> Context:
    """The context of another process; a fresh one where there is none, or one that cannot be read."""
    if caller is None:
        return Context()
    carried = {"traceparent": caller.traceparent, "tracestate": caller.tracestate}
    return TraceContextTextMapPropagator().extract(carried, Context())
