"""Request records: what becomes of every request that reaches a search, from its first moment to its ledger row."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from uuid import UUID

from app.access.authentication import Caller
from app.ledger.batch_queue import CLOSE_SECONDS
from app.ledger.query_ids import LedgerIds, QueryIds
from app.ledger.recorder import Recorder
from app.ledger.sketch_sample import SketchSample
from app.retrieval.hits import Result
from app.retrieval.query import PartShown
from app.schemas.search import QuestionBody
from app.services.request_rows import RowPolicy, features_of, filters_of, hits_of, query_of
from app.serving.assignment import Assignment
from indexing.errors import ClientGone, GroundworkError
from indexing.ledger.query_sketches import sketch_of
from indexing.ledger.records import QuerySketch, RequestRow
from indexing.releases.release import Release
from indexing.telemetry import request_id

SEARCH, CONTEXT, SHADOW = "search", "context", "shadow"
"""Kinds of requests that reach a search."""
NO_RELEASE = "0.0"
"""The release of a request that failed before one was chosen."""
NOT_ASSIGNED = Assignment(0, "live", "failed before it was assigned")
"""Of a request that failed before."""
_ROW_BYTES, _HIT_BYTES, _NUMBER_BYTES, _FILTER_BYTES = 2_000, 2_000, 32, 16_000
"""About what a request, a hit with its text, a number of a vector and a filter take in memory."""


@dataclass(slots=True)
class RequestRecord:
    """One request while it is answered; a context manager, after which its row is on its way to the ledger.

    What is known is put into it when it is known, and costs the request no more than that: the row is made of it in
    the recorder's thread. ``features`` and ``timings_ms`` are of what was done beside the search; ``stages`` are the
    ``moments`` of its timings; ``model`` and ``dimension`` are of what encodes questions for the release. One that
    ``is_part`` is of one collection of several that were searched at once, and ``part`` says which of its hits were
    shown.
    """

    id: UUID
    query_id: str
    kind: str
    request_id: str
    caller: Caller
    body: QuestionBody
    records: "RequestRecords"
    began: float = field(default_factory=time.perf_counter)
    release: Release | None = None
    assignment: Assignment = NOT_ASSIGNED
    seq: int = 0
    view: int = 0
    result: Result | None = None
    features: dict[str, float] = field(default_factory=dict)
    timings_ms: dict[str, float] = field(default_factory=dict)
    status: int = 200
    error: str | None = None
    shadow_of: UUID | None = None
    comparison: Mapping[str, float | str] | None = None
    is_part: bool = False
    part: PartShown | None = None
    model: str = ""
    dimension: int = 0
    stages: Sequence[tuple[str, float, float]] = ()

    def __enter__(self) -> "RequestRecord":
        """Begin; everything of the request that may fail stands in the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Say how the request ended, and hand the record over; an error goes on as it came."""
        if error is not None:
            self.status, self.error = self.records.outcome_of(error)
            self.result = None  # it was not answered
            self.timings_ms["total"] = (time.perf_counter() - self.began) * 1000.0
        self.records.recorder.record(self)
        if self.records.on_end is not None:
            self.records.on_end(self)

    @property
    def size_bytes(self) -> int:
        """See ``PendingRow``."""
        body = self.body
        size = _ROW_BYTES + len(body.query or "")
        if self.result is not None:
            size += _HIT_BYTES * len(self.result.hits)
            if self.result.query_vector is not None:
                size += self.result.query_vector.vector.nbytes
        if body.messages is not None:
            size += sum(_ROW_BYTES + len(turn.message.content) for turn in body.messages)  # held until it is written
        if body.vector is not None:
            size += _NUMBER_BYTES * len(body.vector)
        return size + (_FILTER_BYTES if body.filters is not None or body.principals else 0)

    def row(self, process: str, number: int) -> RequestRow:
        """See ``PendingRow``."""
        policy, body, result = self.records.policy, self.body, self.result
        is_whole = policy.is_whole
        keeps_text = is_whole and policy.may_keep_text and self.caller.log_queries
        hits = hits_of(result if is_whole else None)
        timings = ({} if result is None else result.timings_ms) | self.timings_ms
        return RequestRow(
            id=self.id,
            process=process,
            number=number,
            kind=self.kind,
            request_id=self.request_id,
            tenant=self.caller.tenant,
            collection=body.collection,
            user=policy.user_hash(body.user),
            release=NO_RELEASE if self.release is None else self.release.number,
            rollout=self.assignment.rollout,
            arm=self.assignment.arm,
            reason=self.assignment.reason,
            unit=policy.unit_hash(self.assignment),
            mode=body.mode,
            k=body.k,
            grouped=body.group_by_document,
            query_hash=policy.query_hash(body) if is_whole else None,
            query=query_of(body, self.part) if keeps_text else None,
            filters=filters_of(body) if keeps_text else None,
            principals=list(body.principals) if keeps_text else None,
            query_features=features_of(body, result, hits, self.features) if is_whole else {},
            is_reranked=hits.rerank.count(None) < len(hits),
            seq=self.seq,
            view=self.view,
            hits=hits,
            timings_ms=timings if is_whole else {},
            status=self.status,
            error=self.error,
            warnings=() if result is None or not is_whole else tuple(result.warnings),
            shadow_of=self.shadow_of,
            comparison=self.comparison,
            is_whole=is_whole,
            sketch=self._sketch() if is_whole else None,
        )

    def _sketch(self) -> QuerySketch | None:
        """What is kept of the query's vector, where one was computed and the sample takes it."""
        if self.kind == SHADOW or self.result is None or self.result.query_vector is None:
            return None
        if not self.records.sketches.takes(self.caller.tenant, self.body.collection, self.began):
            return None
        computed = self.result.query_vector
        return sketch_of(self.records.policy.secret, computed.model, computed.vector)


class RequestRecords:
    """Begins records and takes them to the ledger. Safe to share between threads."""

    def __init__(
        self,
        recorder: Recorder,
        query_ids: QueryIds,
        policy: RowPolicy,
        status_of: Callable[[GroundworkError], int],
    ) -> None:
        """Record by ``policy``; ``status_of`` gives the HTTP status of an error."""
        self.recorder, self.query_ids, self.policy = recorder, query_ids, policy
        self._status_of = status_of
        self._ids = LedgerIds()
        self.sketches = SketchSample()
        self.on_end: Callable[[RequestRecord], None] | None = None
        """Told of each record when its request has ended, where it began."""

    def begin(self, kind: str, caller: Caller, body: QuestionBody) -> RequestRecord:
        """The record of a request that begins now, in whose context (``request_id``) it is called."""
        made = self._ids.new()
        return RequestRecord(made, self.query_ids.text(caller.tenant, made), kind, request_id.get(), caller, body, self)

    def outcome_of(self, error: BaseException) -> tuple[int, str]:
        """The HTTP status and the name of an error; a request that was cancelled has a client that is gone."""
        if isinstance(error, GroundworkError):
            return self._status_of(error), type(error).__name__
        if isinstance(error, Exception):
            return 500, "InternalError"
        return self._status_of(ClientGone("")), ClientGone.__name__

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write what waits, within ``seconds``."""
        self.recorder.close(seconds)
