"""The Prometheus metrics of an API process, or of all workers together."""

from collections.abc import Callable, Mapping

from anyio import CapacityLimiter
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from indexing.settings import metrics_folder

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The process's Prometheus metrics, in a registry of their own. Labels are few: release, stage, status.

    With several workers each writes its counts into files, and whichever is scraped gives the sum of all; a gauge's
    ``multiprocess_mode`` says what of all is given.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.threads = CapacityLimiter(1)  # of its own: who watches must not wait behind what is watched
        self._folder = metrics_folder()
        self._watched: list[tuple[Gauge, Callable[[], float]]] = []
        self._served: set[tuple[str, str]] = set()
        self._stages: dict[tuple[str, str], Histogram] = {}
        self._counts: dict[tuple[int, str], Counter] = {}
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
        self.in_progress = Gauge(
            "groundwork_searches_in_progress",
            "Searches being answered.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self.refusals = Counter(
            "groundwork_refusals",
            "Requests refused for their key, scope, rate or quota.",
            ["reason"],
            registry=self.registry,
        )
        self.server_refusals = Counter(
            "groundwork_server_refusals",
            "Requests and connections that the server refused before the application saw them.",
            ["error"],
            registry=self.registry,
        )
        self.refused = Counter(
            "groundwork_search_refused", "Searches refused because too many were in progress.", registry=self.registry
        )
        self.late = Counter(
            "groundwork_search_deadline_exceeded",
            "Searches given up when their time was over.",
            registry=self.registry,
        )
        self.query_cache = Counter(
            "groundwork_query_cache_lookups",
            "Query vectors by where they came from.",
            ["outcome"],
            registry=self.registry,
        )
        self.release = Gauge(
            "groundwork_release_info",
            "1 for the release in service.",
            ["release", "snapshot"],
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.passages = Gauge(
            "groundwork_snapshot_passages",
            "Passages in the snapshot in service.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.recall = Gauge(
            "groundwork_live_recall",
            "Recall of the last live measurement.",
            ["release"],
            multiprocess_mode="mostrecent",
            registry=self.registry,
        )
        self.open_shards = Gauge(
            "groundwork_open_shards",
            "Shards mapped now.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self.shards = Gauge(
            "groundwork_snapshot_shards",
            "Shards of the snapshot in service.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.broken = Gauge(
            "groundwork_broken_shards",
            "Shards that cannot be served.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.writes = Counter(
            "groundwork_document_writes", "Documents written or deleted over HTTP.", ["kind"], registry=self.registry
        )
        self.live_passages = Gauge(
            "groundwork_live_passages",
            "Passages that no build holds yet, in memory.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.live_bytes = Gauge(
            "groundwork_live_bytes", "Memory that they take.", multiprocess_mode="livesum", registry=self.registry
        )
        self.live_lag = Gauge(
            "groundwork_live_lag_seconds",
            "Age of the oldest write on its way into memory; 0 when there is none.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.documents_waiting = Gauge(
            "groundwork_documents_waiting_for_build",
            "Documents that searches find as they were written last only once a build is done.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.build_requests = Gauge(
            "groundwork_open_build_requests",
            "Builds that are asked for and not done yet.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )

        self.ledger_accepted = Counter(
            "groundwork_ledger_rows_accepted", "Ledger rows of requests that were handed in.", registry=self.registry
        )
        self.ledger_written = Counter(
            "groundwork_ledger_rows_written", "Ledger rows that were written.", registry=self.registry
        )
        self.ledger_dropped = Counter(
            "groundwork_ledger_rows_dropped",
            "Ledger rows that were dropped, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self.ledger_queue = Gauge(
            "groundwork_ledger_queue_rows",
            "Ledger rows that wait to be written.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self.ledger_bytes = Gauge(
            "groundwork_ledger_today_bytes",
            "Bytes of today's file of the ledger.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )

    def count(self, status: int, release: str) -> None:
        """Count the answer to a search."""
        found = self._counts.get((status, release))
        if found is None:  # looking up labels takes longer than counting
            found = self._counts[status, release] = self.requests.labels(str(status), release)
        found.inc()

    def observe(self, release: str, timings_ms: Mapping[str, float]) -> None:
        """Count how long the stages of an answer took."""
        for stage, milliseconds in timings_ms.items():
            found = self._stages.get((stage, release))
            if found is None:
                found = self._stages[stage, release] = self.stages.labels(stage, release)
            found.observe(milliseconds / 1000.0)

    def watch(self, gauge: Gauge, value: Callable[[], float]) -> None:
        """Let a gauge be what ``value`` gives when it is scraped; a second ago at most, of another worker."""
        if self._folder is None:
            gauge.set_function(value)
        else:
            self._watched.append((gauge, value))

    def sample(self) -> None:
        """Bring watched gauges up to date; called once a second and before a scrape."""
        for gauge, value in self._watched:
            gauge.set(value())

    def serve(self, release: str, snapshot: str) -> None:
        """Name what is in service from now on, and nothing else."""
        now = (release, snapshot)
        for before in [labels for labels in self._served if labels != now]:
            self.release.labels(*before).set(0)
            if self._folder is None:  # workers share files, from which nothing can be taken out
                self.release.remove(*before)
                self._served.discard(before)
        self._served.add(now)
        self.release.labels(*now).set(1)

    def text(self) -> bytes:
        """All metrics, of all workers, as Prometheus reads them."""
        self.sample()
        if self._folder is None:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(together)
