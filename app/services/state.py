"""The state of one API process, which every door shares."""

from collections.abc import Callable
from dataclasses import dataclass

from app.access.concurrency import ConcurrencyLimit
from app.access.rate_limit import RateLimiter
from app.access.sequence_tokens import SequenceTokens
from app.access.upload_limit import UploadLimit
from app.ledger.feedback_recorder import FeedbackRecorder
from app.ledger.view_recorder import ViewRecorder
from app.live.layer import LiveLayer
from app.metrics import Metrics
from app.retrieval.retriever import Retriever
from app.services.embedding_threads import EmbeddingThreads
from app.services.interleaving import InterleavedSearches
from app.services.request_records import RequestRecords
from app.services.search_executor import SearchExecutor
from app.services.shadow import ShadowSearches
from app.services.traced_searches import TracedSearches
from app.serving.release_pool import ReleasePool
from app.tracing.opening import Told
from indexing.catalogue.cached_reads import CachedReads
from indexing.catalogue.database import utc_now
from indexing.home import Home


@dataclass(slots=True)
class Services:
    """Made by ``main`` and kept in ``app.state.services``.

    ``reads`` is what every request asks the catalogue, kept until the next commit; ``records`` takes what every search
        was to the ledger, ``views`` what it could see, ``feedback`` what users said of it; ``shadows`` lets a candidate
    answer them as well, afterwards, and ``interleaving`` at once. ``collector`` is told of requests, and ``traced``
    notes what for, where the settings name one.

    ``searches``, ``threaded_requests``, ``write_waits``, ``measurements`` and ``uploads`` say how many of each may be
    in progress;
    ``now`` tells the moment, ISO 8601 in UTC.
    """

    home: Home
    reads: CachedReads
    sequence_tokens: SequenceTokens
    records: RequestRecords
    views: ViewRecorder | None
    feedback: FeedbackRecorder
    pool: ReleasePool
    retriever: Retriever
    live: LiveLayer
    shadows: ShadowSearches
    interleaving: InterleavedSearches
    metrics: Metrics
    limiter: RateLimiter
    executor: SearchExecutor
    embeddings: EmbeddingThreads
    searches: ConcurrencyLimit
    threaded_requests: ConcurrencyLimit
    write_waits: ConcurrencyLimit
    measurements: ConcurrencyLimit
    uploads: UploadLimit
    collector: Told | None = None
    traced: TracedSearches | None = None
    is_stopping: bool = False
    now: Callable[[], str] = utc_now
