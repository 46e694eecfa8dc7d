"""Opens the collector that the settings name; without one nothing of OpenTelemetry is loaded."""

from importlib.metadata import version
from typing import Protocol

from app.tracing.operations import Operation, RequestTrace
from indexing.errors import InvalidInput
from indexing.settings import Settings, limit_span_batches

SPAN_BATCH = 64
"""Spans that are sent at once, unless ``OTEL_BSP_MAX_EXPORT_BATCH_SIZE`` says otherwise: those of some eight searches.

While they are encoded no other thread of this process runs Python. The SDK's 512 take 20 ms, in which a search waits at
each of its steps. Source: decision 60.
"""


class Told(Protocol):
    """Whom requests are told to."""

    def tell(self, trace: RequestTrace, whole: Operation) -> None:
        """Tell everything of one request."""
        ...

    def close(self) -> None:
        """Send what waits, and take nothing more."""
        ...


def collector_for(settings: Settings) -> Told | None:
    """The collector at ``otel_endpoint``; ``None`` where the settings name none.

    Raises:
        InvalidInput: they do, and the packages of the extra ``otel`` are not installed.
    """
    if settings.otel_endpoint is None:
        return None
    limit_span_batches(SPAN_BATCH)
    try:
        from app.tracing.collector import Collector, OtlpProviders  # costs 0.1 s, of use to those alone who have one
    except ImportError as error:
        raise InvalidInput(
            f"GROUNDWORK_OTEL_ENDPOINT is set, and {error.name} is not installed: pip install 'groundwork[otel]', or"
            " leave the setting out."
        ) from error
    return Collector(OtlpProviders(settings.otel_endpoint, version("groundwork")))
