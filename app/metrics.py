"""The Prometheus metrics of an API process, or of all workers together."""

from collections.abc import Callable, Iterator, Mapping

from anyio import CapacityLimiter
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from indexing.settings import metrics_folder

_GONE = -1.0
"""The value of a series that is to be left out: none of the gauges that it may be of can have it."""
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The process's Prometheus metrics, in a registry of their own. Labels are few: recipe, stage, status.

    With several workers each writes its counts into files, and whichever is scraped gives the sum of all; a gauge's
    ``multiprocess_mode`` says what of all is given.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.threads = CapacityLimiter(1)  # of its own: who watches must not wait behind what is watched
        self._folder = metrics_folder()
        self._watched: list[tuple[Gauge, Callable[[], float]]] = []
        self._shown: dict[Gauge, set[tuple[str, ...]]] = {}
        self._stages: dict[tuple[str, int], Histogram] = {}
        self._counts: dict[tuple[int, str], Counter] = {}
        self.requests = Counter(
            "groundwork_search_requests",
            "Searches by HTTP status and recipe.",
            ["status", "recipe"],
            registry=self.registry,
        )
        self.stages = Histogram(
            "groundwork_search_stage_duration_seconds",
            "Time of each stage of a search.",
            ["stage", "recipe"],
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
        self.embedded_texts = Counter(
            "groundwork_embedded_texts", "Texts of clients that were encoded for them.", registry=self.registry
        )
        self.release = Gauge(
            "groundwork_release_info",
            "1 for each open release, by what it is for: live, candidate or standby.",
            ["recipe", "release", "snapshot", "role"],
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.recipe_open = Gauge(
            "groundwork_recipe_open",
            "1 for each recipe that is to be open and is, 0 for each that no process could open.",
            ["recipe"],
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.recipe_bytes = Gauge(
            "groundwork_recipe_memory_bytes",
            "What opening a recipe made a process's own memory grow by, and its fresh writes; of the largest.",
            ["recipe"],
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.shadows = Counter(
            "groundwork_shadow_searches",
            "Queries to be copied to a candidate: answered, failed, other_model, or why they were shed.",
            ["outcome"],
            registry=self.registry,
        )
        self.interleaved = Counter(
            "groundwork_interleaved_searches",
            "Searches to be interleaved: answered, or why the release in service answered alone.",
            ["outcome"],
            registry=self.registry,
        )
        self.without_user = Counter(
            "groundwork_assigned_without_user",
            "Searches of a rollout by user that named none, so that the tenant was the unit.",
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
            ["recipe"],
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
        self.file_readings = Counter(
            "groundwork_file_readings",
            "Uploaded files that were read: completed or failed.",
            ["outcome"],
            registry=self.registry,
        )
        self.open_alerts = Gauge(
            "groundwork_open_alerts",
            "Alerts of quality that were not acknowledged.",
            ["severity"],
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
        self.view_changes_dropped = Counter(
            "groundwork_ledger_view_changes_dropped",
            "Changes of live views that the ledger does not have.",
            registry=self.registry,
        )
        self.feedback = Counter(
            "groundwork_feedback_events",
            "Feedback that was accepted, refused since too much waited, written, or dropped.",
            ["outcome"],
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
        """Count the answer to a search, by the recipe of the release that gave it, or none."""
        recipe = release.partition(".")[0]
        found = self._counts.get((status, recipe))
        if found is None:  # looking up labels takes longer than counting
            found = self._counts[status, recipe] = self.requests.labels(str(status), recipe)
        found.inc()

    def observe(self, recipe: int, timings_ms: Mapping[str, float]) -> None:
        """Count how long the stages of an answer took."""
        for stage, milliseconds in timings_ms.items():
            found = self._stages.get((stage, recipe))
            if found is None:
                found = self._stages[stage, recipe] = self.stages.labels(stage, str(recipe))
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

    def show(self, gauge: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
        """Let a gauge have these series, by their labels, from now on, and no other."""
        shown = self._shown.setdefault(gauge, set())
        for labels in shown - values.keys():
            if self._folder is None:
                gauge.remove(*labels)
            else:  # workers share files, from which nothing can be taken out: ``text`` leaves it out
                gauge.labels(*labels).set(_GONE)
        for labels, value in values.items():
            gauge.labels(*labels).set(value)
        shown.clear()
        shown.update(values)

    def text(self) -> bytes:
        """All metrics, of all workers, as Prometheus reads them."""
        self.sample()
        if self._folder is None:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        together.register(_Present(MultiProcessCollector(None, str(self._folder))))  # type: ignore[no-untyped-call]
        return generate_latest(together)


class _Present(Collector):
    """What another collector has, without the series that every worker has marked as gone."""

    def __init__(self, collector: MultiProcessCollector) -> None:
        self._collector = collector

    def collect(self) -> Iterator[Metric]:
        """See ``Collector``."""
        for family in self._collector.collect():  # type: ignore[no-untyped-call]
            family.samples = [sample for sample in family.samples if sample.value != _GONE or family.type != "gauge"]
            yield family
