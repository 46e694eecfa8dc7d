"""Search as every door does it: where it runs, what it asks of the release, what is counted and recorded."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import TypeVar

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.retrieval.search import TooManyCandidates
from app.schemas.search import QuestionBody, SearchBody
from app.services.begun_search import Found, assign_release, begin_search, found_by, wait_for_write
from app.services.request_records import SEARCH, RequestRecord
from app.services.search_executor import Client
from app.services.several_collections import search_several
from app.services.state import Services
from app.serving.release import ServingRelease
from indexing.records import Partition

__all__ = ["Found", "search", "wait_for_write"]
_Answer = TypeVar("_Answer")
_Body = TypeVar("_Body", bound=QuestionBody)
INLINE_BYTES = 16_000_000
"""Bytes that a search in the event loop reads at most: a core reads some 20 MB in a millisecond.
Source: decision 25."""
INLINE_CHARACTERS = 500
"""Characters of its question at most: each new word is looked up. Source: decision 25."""
INLINE_CHARACTER_ROWS = 4_000_000
"""Characters of its question times passages of the collection at most: each word may be in most of them.
Source: decision 25."""
INLINE_K = 100
"""Hits that are asked for, and principals that ask. Source: decision 25."""
INLINE_CANDIDATES = 2_000
"""Passages that it scores at most: documents are scored as a whole, and may be long. Source: decision 25."""


async def search(
    services: Services,
    client: Client,
    caller: Caller,
    body: QuestionBody,
    deadline: Deadline,
    answer: Callable[[Found], _Answer],
    *,
    kind: str = SEARCH,
    is_admitted: bool = False,
) -> _Answer:
    """Search a collection of the caller's tenant as a body asks; a short search in the event loop, others in a thread.

    ``answer`` makes what is sent of what was found, in the same place; of another ``kind`` than a search it takes time,
    and never stays in the event loop. Every request that comes here has its row in the ledger, also one that fails; a
    search of several collections one for each. One that ``is_admitted`` is part of what counts as in progress already.

    Raises:
        Overloaded: too many searches are in progress, or wait for writes.
        ClientGone: the client has gone before the search began.
        NotFound: the tenant has no such collection.
        NotYetSearchable: the write ``min_seq`` cannot be found here.
        InvalidInput: ``min_seq``, a filter or a vector is not as it must be.
        ArtefactCorrupt: a shard turned out to be damaged, or none of the collection's can be read.
        DeadlineExceeded: the time was over before the last stage began.
    """
    body = _as_bound(caller, body)
    admission = nullcontext() if is_admitted else services.searches.take()
    if isinstance(body, SearchBody) and body.collections is not None:
        return await search_several(services, client, caller, body, deadline, answer, admission)
    with services.records.begin(kind, caller, body) as record:
        await wait_for_write(services, record, deadline)
        serving = assign_release(services, record)  # first, so that the ledger says which release refused it
        with admission:
            sent = await _answer(services, serving, client, record, deadline, answer)
    if record.assignment.is_shadowed:  # once this task is done with the answer
        asyncio.get_running_loop().call_soon(services.shadows.offer, record)
    return sent


def _as_bound(caller: Caller, body: _Body) -> _Body:
    """A body as the caller's key lets it ask.

    Raises:
        Forbidden: it names a collection or a principal that the key is not bound to.
    """
    several = body.collections if isinstance(body, SearchBody) else None
    for collection in [body.collection] if several is None else several:
        caller.partition(collection)
    if caller.principals is None:
        return body
    return body.model_copy(update={"principals": list(caller.asking_for(body.principals) or ())})


async def _answer(
    services: Services,
    serving: ServingRelease,
    client: Client,
    record: RequestRecord,
    deadline: Deadline,
    answer: Callable[[Found], _Answer],
) -> _Answer:
    executor, partition = services.executor, record.caller.partition(record.body.collection)
    is_interleaved = _is_interleaved(services, record)
    needs_thread = record.kind != SEARCH or is_interleaved or services.reads.may_expire(partition)  # its use is written
    if needs_thread or not _runs_inline(serving, partition, record.body):
        find = partial(_find, services, record, deadline, is_interleaved=is_interleaved)
        return await executor.in_thread(client, deadline, lambda: answer(find()))
    await executor.take_loop_slot(deadline)
    begun = begin_search(services, serving, record, deadline)
    begun.search.use_known_vector()
    if begun.search.needs_encoding:
        await executor.encode(client, deadline, begun.search)
        await executor.take_loop_slot(deadline)
    try:
        result = begun.search.result(INLINE_CANDIDATES)
    except TooManyCandidates:
        result = await executor.in_thread(client, deadline, begun.search.result)
    return answer(found_by(services, record, begun, result))


def _is_interleaved(services: Services, record: RequestRecord) -> bool:
    """Whether the candidate is to search as well, and there is capacity for it; where not, that is counted."""
    if not record.assignment.is_interleaved:
        return False
    is_busy = services.interleaving.is_busy()
    if is_busy:
        services.interleaving.shed(record)
    return not is_busy


def _runs_inline(serving: ServingRelease, partition: Partition, body: QuestionBody) -> bool:
    """Whether a search takes no more than a millisecond or two beside encoding, as far as can be said beforehand.

    Handing it to a thread would take nearly as long, and threads only wait for each other's interpreter.
    """
    if (
        serving.reranker is not None
        or serving.boosts is not None
        or body.filters is not None
        or body.takes_time
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


def _find(services: Services, record: RequestRecord, deadline: Deadline, *, is_interleaved: bool) -> Found:
    """Search in the calling thread, by what the plan says now: the request may have waited."""
    begun = begin_search(services, assign_release(services, record), record, deadline)
    if not (is_interleaved and record.assignment.is_interleaved):
        return found_by(services, record, begun, services.executor.complete(begun.search))
    finish = services.interleaving.begin(record, deadline)
    return found_by(services, record, begun, finish(services.executor.complete(begun.search)))
