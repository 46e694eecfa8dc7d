"""The routes about collections: make, list and delete them."""

import logging
from typing import Annotated

from fastapi import APIRouter, Query

from app.schemas.documents import (
    MAX_PAGE,
    CollectionAnswer,
    CollectionsAnswer,
    CreatedCollectionAnswer,
    DeletedCollectionAnswer,
)
from app.schemas.problems import problems
from app.services.documents import hide
from app.services.open_collections import open_collections
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import CollectionParam, Searcher, ServicesDep, Writer
from indexing.catalogue.collections import create_collection, remove_collection

logger = logging.getLogger(__name__)
router = APIRouter(tags=["collections"], route_class=AuthenticatedRoute)


@router.put("/v1/collections/{collection}", summary="Make a collection", responses=problems(507))
def put_collection(collection: CollectionParam, caller: Writer, services: ServicesDep) -> CreatedCollectionAnswer:
    """Make an empty collection, unless there is one of this name. Writing a document makes its collection, too."""
    documents, is_new = create_collection(services.home.catalogue, caller.partition(collection))
    return CreatedCollectionAnswer(name=collection, documents=documents, created=is_new)


@router.get(
    "/v1/collections",
    summary="List collections",
    operation_id="list_collections",
    responses=problems(),
)
def get_collections(
    caller: Searcher,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many at most.")] = MAX_PAGE,
    after: Annotated[str, Query(max_length=128, description="`next` of the page before.")] = "",
) -> CollectionsAnswer:
    """The tenant's collections that the key opens, by name, with how many documents were written to each."""
    found = open_collections(services, caller, after=after, limit=limit + 1)
    names = [CollectionAnswer(name=name, documents=documents) for name, documents in found[:limit]]
    return CollectionsAnswer(collections=names, next=names[-1].name if len(found) > limit else None)


@router.delete("/v1/collections/{collection}", summary="Delete a collection", responses=problems(404, 507))
def delete_collection(collection: CollectionParam, caller: Writer, services: ServicesDep) -> DeletedCollectionAnswer:
    """Delete a collection with all its documents; they hide as one that is deleted does."""
    partition = caller.partition(collection)
    home = services.home
    deleted, seq = home.reserve.run(lambda: remove_collection(home.catalogue, partition))
    hide(services, partition, deleted)
    token = services.sequence_tokens.of_write(caller.tenant, seq)
    return DeletedCollectionAnswer(name=collection, deleted=deleted, seq=token)
