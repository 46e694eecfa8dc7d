"""What routes share: the state of the process, the caller's tenant, the door, and the metrics."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app.retrieval.retriever import Retriever
from app.retrieval.snapshot_pool import SnapshotPool
from indexing.errors import Overloaded
from indexing.home import Home

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The process's Prometheus metrics, in a registry of their own. Labels are few: release, stage, status."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "groundwork_search_requests",
            "Searches by HTTP status and release.",
            ["status", "release"],
            registry=self.registry,
        )
        self.stages = Histogram(
            "groundwork_search_stage_duration_seconds",
            "Time of each stage of a search.",
            ["stage", "release"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.in_progress = Gauge("groundwork_searches_in_progress", "Searches being answered.", registry=self.registry)
        self.refused = Counter("groundwork_search_refused", "Searches refused at the door.", registry=self.registry)
        self.release = Gauge(
            "groundwork_release_info", "1 for the release in service.", ["release", "snapshot"], registry=self.registry
        )
        self.passages = Gauge(
            "groundwork_snapshot_passages", "Passages in the snapshot in service.", registry=self.registry
        )
        self.broken = Gauge("groundwork_broken_shards", "Shards that cannot be served.", registry=self.registry)


@dataclass(slots=True)
class Services:
    """The state of one API process, made by ``main`` and kept in ``app.state.services``."""

    home: Home
    pool: SnapshotPool
    retriever: Retriever
    metrics: Metrics = field(default_factory=Metrics)
    in_progress: int = 0
    threads: CapacityLimiter = field(init=False)

    def __post_init__(self) -> None:
        self.threads = CapacityLimiter(self.home.settings.max_concurrency)

    @contextmanager
    def door(self) -> Iterator[None]:
        """Let one search in, or refuse it at once; never queue. To be used from the event loop only.

        Raises:
            Overloaded: as many searches are in progress as ``GROUNDWORK_MAX_CONCURRENCY`` allows.
        """
        limit = self.home.settings.max_concurrency
        if self.in_progress >= limit:
            self.metrics.refused.inc()
            raise Overloaded(f"{limit} searches are in progress here already: try again in a second.")
        self.in_progress += 1
        self.metrics.in_progress.set(self.in_progress)
        try:
            yield
        finally:
            self.in_progress -= 1
            self.metrics.in_progress.set(self.in_progress)


async def services_of(request: Request) -> Services:
    """The process's state."""
    services: Services = request.app.state.services
    return services


async def authorization_of(
    request: Request,
    _shown_in_docs: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
) -> str | None:
    """The raw Authorization header, which ``tenant_of`` turns into a tenant."""
    return request.headers.get("authorization")
