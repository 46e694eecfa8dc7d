"""OpenAI's routes about vector stores: create, list, retrieve, modify and delete them."""

from typing import Any

from fastapi import APIRouter

from app.schemas.openai_files import ends_of
from app.schemas.openai_problems import openai_problems
from app.schemas.openai_vector_stores import (
    DeletedStoreAnswer,
    StoreAnswer,
    StoreBody,
    StoreChangeBody,
    StoreFileBody,
    StoresAnswer,
    attachment_of,
)
from app.services.vector_stores import accept_chunking, change_store, delete_store, describe_store, make_store
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Searcher, ServicesDep, TenantWriter, Writer
from app.web.openai_lists import PageParam, StoreIdParam
from indexing.catalogue.vector_stores import VectorStore, list_vector_stores, read_vector_store

router = APIRouter(tags=["openai"], route_class=AuthenticatedRoute)


@router.post(
    "/v1/vector_stores",
    summary="Create a vector store",
    operation_id="openai_create_vector_store",
    responses=openai_problems(404, 507, takes_body=True),
)
def create_store(caller: TenantWriter, services: ServicesDep, body: StoreBody | None = None) -> StoreAnswer:
    """Make a collection of a name that cannot be guessed, which is the store's id, and have files read into it."""
    body = body or StoreBody()
    chunking = accept_chunking(services, body.chunking())
    bodies = [StoreFileBody(file_id=one) for one in body.file_ids]
    store = make_store(
        services,
        caller.tenant,
        name=body.name or "",
        description=body.description or "",
        metadata=body.metadata or {},
        expires_days=None if body.expires_after is None else body.expires_after.days,
        attachments=[attachment_of(one, chunking) for one in bodies],
    )
    return describe_store(services, caller.tenant, store)


@router.get(
    "/v1/vector_stores",
    summary="List vector stores",
    operation_id="openai_list_vector_stores",
    responses=openai_problems(404),
)
def get_stores(caller: Searcher, services: ServicesDep, page: PageParam) -> StoresAnswer:
    """Every collection of the tenant that the key opens, the newest first unless `order` says otherwise."""
    found = list_vector_stores(services.home.catalogue, caller.tenant, page, among=caller.collections)
    return StoresAnswer(
        data=[describe_store(services, caller.tenant, one) for one in found.rows],
        has_more=found.has_more,
        **ends_of([one.id for one in found.rows]),
    )


@router.get(
    "/v1/vector_stores/{vector_store_id}",
    summary="Retrieve a vector store",
    operation_id="openai_get_vector_store",
    responses=openai_problems(404),
)
def get_store(vector_store_id: StoreIdParam, caller: Searcher, services: ServicesDep) -> StoreAnswer:
    """A collection as a vector store, by its name."""
    store = read_vector_store(services.home.catalogue, caller.partition(vector_store_id))
    return describe_store(services, caller.tenant, store)


@router.post(
    "/v1/vector_stores/{vector_store_id}",
    summary="Modify a vector store",
    operation_id="openai_modify_vector_store",
    responses=openai_problems(404, 507, takes_body=True),
)
def modify_store(
    vector_store_id: StoreIdParam, body: StoreChangeBody, caller: Writer, services: ServicesDep
) -> StoreAnswer:
    """Give a store another name, other metadata or another life; what is left out stays."""

    def change(was: VectorStore) -> dict[str, Any]:
        said: dict[str, Any] = {}
        if "name" in body.model_fields_set and body.name is not None:
            said["name"] = body.name
        if "metadata" in body.model_fields_set:
            said["metadata"] = body.metadata or {}
        if "expires_after" in body.model_fields_set:
            said["expires_days"] = None if body.expires_after is None else body.expires_after.days
        return said

    store = change_store(services, caller.partition(vector_store_id), change)
    return describe_store(services, caller.tenant, store)


@router.delete(
    "/v1/vector_stores/{vector_store_id}",
    summary="Delete a vector store",
    operation_id="openai_delete_vector_store",
    responses=openai_problems(404, 507),
)
def remove_store(vector_store_id: StoreIdParam, caller: Writer, services: ServicesDep) -> DeletedStoreAnswer:
    """Delete a collection with all its documents; the tenant's files stay."""
    delete_store(services, caller.partition(vector_store_id))
    return DeletedStoreAnswer(id=vector_store_id)
