"""Begun searches: what a search asks of the release that serves it, up to its result; whichever place it runs in."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from anyio import sleep

from app.access.deadline import Deadline
from app.retrieval.hits import Result
from app.retrieval.search import Search
from app.services.queries import query_for
from app.services.request_records import SEARCH, RequestRecord
from app.services.state import Services
from app.services.store_use import note_use
from app.serving.assignment import Assignment, lacks_user
from app.serving.release import ServingRelease
from indexing.errors import NotYetSearchable, public_text
from indexing.ledger.ids import moment_of
from indexing.records import Partition
from indexing.telemetry import annotate

_LOOK_SECONDS = 0.02
"""Between two looks whether a write can be found yet. Our choice."""


@dataclass(frozen=True, slots=True)
class Found:
    """What served a search and why, its result, and the token of how far it sees the writes that wait for no build.

    ``record`` is what the ledger will hold of it; its ``query_id`` stands in the answer. A search of several
    collections has one for each, by the collection's name in ``parts``, of which ``record`` is the first.
    """

    serving: ServingRelease
    assignment: Assignment
    result: Result
    seq: str
    record: RequestRecord
    parts: Mapping[str, RequestRecord] = field(default_factory=dict)


def assign_release(services: Services, record: RequestRecord) -> ServingRelease:
    """What answers a request by the plan of this moment; its record says why."""
    assignment, serving = services.pool.assigned(
        tenant=record.caller.tenant,
        user=record.body.user,
        request_id=record.request_id,
        by_vector=record.body.vector is not None,
    )
    if assignment.is_interleaved and not _may_be_interleaved(record):
        assignment = Assignment(assignment.recipe, "live", "live")
    record.assignment, record.release = assignment, serving.release
    return serving


def _may_be_interleaved(record: RequestRecord) -> bool:
    """Only a search's first page is: which hits the lists of two releases give next depends on what was tossed."""
    return record.kind == SEARCH and not record.body.skipped and not record.is_part


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
    if live.reached(assign_release(services, record), partition) >= seq:
        return
    with services.write_waits.take():
        if not live.is_to_come(assign_release(services, record), partition, seq):
            return  # the search says what is missing
        until = time.monotonic() + min(services.home.settings.min_seq_seconds, deadline.remaining_seconds)
        while live.reached(assign_release(services, record), partition) < seq and time.monotonic() < until:
            await sleep(_LOOK_SECONDS)


@dataclass(frozen=True, slots=True)
class Begun:
    """A search that has begun, by what it is served, and up to which write it sees them."""

    serving: ServingRelease
    search: Search
    seq: int


def found_by(services: Services, record: RequestRecord, begun: Begun, result: Result) -> Found:
    """Count, log and record a search; of it is told: warnings name shards, and no place of a file on this machine."""
    count_search(services, record, result, begun.search.text)
    record.result = result = public_result(services, result)
    token = services.sequence_tokens.of_answer(record.caller.tenant, begun.seq)
    return Found(begun.serving, record.assignment, result, token, record)


def begin_search(services: Services, serving: ServingRelease, record: RequestRecord, deadline: Deadline) -> Begun:
    """Begin to search for what a record's body asks.

    Raises:
        GroundworkError: as ``app.services.search.search``.
    """
    body = record.body
    deadline.check()
    partition = record.caller.partition(body.collection)
    if services.reads.may_expire(partition):
        note_use(services, partition)
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
    return Begun(serving, search, seq)


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


def public_result(services: Services, result: Result) -> Result:
    """A result that tells no place of a file on this machine."""
    if not result.warnings:
        return result
    home = services.home.path
    return replace(result, warnings=[public_text(warning, home) for warning in result.warnings])


def count_search(services: Services, record: RequestRecord, result: Result, question: str) -> None:
    """Count and log a search, of which ``record`` says what was asked and what served it."""
    release = record.release
    if release is None:  # it is known once the search has begun
        return
    services.metrics.observe(release.recipe, result.timings_ms)
    if record.assignment.unit is not None and lacks_user(services.pool.now().plan, record.assignment, record.body.user):
        services.metrics.without_user.inc()
    annotate(release=release.number, mode=record.body.mode, hits=len(result.hits), timings_ms=result.timings_ms)
    if services.home.settings.log_queries and record.caller.log_queries:
        annotate(query=question)
