"""What records the requests of a process: the recorder over the home's ledger, with its counts and metrics."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import replace

from app.ledger.counters import Counts, ProcessCounts, settle_dead
from app.ledger.feedback_recorder import OUTCOMES, FeedbackRecorder
from app.ledger.query_ids import SECRET, QueryIds
from app.ledger.recorder import DROP_REASONS, Recorder
from app.ledger.view_recorder import ViewRecorder
from app.metrics import Metrics
from app.services.request_records import RequestRecords
from app.services.request_rows import RowPolicy
from indexing.catalogue.home_secrets import home_secret
from indexing.errors import GroundworkError
from indexing.home import Home
from indexing.ledger.hashes import LEDGER_SECRET
from indexing.ledger.readers import served_request
from indexing.ledger.store import LedgerStore

logger = logging.getLogger(__name__)
_PROCESS_BYTES = 8
"""Of the id of a process's start: two starts of a home have the same one by chance once in 2**32 starts."""


def request_records_for(home: Home, metrics: Metrics, status_of: Callable[[GroundworkError], int]) -> RequestRecords:
    """What records the requests of a process that starts now; counts of processes that were killed are settled first.

    Args:
        home: Whose ledger it is.
        metrics: Where rows are counted.
        status_of: The HTTP status of an error.
    """
    ledger = home.ledger
    settle_dead(ledger.folder, lambda counts: _settle(ledger, counts))
    process = secrets.token_hex(_PROCESS_BYTES)
    recorder = Recorder(ledger, ProcessCounts(ledger.folder, process), _Told(metrics))
    metrics.watch(metrics.ledger_queue, lambda: recorder.queued)
    metrics.watch(metrics.ledger_bytes, ledger.bytes_of_today)
    policy = RowPolicy(
        secret=home_secret(home.catalogue, LEDGER_SECRET),
        is_whole=home.settings.ledger == "on",
        may_keep_text=home.settings.log_queries,
    )
    return RequestRecords(recorder, QueryIds(home_secret(home.catalogue, SECRET)), policy, status_of)


def view_recorder_for(home: Home, metrics: Metrics, process: str) -> ViewRecorder | None:
    """What records the changes of the process's live views; none where the ledger keeps assignments alone."""
    if home.settings.ledger != "on":
        return None
    return ViewRecorder(home.ledger, process, metrics.view_changes_dropped.inc)


def feedback_recorder_for(home: Home, metrics: Metrics) -> FeedbackRecorder:
    """What records the feedback that a process gets."""
    counters = {outcome: metrics.feedback.labels(outcome) for outcome in OUTCOMES}  # 0 from the start
    return FeedbackRecorder(home.ledger, lambda outcome, rows: counters[outcome].inc(rows))


def _settle(ledger: LedgerStore, counts: Counts) -> None:
    """Let the ledger say what a process that has ended had counted, and the log what it lost."""
    if counts.writing > counts.written and counts.last_id is not None and served_request(ledger, counts.last_id):
        counts = replace(counts, written=counts.writing)  # it was killed after the batch was stored
    ledger.put_counts(
        counts.process,
        accepted=counts.accepted,
        dropped=counts.dropped,
        written=counts.written,
        missing=counts.lost,
    )
    if counts.lost:
        fields = {"process": counts.process, "rows": counts.lost}
        logger.warning("ledger.rows_lost_in_a_kill", extra={"fields": fields})


class _Told:
    """Counts rows in the process's metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._dropped = {reason: metrics.ledger_dropped.labels(reason) for reason in DROP_REASONS}  # 0 from the start

    def accepted(self, rows: int) -> None:
        """See ``RowCounts``."""
        self._metrics.ledger_accepted.inc(rows)

    def written(self, rows: int) -> None:
        """See ``RowCounts``."""
        self._metrics.ledger_written.inc(rows)

    def dropped(self, reason: str, rows: int) -> None:
        """See ``RowCounts``."""
        self._dropped[reason].inc(rows)
