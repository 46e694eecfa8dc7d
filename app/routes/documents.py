"""The routes about documents: write, read, list and delete them, one by one, in batches and by filter."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from app.schemas.documents import (
    MAX_PAGE,
    BatchAnswer,
    BatchBody,
    DeleteBody,
    DeletedAnswer,
    DeletedByFilterAnswer,
    DocumentAnswer,
    DocumentBody,
    DocumentsAnswer,
    PutAnswer,
    document_answer,
    document_from,
    summary_of,
)
from app.schemas.problems import described
from app.services.documents import _matching, _sees, _write, hide
from app.web.authenticated_routes import AdmittedRoute
from app.web.dependencies import Here, Searcher, Writer
from indexing.catalogue.collections import require_collection
from indexing.catalogue.documents import iterate_documents, read_document, remove_document, remove_unchanged
from indexing.errors import InvalidInput, NotFound
from indexing.records import Partition

# Plain functions: each runs in a thread, since a write waits for the catalogue's lock and for the disk.
router = APIRouter(tags=["documents"], route_class=AdmittedRoute)
Collection = Annotated[str, Path(description="1 to 128 printable characters without '/'.")]
Id = Annotated[str, Path(description="1 to 512 characters, percent-encoded; slashes may stay.")]
Whoever = Annotated[
    list[str] | None,
    Query(
        max_length=1000,
        description="Who asks: only what these may see. Left out, a key with the scope `write` sees everything, any"
        " other only what everybody may see.",
    ),
]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides a success."""
    texts = {
        400: "A value is not acceptable.",
        401: "No valid API key.",
        403: "The key lacks a scope.",
        404: "The tenant has no such collection or document.",
        413: "The body is larger than 8 MiB.",
        422: "The request is malformed.",
        429: "Too many requests or documents; come back after `Retry-After` seconds.",
        507: "No room on the disk; nothing was stored.",
    }
    return described({status: texts[status] for status in (401, 403, 422, 429, *statuses)})


_WAITS = {"description": "Stored; to be found once a build holds it."}


@router.put(
    "/v1/collections/{collection}/documents/{document_id:path}",
    summary="Write a document",
    responses={**problems(400, 413, 507), 202: {**_WAITS, "model": PutAnswer}},
)
def put_document(
    collection: Collection, document_id: Id, body: DocumentBody, caller: Writer, services: Here, response: Response
) -> PutAnswer:
    """Insert or replace a document; it is on disk when this answers. The same content again changes nothing.

    A write of up to 50 passages is searchable in every API process within about two seconds; a larger one waits for
    a build, which is asked for, and the answer is 202. Until then the old version goes on answering. A collection
    that is not there is made.
    """
    partition = Partition(caller.tenant, collection)
    (written,), request = _write(services, partition, [document_from(document_id, body)])
    response.status_code = 200 if written.searchable else 202
    return PutAnswer(**written.model_dump(), collection=collection, build_request=request)


@router.post(
    "/v1/collections/{collection}/documents:batch",
    summary="Write many documents",
    responses={**problems(400, 413, 507), 202: {**_WAITS, "model": BatchAnswer}},
)
def post_batch(
    collection: Collection, body: BatchBody, caller: Writer, services: Here, response: Response
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
    written, request = _write(services, Partition(caller.tenant, collection), documents)
    response.status_code = 200 if all(one.searchable for one in written) else 202
    seq = max(one.seq for one in written)
    return BatchAnswer(collection=collection, seq=seq, documents=written, build_request=request)


@router.get(
    "/v1/collections/{collection}/documents/{document_id:path}", summary="Read a document", responses=problems(404)
)
def get_document(
    collection: Collection, document_id: Id, caller: Searcher, services: Here, principals: Whoever = None
) -> DocumentAnswer:
    """A document as it was written last, whether searches find that version yet or not."""
    stored = read_document(services.home.catalogue, Partition(caller.tenant, collection), document_id)
    if not _sees(caller, principals)(stored.document):
        raise NotFound(f"No document {document_id!r} in collection {collection!r}.")
    return document_answer(collection, stored)


@router.get("/v1/collections/{collection}/documents", summary="List documents", responses=problems(404))
def get_documents(
    collection: Collection,
    caller: Searcher,
    services: Here,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many at most.")] = MAX_PAGE,
    after: Annotated[str, Query(max_length=512, description="`next` of the page before.")] = "",
    principals: Whoever = None,
) -> DocumentsAnswer:
    """Documents by id, without their texts. Writes between two pages neither repeat nor skip any other document."""
    partition = Partition(caller.tenant, collection)
    require_collection(services.home.catalogue, partition)
    sees, found = _sees(caller, principals), []
    for stored in iterate_documents(services.home.catalogue, partition, after=after, batch=limit + 1):
        if sees(stored.document):
            found.append(stored)
        if len(found) > limit:
            break
    following = found[limit - 1].document.id if len(found) > limit else None
    return DocumentsAnswer(collection=collection, documents=[summary_of(one) for one in found[:limit]], next=following)


@router.delete(
    "/v1/collections/{collection}/documents/{document_id:path}", summary="Delete a document", responses=problems(404)
)
def delete_document(collection: Collection, document_id: Id, caller: Writer, services: Here) -> DeletedAnswer:
    """No search of this process finds it from this answer on, and none of another one a moment later.

    What is retained on disk still holds it, until `groundwork erase`.
    """
    partition = Partition(caller.tenant, collection)
    seq = remove_document(services.home.catalogue, partition, document_id)
    hide(services, partition, 1)
    return DeletedAnswer(collection=collection, id=document_id, seq=seq)


@router.post(
    "/v1/collections/{collection}/documents:delete",
    summary="Delete documents by filter",
    responses=problems(400, 404),
)
def delete_documents(collection: Collection, body: DeleteBody, caller: Writer, services: Here) -> DeletedByFilterAnswer:
    """Delete every document whose metadata fits, with the grammar of a search's filters; `dry_run` only counts them."""
    partition = Partition(caller.tenant, collection)
    require_collection(services.home.catalogue, partition)
    seqs = _matching(services, partition, body)
    deleted, seq = (0, None) if body.dry_run or not seqs else remove_unchanged(services.home.catalogue, partition, seqs)
    hide(services, partition, deleted)
    return DeletedByFilterAnswer(
        collection=collection, matched=len(seqs), deleted=deleted, seq=seq, dry_run=body.dry_run
    )
