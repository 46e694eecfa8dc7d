"""Search as every door does it: where it runs, what it asks of the release, what is counted and recorded."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from anyio import sleep

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.retrieval.retriever import Result, Search, TooManyCandidates
from app.schemas.search import SearchBody
from app.services.queries import query_for
from app.services.request_records import SEARCH, RequestRecord
from app.services.search_executor import Client
from app.services.state import Services
from app.serving.assignment import Assignment, lacks_user
from app.serving.release import ServingRelease
from indexing.errors import NotYetSearchable, public_text
from indexing.ledger.ids import moment_of
from indexing.records import Partition
from indexing.telemetry import annotate

_Answer = TypeVar("_Answer")
_LOOK_SECONDS = 0.02
"""Between two looks whether a write can be found yet."""
INLINE_BYTES = 16_000_000
"""Bytes that a search in the event loop reads at most: a core reads some 20 MB in a millisecond."""
INLINE_CHARACTERS = 500
"""Characters of its question at most: each new word is looked up."""
INLINE_CHARACTER_ROWS = 4_000_000
"""Characters of its question times passages of the collection at most: each word may be in most of them."""
INLINE_K = 100
"""Hits that are asked for, and principals that ask."""
INLINE_CANDIDATES = 2_000
"""Passages that it scores at most: documents are scored as a whole, and may be long."""


@dataclass(frozen=True, slots=True)
class Found:
    """What served a search and why, its result, and the token of how far it sees the writes that wait for no build.

    ``record`` is what the ledger will hold of it; its ``query_id`` stands in the answer.
    """

    serving: ServingRelease
    assignment: Assignment
    result: Result
    seq: str
    record: RequestRecord


async def search(
    services: Services,
    client: Client,
    caller: Caller,
    body: SearchBody,
    deadline: Deadline,
    answer: Callable[[Found], _Answer],
    *,
    kind: str = SEARCH,
) -> _Answer:
    """Search a collection of the caller's tenant as a body asks; a short search in the event loop, others in a thread.

    ``answer`` makes what is sent of what was found, in the same place; of another ``kind`` than a search it takes time,
    and never stays in the event loop. Every request that comes here has its row in the ledger, also one that fails.

    Raises:
        Overloaded: too many searches are in progress, or wait for writes.
        ClientGone: the client has gone before the search began.
        NotFound: the tenant has no such collection.
        NotYetSearchable: the write ``min_seq`` cannot be found here.
        InvalidInput: ``min_seq``, a filter or a vector is not as it must be.
        ArtefactCorrupt: a shard turned out to be damaged, or none of the collection's can be read.
        DeadlineExceeded: the time was over before the last stage began.
    """
    with services.records.begin(kind, caller, body) as record:
        await wait_for_write(services, record, deadline)
        sent = await _answer(services, client, record, deadline, answer)
    if record.assignment.is_shadowed:  # once this task is done with the answer
        asyncio.get_running_loop().call_soon(services.shadows.offer, record)
    return sent


async def _answer(
    services: Services,
    client: Client,
    record: RequestRecord,
    deadline: Deadline,
    answer: Callable[[Found], _Answer],
) -> _Answer:
    executor = services.executor
    serving, partition = _assign(services, record), Partition(record.caller.tenant, record.body.collection)
    is_interleaved = _is_interleaved(services, record)
    if record.kind != SEARCH or is_interleaved or not _runs_inline(serving, partition, record.body):
        find = partial(_find, services, record, deadline, is_interleaved=is_interleaved)
        return await executor.run(client, deadline, lambda: answer(find()))
    with services.searches.take():
        await executor.take_loop_slot(deadline)
        begun = _begin(services, serving, record, deadline)
        begun.search.use_known_vector()
        if begun.search.needs_encoding:
            await executor.encode(client, deadline, begun.search)
            await executor.take_loop_slot(deadline)
        try:
            result = begun.search.result(INLINE_CANDIDATES)
        except TooManyCandidates:
            result = await executor.in_thread(client, deadline, begun.search.result)
        return answer(_found(services, record, begun, result))


def _is_interleaved(services: Services, record: RequestRecord) -> bool:
    """Whether the candidate is to search as well, and there is capacity for it; where not, that is counted."""
    if not record.assignment.is_interleaved:
        return False
    is_busy = services.interleaving.is_busy()
    if is_busy:
        services.interleaving.shed(record)
    return not is_busy


def _assign(services: Services, record: RequestRecord) -> ServingRelease:
    """What answers a request by the plan of this moment; its record says why."""
    assignment, serving = services.pool.assigned(
        tenant=record.caller.tenant,
        user=record.body.user,
        request_id=record.request_id,
        by_vector=record.body.vector is not None,
    )
    if assignment.is_interleaved and record.kind != SEARCH:
        assignment = Assignment(assignment.recipe, "live", "live")  # only searches are interleaved
    record.assignment, record.release = assignment, serving.release
    return serving


def _runs_inline(serving: ServingRelease, partition: Partition, body: SearchBody) -> bool:
    """Whether a search takes no more than a millisecond or two beside encoding, as far as can be said beforehand.

    Handing it to a thread would take nearly as long, and threads only wait for each other's interpreter.
    """
    if (
        serving.reranker is not None
        or serving.boosts is not None
        or body.filters is not None
        or not serving.is_open(partition)
    ):
        return False
    text = body.query or "".join(message.content for message in body.spoken)
    if len(text) > INLINE_CHARACTERS or body.k > INLINE_K or len(body.principals) > INLINE_K:
        return False
    view = serving.view(partition)
    return view is None or (
        view.has_stored_attributes
        and view.search_bytes <= INLINE_BYTES
        and view.length * len(text) <= INLINE_CHARACTER_ROWS
    )


async def wait_for_write(services: Services, record: RequestRecord, deadline: Deadline) -> None:
    """Wait a little until the request's searches see the write ``min_seq``; takes no thread and is no search yet.

    Raises:
        InvalidInput: ``min_seq`` is not one of the tenant's.
        Overloaded: too many wait already.
    """
    body, tenant, live = record.body, record.caller.tenant, services.live
    if body.min_seq is None:
        return
    partition = Partition(tenant, body.collection)
    seq = services.sequence_tokens.read(tenant, body.min_seq)
    if live.reached(_assign(services, record), partition) >= seq:
        return
    with services.write_waits.take():
        if not live.is_to_come(_assign(services, record), partition, seq):
            return  # the search says what is missing
        until = time.monotonic() + min(services.home.settings.min_seq_seconds, deadline.remaining_seconds)
        while live.reached(_assign(services, record), partition) < seq and time.monotonic() < until:
            await sleep(_LOOK_SECONDS)


def _find(services: Services, record: RequestRecord, deadline: Deadline, *, is_interleaved: bool) -> Found:
    """Search in the calling thread, by what the plan says now: the request may have waited."""
    begun = _begin(services, _assign(services, record), record, deadline)
    if not (is_interleaved and record.assignment.is_interleaved):
        return _found(services, record, begun, services.executor.complete(begun.search))
    finish = services.interleaving.begin(record, deadline)
    return _found(services, record, begun, finish(services.executor.complete(begun.search)))


@dataclass(frozen=True, slots=True)
class _Begun:
    """A search that has begun, by what it is served, and up to which write it sees them."""

    serving: ServingRelease
    search: Search
    seq: int


def _found(services: Services, record: RequestRecord, begun: _Begun, result: Result) -> Found:
    """Count, log and record a search; of it is told: warnings name shards, and no place of a file on this machine."""
    _count(services, record, begun, result)
    if result.warnings:
        home = services.home.path
        result = replace(result, warnings=[public_text(warning, home) for warning in result.warnings])
    record.result = result
    token = services.sequence_tokens.of_answer(record.caller.tenant, begun.seq)
    return Found(begun.serving, record.assignment, result, token, record)


def _begin(services: Services, serving: ServingRelease, record: RequestRecord, deadline: Deadline) -> _Begun:
    body = record.body
    deadline.check()
    partition = Partition(record.caller.tenant, body.collection)
    seq = record.seq = services.live.reached(serving, partition)
    if body.min_seq is not None:
        _require_reached(services, serving, partition, body.min_seq)
    view = serving.view(partition)
    if view is None or not view.rows:
        services.reads.require_collection(partition)
        serving.require_searchable(partition)
    # The moment that its row names, so that a replay computes the same ages.
    query = query_for(body, serving.recipe, None if serving.boosts is None else moment_of(record.id))
    search = services.retriever.begin(serving, partition, query, deadline.check)
    record.view, record.stages = search.view_number, search.moments
    record.model, record.dimension = serving.recipe.model, serving.embedder.dimension
    return _Begun(serving, search, seq)


def _require_reached(services: Services, serving: ServingRelease, partition: Partition, min_seq: str | int) -> None:
    wanted = services.sequence_tokens.read(partition.tenant, min_seq)
    if services.live.has_reached(serving, partition, wanted):
        return
    waits_for_build = services.live.waits_for_build(serving, partition, wanted)
    raise NotYetSearchable(
        f"Searches of collection {partition.collection!r} do not see the write of min_seq {min_seq} here yet: it"
        f" {'waits for a build' if waits_for_build else 'is still on its way'}. Search without min_seq, or try again"
        " later."
    )


def _count(services: Services, record: RequestRecord, begun: _Begun, result: Result) -> None:
    """Count and log a search."""
    release = begun.serving.release
    services.metrics.observe(release.recipe, result.timings_ms)
    if record.assignment.unit is not None and lacks_user(services.pool.now().plan, record.assignment, record.body.user):
        services.metrics.without_user.inc()
    annotate(release=release.number, mode=record.body.mode, hits=len(result.hits), timings_ms=result.timings_ms)
    if services.home.settings.log_queries and record.caller.log_queries:
        annotate(query=begun.search.text)
