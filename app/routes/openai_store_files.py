"""OpenAI's routes about the files in a vector store: attach, list, change and take them out, alone or in batches."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from app.schemas.openai_files import ends_of
from app.schemas.openai_problems import openai_problems
from app.schemas.openai_vector_stores import (
    AttributesBody,
    BatchAnswer,
    BatchBody,
    DeletedStoreFileAnswer,
    StoreFileAnswer,
    StoreFileBody,
    StoreFileContentAnswer,
    StoreFilesAnswer,
    TextContent,
    attachment_of,
    batch_answer,
    checked_attributes,
)
from app.services.files import attach, detach, update_attributes
from app.services.state import Services
from app.services.store_use import require_usable
from app.services.upload_answers import store_file_of, store_files_of, warnings_of_files
from app.services.vector_stores import accept_chunking, cancel_batch, make_batch, texts_of
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import ServicesDep, TenantWriter, Writer
from app.web.headers import warning_headers
from app.web.openai_lists import FileIdParam, PageParam, StoreIdParam
from indexing.catalogue.file_readings import Attachment, State, list_readings, read_reading
from indexing.catalogue.pages import Page
from indexing.catalogue.vector_stores import read_batch, read_vector_store
from indexing.records import Partition

router = APIRouter(tags=["openai"], route_class=AuthenticatedRoute)
POLL_HEADER, POLL_MS = "openai-poll-after-ms", "250"
"""How long OpenAI's client waits until it looks again; most files take less than a second. Our choice."""
BatchIdParam = Annotated[str, Path(description="The id of a batch.", json_schema_extra={"minLength": 1})]
"""The id of a batch in a path."""
FilterParam = Annotated[State | None, Query(alias="filter", description="Only those in this state.")]


@router.post(
    "/v1/vector_stores/{vector_store_id}/files",
    summary="Attach a file to a vector store",
    operation_id="openai_attach_file",
    responses=openai_problems(404, 507, takes_body=True),
)
def create_store_file(
    vector_store_id: StoreIdParam, body: StoreFileBody, caller: TenantWriter, services: ServicesDep
) -> StoreFileAnswer:
    """Have a file read into a store; `completed` means that searches find it. One that is there is read anew."""
    partition = caller.partition(vector_store_id)
    require_usable(services, partition)
    (reading,) = attach(services, partition, [_attachment(services, body)])
    return store_file_of(services, reading)


def _attachment(services: Services, body: StoreFileBody) -> Attachment:
    return attachment_of(body, accept_chunking(services, body.chunking()))


@router.get(
    "/v1/vector_stores/{vector_store_id}/files",
    summary="List the files in a vector store",
    operation_id="openai_list_store_files",
    responses=openai_problems(404),
)
def get_store_files(
    vector_store_id: StoreIdParam,
    caller: Writer,
    services: ServicesDep,
    page: PageParam,
    state: FilterParam = None,
) -> StoreFilesAnswer:
    """The files in a store, the last attached first unless `order` says otherwise."""
    partition = caller.partition(vector_store_id)
    read_vector_store(services.home.catalogue, partition)
    return _listed(services, partition, page, state)


def _listed(
    services: Services, partition: Partition, page: Page, state: State | None, batch: str | None = None
) -> StoreFilesAnswer:
    found = list_readings(services.home.catalogue, partition, page, state=state, batch=batch)
    return StoreFilesAnswer(
        data=store_files_of(services, partition, found.rows),
        has_more=found.has_more,
        **ends_of([one.file for one in found.rows]),
    )


@router.get(
    "/v1/vector_stores/{vector_store_id}/files/{file_id}",
    summary="Retrieve a file in a vector store",
    operation_id="openai_get_store_file",
    responses=openai_problems(404),
)
def get_store_file(
    vector_store_id: StoreIdParam, file_id: FileIdParam, caller: Writer, services: ServicesDep, response: Response
) -> StoreFileAnswer:
    """How a file in a store stands; `last_error` of one in progress says why it may wait for long."""
    reading = read_reading(services.home.catalogue, caller.partition(vector_store_id), file_id)
    if reading.state == "in_progress":
        response.headers[POLL_HEADER] = POLL_MS
    return store_file_of(services, reading)


@router.post(
    "/v1/vector_stores/{vector_store_id}/files/{file_id}",
    summary="Change a file's attributes in a vector store",
    operation_id="openai_update_store_file",
    responses=openai_problems(404, 507, takes_body=True),
)
def update_store_file(
    vector_store_id: StoreIdParam, file_id: FileIdParam, body: AttributesBody, caller: Writer, services: ServicesDep
) -> StoreFileAnswer:
    """Give a file other attributes instead of those that it has; its documents have them as their metadata."""
    partition, attributes = caller.partition(vector_store_id), checked_attributes(body.attributes)
    return store_file_of(services, update_attributes(services, partition, file_id, attributes))


@router.delete(
    "/v1/vector_stores/{vector_store_id}/files/{file_id}",
    summary="Take a file out of a vector store",
    operation_id="openai_detach_file",
    responses=openai_problems(404, 507),
)
def delete_store_file(
    vector_store_id: StoreIdParam, file_id: FileIdParam, caller: Writer, services: ServicesDep
) -> DeletedStoreFileAnswer:
    """Take a file out of a store, with its documents; the file itself stays until it is deleted."""
    detach(services, caller.partition(vector_store_id), file_id)
    return DeletedStoreFileAnswer(id=file_id)


@router.get(
    "/v1/vector_stores/{vector_store_id}/files/{file_id}/content",
    summary="Read the text of a file in a vector store",
    operation_id="openai_get_store_file_content",
    responses=openai_problems(404),
)
def get_store_file_content(
    vector_store_id: StoreIdParam, file_id: FileIdParam, caller: Writer, services: ServicesDep
) -> StoreFileContentAnswer:
    """The text that was read in a file; nothing while it is in progress."""
    reading = read_reading(services.home.catalogue, caller.partition(vector_store_id), file_id)
    return StoreFileContentAnswer(data=[TextContent(text=one) for one in texts_of(services, reading)])


@router.post(
    "/v1/vector_stores/{vector_store_id}/file_batches",
    summary="Attach files to a vector store",
    operation_id="openai_create_file_batch",
    responses=openai_problems(404, 507, takes_body=True),
)
def create_batch(
    vector_store_id: StoreIdParam, body: BatchBody, caller: TenantWriter, services: ServicesDep
) -> BatchAnswer:
    """Have up to 2,000 files read into a store; each succeeds or fails by itself."""
    partition = caller.partition(vector_store_id)
    require_usable(services, partition)
    return batch_answer(make_batch(services, partition, [_attachment(services, one) for one in body.each()]))


@router.get(
    "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}",
    summary="Retrieve a batch of files",
    operation_id="openai_get_file_batch",
    responses=openai_problems(404),
)
def get_batch(
    vector_store_id: StoreIdParam, batch_id: BatchIdParam, caller: Writer, services: ServicesDep, response: Response
) -> BatchAnswer:
    """How many files of a batch are in which state; the header `x-groundwork-warnings` says what some wait for."""
    partition = caller.partition(vector_store_id)
    batch = read_batch(services.home.catalogue, partition, batch_id)
    if batch.counts.in_progress:
        response.headers[POLL_HEADER] = POLL_MS
        response.headers.update(warning_headers(warnings_of_files(services, partition, batch=batch_id)))
    return batch_answer(batch)


@router.post(
    "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel",
    summary="Cancel a batch of files",
    operation_id="openai_cancel_file_batch",
    responses=openai_problems(404, 507),
)
def post_batch_cancel(
    vector_store_id: StoreIdParam, batch_id: BatchIdParam, caller: Writer, services: ServicesDep
) -> BatchAnswer:
    """Read no more files of a batch; what is stored stays."""
    return batch_answer(cancel_batch(services, caller.partition(vector_store_id), batch_id))


@router.get(
    "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/files",
    summary="List the files of a batch",
    operation_id="openai_list_batch_files",
    responses=openai_problems(404),
)
def get_batch_files(
    vector_store_id: StoreIdParam,
    batch_id: BatchIdParam,
    caller: Writer,
    services: ServicesDep,
    page: PageParam,
    state: FilterParam = None,
) -> StoreFilesAnswer:
    """The files of a batch, the last first unless `order` says otherwise."""
    partition = caller.partition(vector_store_id)
    read_batch(services.home.catalogue, partition, batch_id)
    return _listed(services, partition, page, state, batch_id)
