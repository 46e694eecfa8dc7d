"""Searching as every door does it: which way a search runs, what it asks of the release, what is counted."""

import time
from dataclasses import dataclass

from anyio import sleep

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.retrieval.filters import matching, parse_filter
from app.retrieval.retriever import Query, Result, Search, unit_vector
from app.schemas.search import SearchBody
from app.services.state import Services
from app.serving.release import ServingRelease
from indexing.catalogue.collections import require_collection
from indexing.errors import NotYetSearchable
from indexing.records import Partition
from indexing.telemetry import annotate

_LOOK_SECONDS = 0.02


BRIEF_BYTES = 16_000_000
"""What a brief search of a collection reads at most: a core reads some 20 MB in a millisecond."""


BRIEF_CHARACTERS = 500
"""Of a question up to which it is brief: each new word is looked up."""


BRIEF_CHARACTER_ROWS = 4_000_000
"""A brief question's characters times the collection's passages: each word may be in most of them."""


BRIEF_K = 100


BRIEF_CANDIDATES = 2_000
"""Passages that a brief search scores at most: documents are scored as a whole, and may be long."""


def _is_brief(serving: ServingRelease, partition: Partition, body: SearchBody) -> bool:
    """Whether a search takes no more than a millisecond or two beside encoding, as far as can be said beforehand.

    Handing it to a thread would take nearly as long, and threads only wait for each other's interpreter.
    """
    if serving.reranker is not None or body.filters is not None or not serving.is_open(partition):
        return False
    text = body.query or "".join(turn.message.content for turn in body.messages or ())
    if len(text) > BRIEF_CHARACTERS or body.k > BRIEF_K or len(body.principals) > BRIEF_K:
        return False
    view = serving.view(partition)
    return view is None or (
        view.has_stored_attributes
        and view.search_bytes <= BRIEF_BYTES
        and view.length * len(text) <= BRIEF_CHARACTER_ROWS
    )


async def wait_for_write(services: Services, tenant: str, body: SearchBody, deadline: Deadline) -> None:
    """Wait until searches see the write ``min_seq``, but not for long; takes no thread and no place at the door.

    Raises:
        Overloaded: too many wait already.
    """
    if body.min_seq is None:
        return
    live, partition, seq = services.live, Partition(tenant, body.collection), body.min_seq
    if live.reached(services.pool.current(), partition) >= seq:
        return
    with services.waiting.take():
        if not live.is_to_come(partition, seq):
            return  # the search says what is missing
        until = time.monotonic() + min(services.home.settings.min_seq_seconds, deadline.remaining_seconds)
        while live.reached(services.pool.current(), partition) < seq and time.monotonic() < until:
            await sleep(_LOOK_SECONDS)


def find(
    services: Services, caller: Caller, body: SearchBody, deadline: Deadline
) -> tuple[ServingRelease, Result, int]:
    """Search a collection of the caller's tenant as a body asks, count and log it.

    Returns:
        What served, the result, and the sequence number up to which it sees every write that waits for no build.

    Raises:
        NotFound: the tenant has no such collection.
        NotYetSearchable: the write ``min_seq`` cannot be found here.
        InvalidInput: a filter or a vector is not as it must be.
        DeadlineExceeded: the time was over before the last stage began.
    """
    asked = _ask(services, services.pool.current(), caller, body, deadline)
    result = services.complete(asked.search)
    _tell(services, caller, body, asked, result)
    return asked.serving, result, asked.seq


@dataclass(frozen=True, slots=True)
class _Asked:
    """A search that has begun, by what it is served, and up to which write it sees them."""

    serving: ServingRelease
    search: Search
    seq: int


def _ask(services: Services, serving: ServingRelease, caller: Caller, body: SearchBody, deadline: Deadline) -> _Asked:
    deadline.check()
    partition = Partition(caller.tenant, body.collection)
    seq = services.live.reached(serving, partition)
    if body.min_seq is not None and not services.live.has_reached(serving, partition, body.min_seq):
        waits_for_build = services.live.waits_for_build(partition, body.min_seq)
        raise NotYetSearchable(
            f"min_seq is {body.min_seq}, and searches of collection {body.collection!r} see writes up to {seq} here:"
            f" this one {'waits for a build' if waits_for_build else 'is still on its way'}. Search without min_seq, or"
            " try again later."
        )
    view = serving.view(partition)
    if view is None or not view.rows:
        require_collection(services.home.catalogue, partition)
    turns = body.turns(serving.recipe.conversation)
    query = Query(
        turns.question,
        body.k,
        body.mode,
        body.group_by_document,
        None if body.vector is None else unit_vector(body.vector),
        matching(None if body.filters is None else parse_filter(body.filters), body.principals),
        tuple(turns.earlier),
    )
    return _Asked(serving, services.retriever.begin(serving, partition, query, deadline.check), seq)


def _tell(services: Services, caller: Caller, body: SearchBody, asked: _Asked, result: Result) -> None:
    """Count and log a search."""
    release = asked.serving.release.number
    services.metrics.observe(release, result.timings_ms)
    annotate(release=release, mode=body.mode, hits=len(result.hits), timings_ms=result.timings_ms)
    if services.home.settings.log_queries and caller.log_queries:
        annotate(query=asked.search.text)
