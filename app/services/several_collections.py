"""Searches of several collections: each ranks by itself, and the best hits of all are one ranking by score.

Each collection has its own row in the ledger, as its documents have their own lives: a row holds those of its hits that
were shown, is replayed by itself, and loses what is erased of its collection.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import TypeVar

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.retrieval.hits import RankedPassage, Result
from app.retrieval.query import PartShown
from app.retrieval.ranking import MergedRanking, TieredRanking, page_of, ranked_from
from app.schemas.search import SearchBody
from app.services.begun_search import (
    Begun,
    Found,
    assign_release,
    begin_search,
    count_search,
    public_result,
    wait_for_write,
)
from app.services.request_records import SEARCH, RequestRecord
from app.services.search_executor import Client
from app.services.state import Services
from indexing.telemetry import annotate

_Answer = TypeVar("_Answer")


async def search_several(
    services: Services,
    client: Client,
    caller: Caller,
    body: SearchBody,
    deadline: Deadline,
    answer: Callable[[Found], _Answer],
    admission: AbstractContextManager[None],
) -> _Answer:
    """Search several collections of the caller's tenant in a thread; one that cannot be searched fails all.

    Raises:
        GroundworkError: as ``app.services.search.search``.
    """
    with ExitStack() as rows:
        records = [
            rows.enter_context(services.records.begin(SEARCH, caller, body.part(name)))
            for name in body.collections or ()
        ]
        for record in records:
            record.is_part, record.features["collections"] = True, float(len(records))
            await wait_for_write(services, record, deadline)

        def search() -> tuple[_Answer, list[RequestRecord]]:
            parts = _Parts(services, records, deadline)
            return answer(parts.found(body)), parts.to_shadow()

        with admission:
            sent, to_shadow = await services.executor.in_thread(client, deadline, search)
    for record in to_shadow:
        asyncio.get_running_loop().call_soon(services.shadows.offer, record)
    return sent


class _Parts:
    """The searches of one request, all of the same release, in one thread."""

    def __init__(self, services: Services, records: Sequence[RequestRecord], deadline: Deadline) -> None:
        self._services, self._records, self._began = services, records, time.perf_counter()
        serving = assign_release(services, records[0])
        for record in records[1:]:
            record.assignment, record.release = records[0].assignment, records[0].release
        self._begun: list[Begun] = [begin_search(services, serving, record, deadline) for record in records]
        self._late: list[list[str]] = [[] for _ in records]
        self._rankings: list[TieredRanking] = []

    def found(self, body: SearchBody) -> Found:
        """The hits that are wanted of all collections, and what the ledger holds of each."""
        self._rankings = self._ranked()
        merged = MergedRanking(self._rankings, self._begun[0].search.by_place)
        page = page_of(merged, body.skipped, body.k, collapse=body.collapse)
        kept = page if body.min_score is None else [hit for hit in page if hit.score >= body.min_score]
        results = [
            self._take(record, begun, merged, kept, late)
            for record, begun, late in zip(self._records, self._begun, self._late, strict=True)
        ]
        whole = Result(
            ranked_from(kept, body.skipped),
            self._timings(results),
            [warning for result in results for warning in result.warnings],
            below_min_score=len(page) - len(kept),
        )
        first, services = self._records[0], self._services
        count_search(services, first, whole, self._begun[0].search.text)
        annotate(collections=len(results))
        token = services.sequence_tokens.of_answer(first.caller.tenant, min(begun.seq for begun in self._begun))
        parts = {record.body.collection: record for record in self._records}
        return Found(self._begun[0].serving, first.assignment, whole, token, first, parts)

    def to_shadow(self) -> list[RequestRecord]:
        """What a candidate shall answer as well: of each collection what it would be answered alone."""
        if not self._records[0].assignment.is_shadowed:
            return []
        return [
            replace(record, result=replace(record.result, hits=ranking.hits(0, record.body.k)))
            for record, ranking in zip(self._records, self._rankings, strict=True)
            if record.result is not None
        ]

    def _ranked(self) -> list[TieredRanking]:
        """Their rankings; the question is encoded once, and a word counts everywhere if any collection knows it."""
        searches = [begun.search for begun in self._begun]
        encoding = next((search for search in searches if search.needs_encoding), None)
        if encoding is not None:
            self._services.executor.prepare(encoding)
            for search in searches:
                search.use_vector_of(encoding)
        for search in searches:
            search.score_terms()
        known = {term for search in searches for term in search.known_terms}
        for search in searches:
            search.take_part(known)
        return [search.ranking(late) for search, late in zip(searches, self._late, strict=True)]

    def _take(
        self,
        record: RequestRecord,
        begun: Begun,
        merged: MergedRanking,
        page: Sequence[RankedPassage],
        late: list[str],
    ) -> Result:
        """What is shown of a collection; its row says so."""
        own = [hit for hit in page if hit.passage.partition.collection == record.body.collection]
        places, ranks = tuple(hit.rank - 1 for hit in own), tuple(map(merged.rank_of, own))
        record.part = PartShown(places, ranks, begun.search.max_score, begun.search.unknown_share)
        result = public_result(self._services, begun.search.result_of(own, late))
        record.result = replace(result, hits=[replace(hit, near_duplicates=()) for hit in own])
        return result

    def _timings(self, results: Sequence[Result]) -> dict[str, float]:
        """Each stage of all; the total is what all took together."""
        stages = dict.fromkeys((stage for result in results for stage in result.timings_ms), 0.0)
        for result in results:
            for stage, milliseconds in result.timings_ms.items():
                stages[stage] += milliseconds
        return {**stages, "total": (time.perf_counter() - self._began) * 1000.0}
