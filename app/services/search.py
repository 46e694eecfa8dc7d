"""Search as every door does it: where it runs, what it asks of the release, what is counted."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from anyio import sleep

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.retrieval.filters import matching
from app.retrieval.retriever import Query, Result, Search, TooManyCandidates, unit_vector
from app.schemas.filters import filter_of
from app.schemas.search import SearchBody
from app.services.search_executor import Client
from app.services.state import Services
from app.serving.release import ServingRelease
from indexing.errors import NotYetSearchable, public_text
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
    """What served a search, its result, and the token of how far it sees the writes that wait for no build."""

    serving: ServingRelease
    result: Result
    seq: str


async def search(
    services: Services,
    client: Client,
    caller: Caller,
    body: SearchBody,
    deadline: Deadline,
    answer: Callable[[Found], _Answer],
) -> _Answer:
    """Search a collection of the caller's tenant as a body asks; a short search in the event loop, others in a thread.

    ``answer`` makes what is sent of what was found, in the same place.

    Raises:
        Overloaded: too many searches are in progress, or wait for writes.
        ClientGone: the client has gone before the search began.
        NotFound, NotYetSearchable, InvalidInput, DeadlineExceeded: as ``find``.
    """
    await wait_for_write(services, caller.tenant, body, deadline)
    executor = services.executor
    serving, partition = services.pool.current(), Partition(caller.tenant, body.collection)
    if not _runs_inline(serving, partition, body):
        return await executor.run(client, deadline, lambda: answer(find(services, caller, body, deadline)))
    with services.searches.take():
        await executor.take_loop_slot(deadline)
        begun = _begin(services, serving, caller, body, deadline)
        begun.search.use_known_vector()
        if begun.search.needs_encoding:
            await executor.encode(client, deadline, begun.search)
            await executor.take_loop_slot(deadline)
        try:
            result = begun.search.result(INLINE_CANDIDATES)
        except TooManyCandidates:
            result = await executor.in_thread(client, deadline, begun.search.result)
        _record(services, caller, body, begun, result)
        return answer(_found(services, caller, begun, result))


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
    text = body.query or "".join(turn.message.content for turn in body.messages or ())
    if len(text) > INLINE_CHARACTERS or body.k > INLINE_K or len(body.principals) > INLINE_K:
        return False
    view = serving.view(partition)
    return view is None or (
        view.has_stored_attributes
        and view.search_bytes <= INLINE_BYTES
        and view.length * len(text) <= INLINE_CHARACTER_ROWS
    )


async def wait_for_write(services: Services, tenant: str, body: SearchBody, deadline: Deadline) -> None:
    """Wait a little until searches see the write ``min_seq``; takes no thread and counts as no search in progress.

    Raises:
        InvalidInput: ``min_seq`` is not one of the tenant's.
        Overloaded: too many wait already.
    """
    if body.min_seq is None:
        return
    live, partition = services.live, Partition(tenant, body.collection)
    seq = services.sequence_tokens.read(tenant, body.min_seq)
    if live.reached(services.pool.current(), partition) >= seq:
        return
    with services.write_waits.take():
        if not live.is_to_come(partition, seq):
            return  # the search says what is missing
        until = time.monotonic() + min(services.home.settings.min_seq_seconds, deadline.remaining_seconds)
        while live.reached(services.pool.current(), partition) < seq and time.monotonic() < until:
            await sleep(_LOOK_SECONDS)


def find(services: Services, caller: Caller, body: SearchBody, deadline: Deadline) -> Found:
    """Search a collection of the caller's tenant as a body asks, in the calling thread; count and log it.

    Raises:
        NotFound: the tenant has no such collection.
        NotYetSearchable: the write ``min_seq`` cannot be found here.
        InvalidInput: ``min_seq``, a filter or a vector is not as it must be.
        ArtefactCorrupt: a shard turned out to be damaged, or none of the collection's can be read.
        DeadlineExceeded: the time was over before the last stage began.
    """
    begun = _begin(services, services.pool.current(), caller, body, deadline)
    result = services.executor.complete(begun.search)
    _record(services, caller, body, begun, result)
    return _found(services, caller, begun, result)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A search that has begun, by what it is served, and up to which write it sees them."""

    serving: ServingRelease
    search: Search
    seq: int


def _found(services: Services, caller: Caller, begun: _Begun, result: Result) -> Found:
    """What is told of a search: warnings name shards, and no place of a file on this machine."""
    if result.warnings:
        home = services.home.path
        result = replace(result, warnings=[public_text(warning, home) for warning in result.warnings])
    return Found(begun.serving, result, services.sequence_tokens.of_answer(caller.tenant, begun.seq))


def _begin(services: Services, serving: ServingRelease, caller: Caller, body: SearchBody, deadline: Deadline) -> _Begun:
    deadline.check()
    partition = Partition(caller.tenant, body.collection)
    seq = services.live.reached(serving, partition)
    if body.min_seq is not None:
        _require_reached(services, serving, partition, body.min_seq)
    view = serving.view(partition)
    if view is None or not view.rows:
        services.reads.require_collection(partition)
        serving.require_searchable(partition)
    turns = body.turns(serving.recipe.conversation)
    query = Query(
        turns.question,
        body.k,
        body.mode,
        body.group_by_document,
        None if body.vector is None else unit_vector(body.vector),
        matching(None if body.filters is None else filter_of(body.filters), body.principals),
        tuple(turns.earlier),
    )
    return _Begun(serving, services.retriever.begin(serving, partition, query, deadline.check), seq)


def _require_reached(services: Services, serving: ServingRelease, partition: Partition, min_seq: str | int) -> None:
    wanted = services.sequence_tokens.read(partition.tenant, min_seq)
    if services.live.has_reached(serving, partition, wanted):
        return
    waits_for_build = services.live.waits_for_build(partition, wanted)
    raise NotYetSearchable(
        f"Searches of collection {partition.collection!r} do not see the write of min_seq {min_seq} here yet: it"
        f" {'waits for a build' if waits_for_build else 'is still on its way'}. Search without min_seq, or try again"
        " later."
    )


def _record(services: Services, caller: Caller, body: SearchBody, begun: _Begun, result: Result) -> None:
    """Count and log a search."""
    release = begun.serving.release.number
    services.metrics.observe(release, result.timings_ms)
    annotate(release=release, mode=body.mode, hits=len(result.hits), timings_ms=result.timings_ms)
    if services.home.settings.log_queries and caller.log_queries:
        annotate(query=begun.search.text)
