"""Searches of vector stores, which are collections: what OpenAI's clients ask, as searches of our own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.retrieval.hits import RankedPassage
from app.schemas.openai_search import VectorStoreSearchBody, attributes_of
from app.schemas.search import SearchBody
from app.services.search import Found, search
from app.services.search_executor import Client
from app.services.served_models import serving_tenant
from app.services.state import Services
from indexing.catalogue.files import files_of_documents
from indexing.catalogue.names import MAX_NAME_CHARS
from indexing.errors import InvalidInput, NotFound
from indexing.records import Json

NOT_REWRITTEN = "rewrite_query changes nothing: queries are searched as they are"
"""What is said to a client that asks for it."""


Files: TypeAlias = Mapping[str, tuple[str, str]]
"""Id and name of the file that a document came from, by the document's id."""


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom a client asks, where the body does not say it: principals, and the user."""

    principals: Sequence[str] = ()
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The results of a request in OpenAI's shape, what served it, and what is missing from it.

    ``query_ids`` name the rows of the ledger, one a query, in their order.
    """

    release: str
    snapshot: str
    query_ids: list[str]
    answer: dict[str, Json]
    warnings: list[str] = field(default_factory=list)


async def search_vector_store(
    services: Services,
    client: Client,
    caller: Caller,
    vector_store: str,
    body: VectorStoreSearchBody,
    asker: Asker,
    deadline: Deadline,
) -> Page:
    """Search a collection of the caller's tenant for each query of a body, and fuse what they find.

    Each query is a search, in the order of the body, with its own place among searches and its row in the ledger; all
    have the time of one.

    Raises:
        NotFound: the tenant has no such collection.
        InvalidInput: ``ranker`` is ``none``, and a release that serves the tenant reranks; the store has expired; or as
            ``search``.
        Overloaded, DeadlineExceeded, ClientGone, ArtefactCorrupt: as ``search``.
    """
    _require_ranker(services, caller, body)
    if not 0 < len(vector_store) <= MAX_NAME_CHARS:
        raise _missing(vector_store)
    partition, found = caller.partition(vector_store), []
    try:
        services.reads.require_collection(partition)
        for query in body.query:
            asked = _search_body(vector_store, query, body, asker)
            found.append(await search(services, client, caller, asked, deadline, _as_found))
    except NotFound as error:
        raise _missing(vector_store) from error
    hits = _fused(found)[: body.max_num_results]
    files: Files = {}
    if services.reads.has_files(partition):
        documents = {hit.passage.document_id for hit in hits}
        look_up = partial(files_of_documents, services.home.catalogue, partition, documents)
        files = await services.executor.in_thread(client, deadline, look_up)
    return _page(body, found, hits, files)


def _as_found(found: Found) -> Found:
    return found


def _require_ranker(services: Services, caller: Caller, body: VectorStoreSearchBody) -> None:
    if body.ranking.ranker == "none" and any(one.reranker for one in serving_tenant(services, caller.tenant)):
        raise InvalidInput(
            "ranker 'none' is not supported here: the release reranks, and a request cannot change that. Leave it out.",
            field="ranking_options.ranker",
        )


def _search_body(vector_store: str, query: str, body: VectorStoreSearchBody, asker: Asker) -> SearchBody:
    return SearchBody(
        query=query,
        collection=vector_store,
        k=body.max_num_results,
        group_by_document=False,
        filters=body.filters,
        principals=list(asker.principals),
        user=body.user or asker.user,
        min_score=body.ranking.score_threshold or None,
    )


def _missing(vector_store: str) -> NotFound:
    name = vector_store[:MAX_NAME_CHARS]
    return NotFound(f"No vector store {name!r}: its id is a collection's name. Check it.", field="vector_store_id")


def _page(body: VectorStoreSearchBody, found: Sequence[Found], hits: Sequence[RankedPassage], files: Files) -> Page:
    warnings = list(dict.fromkeys(warning for one in found for warning in one.result.warnings))
    answer: dict[str, Json] = {
        "object": "vector_store.search_results.page",
        "search_query": body.query,
        "data": [_result(hit, files) for hit in hits],
        "has_more": False,
        "next_page": None,
    }
    return Page(
        release=found[0].serving.release.number,
        snapshot=found[0].serving.snapshot.id,
        query_ids=[one.record.query_id for one in found],
        answer=answer,
        warnings=[*warnings, NOT_REWRITTEN] if body.rewrite_query else warnings,
    )


def _fused(found: Sequence[Found]) -> list[RankedPassage]:
    """Every passage once with the best score that a query gave it, best first; equal ones by query, then by rank."""
    best: dict[str, RankedPassage] = {}
    for one in found:
        for hit in one.result.hits:
            known = best.get(hit.passage.id)
            if known is None or hit.score > known.score:
                best[hit.passage.id] = hit
    hits = list(best.values())
    return hits if len(found) == 1 else sorted(hits, key=lambda hit: -hit.score)


def _result(hit: RankedPassage, files: Files) -> dict[str, Json]:
    passage = hit.passage
    own = passage.document_id, passage.title or passage.document_id
    file_id, filename = files.get(passage.document_id, own)
    return {
        "file_id": file_id,
        "filename": filename,
        "score": hit.score,
        "attributes": attributes_of(passage.metadata),
        "content": [{"type": "text", "text": passage.text}],
    }
