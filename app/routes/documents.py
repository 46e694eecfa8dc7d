"""The routes about documents: write, read, list and delete them, one by one, in batches and by filter."""

from collections.abc import Iterable
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.access.authentication import Caller
from app.schemas.documents import (
    MAX_PAGE,
    BatchAnswer,
    BatchBody,
    CountAnswer,
    DeleteBody,
    DeletedAnswer,
    DeletedByFilterAnswer,
    DocumentAnswer,
    DocumentBody,
    DocumentsAnswer,
    FindBody,
    ListBody,
    PatchBody,
    PutAnswer,
    document_answer,
    document_from,
    summary_of,
)
from app.schemas.problems import problems
from app.services.document_changes import delete, etag_of, patch, put
from app.services.documents import (
    WriteReport,
    find_matching,
    hide,
    is_searchable,
    read_visible,
    visible_to,
    write,
)
from app.services.state import Services
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.conditions import OfAny, OfExisting
from app.web.dependencies import CollectionParam, DocumentIdParam, PrincipalsParam, Searcher, ServicesDep, Writer
from indexing.catalogue.collections import require_collection
from indexing.catalogue.document_readings import read_account
from indexing.catalogue.document_writes import remove_unchanged
from indexing.catalogue.documents import StoredDocument, iterate_documents
from indexing.errors import InvalidInput
from indexing.records import Document
from indexing.sources.field_checks import MAX_ID_CHARS

# Plain functions: each runs in a thread, since a write waits for the catalogue's lock and for the disk.
router = APIRouter(tags=["documents"], route_class=AuthenticatedRoute)
_WAITS = {"description": "Stored; to be found once a build holds it."}


@router.put(
    "/v1/collections/{collection}/documents/{document_id:path}",
    summary="Write a document",
    responses={**problems(412, 507, takes_body=True), 202: {**_WAITS, "model": PutAnswer}},
)
def put_document(
    collection: CollectionParam,
    document_id: DocumentIdParam,
    body: DocumentBody,
    caller: Writer,
    services: ServicesDep,
    condition: OfAny,
    response: Response,
) -> PutAnswer:
    """Insert or replace a document; it is on disk when this answers. The same content again changes nothing.

    A write of up to 50 passages is searchable in every API process within about two seconds; a larger one waits for
    a build, which is asked for, and the answer is 202. Until then the old version goes on answering. A collection
    that is not there is made. `ETag` names what it holds now, for `If-Match` of a later write.
    """
    document = document_from(document_id, body)
    return _written(collection, document, put(services, caller, collection, document, condition), response)


def _written(collection: str, document: Document, report: WriteReport, response: Response) -> PutAnswer:
    (written,) = report.documents
    response.status_code = 200 if written.searchable else 202
    response.headers["ETag"] = etag_of(document)
    return PutAnswer(
        **written.model_dump(), collection=collection, build_request=report.build_request, warnings=report.warnings
    )


@router.patch(
    "/v1/collections/{collection}/documents/{document_id:path}",
    summary="Change a document's metadata",
    responses={**problems(404, 412, 507, takes_body=True), 202: {**_WAITS, "model": PutAnswer}},
)
def patch_document(
    collection: CollectionParam,
    document_id: DocumentIdParam,
    body: PatchBody,
    caller: Writer,
    services: ServicesDep,
    condition: OfExisting,
    response: Response,
) -> PutAnswer:
    """Change what the body names and leave all else as it is; its metadata is merged as RFC 7396 says.

    Nothing is encoded again for it. A document of a source that is ingested again gets what the source says then.
    """
    document, report = patch(services, caller, collection, document_id, body, condition)
    return _written(collection, document, report, response)


@router.post(
    "/v1/collections/{collection}/documents:list",
    summary="List documents by filter",
    operation_id="list_documents_by_filter",
    responses=problems(404, takes_body=True),
)
def post_list(collection: CollectionParam, body: ListBody, caller: Searcher, services: ServicesDep) -> DocumentsAnswer:
    """Documents by id, without their texts, that fit the filters; it reads the collection up to the page's end."""
    require_collection(services.home.catalogue, caller.partition(collection))
    found = find_matching(services, caller, collection, body.filters, body.principals, after=body.after)
    return _page(services, caller, collection, found, body.limit)


@router.post(
    "/v1/collections/{collection}/documents:count",
    summary="Count documents by filter",
    operation_id="count_documents",
    responses=problems(404, takes_body=True),
)
def post_count(collection: CollectionParam, body: FindBody, caller: Searcher, services: ServicesDep) -> CountAnswer:
    """How many documents fit the filters, as they were written last; it reads the metadata of the whole collection."""
    require_collection(services.home.catalogue, caller.partition(collection))
    found = find_matching(services, caller, collection, body.filters, body.principals)
    return CountAnswer(collection=collection, documents=sum(1 for _ in found))


@router.post(
    "/v1/collections/{collection}/documents:batch",
    summary="Write many documents",
    operation_id="put_documents",
    responses={**problems(507, takes_body=True), 202: {**_WAITS, "model": BatchAnswer}},
)
def post_batch(
    collection: CollectionParam, body: BatchBody, caller: Writer, services: ServicesDep, response: Response
) -> BatchAnswer:
    """Insert or replace up to 100 documents, all or none; as for one, up to 50 passages together are searchable soon.

    If some are not acceptable, none is stored, and the message names each by its index and field.
    """
    documents, faults = [], []
    for index, one in enumerate(body.documents):
        try:
            documents.append(document_from(one.id, one, where=f"documents.{index}."))
        except InvalidInput as fault:
            faults.append(str(fault))
    ids = [one.id for one in body.documents]
    faults += [f"documents.{n}.id {name!r} is there twice." for n, name in enumerate(ids) if name in ids[:n]]
    if faults:
        raise InvalidInput(" ".join(faults))
    report = write(services, caller.partition(collection), documents)
    response.status_code = 200 if all(one.searchable for one in report.documents) else 202
    return BatchAnswer(
        collection=collection,
        seq=report.seq,
        documents=report.documents,
        build_request=report.build_request,
        warnings=report.warnings,
    )


@router.get(
    "/v1/collections/{collection}/documents/{document_id:path}",
    summary="Read a document",
    responses=problems(404),
)
def get_document(
    collection: CollectionParam,
    document_id: DocumentIdParam,
    caller: Searcher,
    services: ServicesDep,
    response: Response,
    principals: PrincipalsParam = None,
) -> DocumentAnswer:
    """A document as it was written last, and whether searches find that version yet (`searchable`).

    `ETag` names what it holds, for `If-Match` of a later write.
    """
    partition = caller.partition(collection)
    stored = read_visible(services, caller, collection, document_id, principals)
    seq = services.sequence_tokens.of_write(caller.tenant, stored.seq)
    account = read_account(services.home.catalogue, partition, document_id)
    searchable = is_searchable(services, partition, stored)
    response.headers["ETag"] = etag_of(stored.document)
    return document_answer(collection, stored, seq, searchable=searchable, account=account)


@router.get(
    "/v1/collections/{collection}/documents",
    summary="List documents",
    operation_id="list_documents",
    responses=problems(404),
)
def get_documents(
    collection: CollectionParam,
    caller: Searcher,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many at most.")] = MAX_PAGE,
    after: Annotated[str, Query(max_length=MAX_ID_CHARS, description="`next` of the page before.")] = "",
    principals: PrincipalsParam = None,
) -> DocumentsAnswer:
    """Documents by id, without their texts. Writes between two pages neither repeat nor skip any other document."""
    partition = caller.partition(collection)
    require_collection(services.home.catalogue, partition)
    sees = visible_to(caller, principals)
    stored = iterate_documents(services.home.catalogue, partition, after=after, batch=limit + 1)
    return _page(services, caller, collection, (one for one in stored if sees(one.document)), limit)


def _page(
    services: Services, caller: Caller, collection: str, documents: Iterable[StoredDocument], limit: int
) -> DocumentsAnswer:
    found, partition = list(islice(documents, limit + 1)), caller.partition(collection)
    following = found[limit - 1].document.id if len(found) > limit else None
    token = services.sequence_tokens.of_write
    summaries = [
        summary_of(one, token(caller.tenant, one.seq), searchable=is_searchable(services, partition, one))
        for one in found[:limit]
    ]
    return DocumentsAnswer(collection=collection, documents=summaries, next=following)


@router.delete(
    "/v1/collections/{collection}/documents/{document_id:path}",
    summary="Delete a document",
    responses=problems(404, 412, 507),
)
def delete_document(
    collection: CollectionParam,
    document_id: DocumentIdParam,
    caller: Writer,
    services: ServicesDep,
    condition: OfExisting,
) -> DeletedAnswer:
    """No search of this process finds it from this answer on, and none of another one a moment later.

    What is retained on disk still holds it, until `groundwork erase`.
    """
    seq = delete(services, caller, collection, document_id, condition)
    token = services.sequence_tokens.of_write(caller.tenant, seq)
    return DeletedAnswer(collection=collection, id=document_id, seq=token)


@router.post(
    "/v1/collections/{collection}/documents:delete",
    summary="Delete documents by filter",
    operation_id="delete_documents_by_filter",
    responses=problems(404, 507, takes_body=True),
)
def delete_documents(
    collection: CollectionParam, body: DeleteBody, caller: Writer, services: ServicesDep
) -> DeletedByFilterAnswer:
    """Delete every document whose metadata fits, with the grammar of a search's filters; `dry_run` only counts them."""
    partition = caller.partition(collection)
    require_collection(services.home.catalogue, partition)
    found = find_matching(services, caller, collection, body.filters, body.principals)
    seqs = {stored.document.id: stored.seq for stored in found}
    deleted, seq = 0, None
    if seqs and not body.dry_run:
        home = services.home
        deleted, seq = home.reserve.run(lambda: remove_unchanged(home.catalogue, partition, seqs))
    hide(services, partition, deleted)
    token = None if seq is None else services.sequence_tokens.of_answer(caller.tenant, seq)
    return DeletedByFilterAnswer(
        collection=collection, matched=len(seqs), deleted=deleted, seq=token, dry_run=body.dry_run
    )
