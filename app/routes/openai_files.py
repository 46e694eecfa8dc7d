"""OpenAI's routes about files: create, list, retrieve, delete and read them, whole or in parts."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from app.schemas.openai_files import (
    PURPOSES,
    CompleteBody,
    DeletedFileAnswer,
    FileAnswer,
    FileExpiry,
    FilesAnswer,
    FileUploadAnswer,
    Order,
    PartAnswer,
    UploadBody,
    ends_of,
    file_answer,
    file_upload_answer,
    part_answer,
)
from app.schemas.openai_problems import openai_problems
from app.services.file_uploads import add_part, begin_upload, cancel_upload, complete_upload
from app.services.files import keep_file, remove_file_everywhere
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import ServicesDep, TenantWriter
from app.web.multipart import MultipartRoute, form_body, form_fields, form_files, malformed
from app.web.openai_lists import AfterParam, FileIdParam
from indexing.catalogue.files import list_files, read_file
from indexing.catalogue.pages import Page
from indexing.uploads.stored_files import content_path

router = APIRouter(tags=["openai"], route_class=AuthenticatedRoute)
forms = APIRouter(tags=["openai"], route_class=MultipartRoute)
UploadIdParam = Annotated[str, Path(description="The id of an upload.", json_schema_extra={"minLength": 1})]
"""The id of an upload in a path."""
MAX_FILES_PAGE = 10_000
"""Files of one page. Source: OpenAI's."""
_BINARY = {"type": "string", "format": "binary"}
_EXPIRES = {"expires_after[anchor]": {"const": "created_at"}, "expires_after[seconds]": {"type": "integer"}}


@forms.post(
    "/v1/files",
    summary="Upload a file",
    operation_id="openai_create_file",
    responses=openai_problems(413, 415, 507),
    openapi_extra=form_body({"file": _BINARY, "purpose": {"enum": list(PURPOSES)}, **_EXPIRES}, ["file", "purpose"]),
)
def create_file(caller: TenantWriter, services: ServicesDep, request: Request) -> FileAnswer:
    """Keep a file durably; it is searched once it is attached to a vector store."""
    form = request.state.form
    files, fields = form_files(form, "file"), form_fields(form, "purpose", *_EXPIRES)
    if len(files) > 1:
        raise malformed("file", "is there more than once: send one file at a time")
    purpose = fields.get("purpose")
    if purpose is None:
        raise malformed("purpose", "is missing: expected one of " + ", ".join(PURPOSES), kind="missing")
    if purpose not in PURPOSES:
        raise malformed("purpose", "is unknown: expected one of " + ", ".join(PURPOSES))
    seconds = _lives_seconds(fields)
    return file_answer(keep_file(services, caller.tenant, files[0], purpose=purpose, lives_seconds=seconds))


def _lives_seconds(fields: dict[str, str]) -> int | None:
    anchor, seconds = (fields.get(name) for name in _EXPIRES)
    if anchor is None and seconds is None:
        return None
    try:
        number = int(seconds) if seconds is not None and seconds.isdecimal() and len(seconds) < 20 else seconds
        return FileExpiry.model_validate({"anchor": anchor, "seconds": number}).seconds
    except ValidationError as error:
        fault = error.errors()[0]
        raise malformed(f"expires_after[{fault['loc'][0]}]", fault["msg"]) from error


@router.get("/v1/files", summary="List files", operation_id="openai_list_files", responses=openai_problems(404))
def get_files(
    caller: TenantWriter,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=MAX_FILES_PAGE)] = MAX_FILES_PAGE,
    after: AfterParam = None,
    order: Order = "desc",
    purpose: Annotated[str | None, Query(description="Only files for this.")] = None,
) -> FilesAnswer:
    """The tenant's files, the newest first unless `order` says otherwise."""
    page = Page(limit, after, is_ascending=order == "asc")
    found = list_files(services.home.catalogue, caller.tenant, page, purpose=purpose)
    ends = ends_of([one.id for one in found.rows])
    return FilesAnswer(data=[file_answer(one) for one in found.rows], has_more=found.has_more, **ends)


@router.get(
    "/v1/files/{file_id}", summary="Retrieve a file", operation_id="openai_get_file", responses=openai_problems(404)
)
def get_file(file_id: FileIdParam, caller: TenantWriter, services: ServicesDep) -> FileAnswer:
    """What is known of a file."""
    return file_answer(read_file(services.home.catalogue, caller.tenant, file_id))


@router.delete(
    "/v1/files/{file_id}",
    summary="Delete a file",
    operation_id="openai_delete_file",
    responses=openai_problems(404, 507),
)
def delete_file(file_id: FileIdParam, caller: TenantWriter, services: ServicesDep) -> DeletedFileAnswer:
    """Delete a file, its bytes, and in every vector store the documents that it gave."""
    remove_file_everywhere(services, caller.tenant, file_id)
    return DeletedFileAnswer(id=file_id)


@router.get(
    "/v1/files/{file_id}/content",
    summary="Read a file's bytes",
    operation_id="openai_get_file_content",
    response_class=Response,
    responses={
        **openai_problems(404),
        200: {"description": "As it was uploaded.", "content": {"application/octet-stream": {"schema": _BINARY}}},
    },
)
def get_file_content(file_id: FileIdParam, caller: TenantWriter, services: ServicesDep) -> Response:
    """The bytes as they were uploaded; never as something that a browser would show."""
    file = read_file(services.home.catalogue, caller.tenant, file_id)
    return FileResponse(
        content_path(services.home, file.id),
        media_type="application/octet-stream",
        filename=file.filename,
        headers={"X-Content-Type-Options": "nosniff"},
    )


@router.post(
    "/v1/uploads",
    summary="Begin an upload in parts",
    operation_id="openai_create_upload",
    responses=openai_problems(507, takes_body=True),
)
def create_upload(body: UploadBody, caller: TenantWriter, services: ServicesDep) -> FileUploadAnswer:
    """Begin a file that comes in parts; it has an hour."""
    most = services.home.settings.max_upload_mb * 1_000_000
    if body.bytes > most:
        raise HTTPException(413, f"bytes is {body.bytes:,}, more than {most:,}: split the file.")
    seconds = None if body.expires_after is None else body.expires_after.seconds
    return file_upload_answer(
        begin_upload(services, caller.tenant, body.filename, body.bytes, body.purpose, lives_seconds=seconds)
    )


@forms.post(
    "/v1/uploads/{upload_id}/parts",
    summary="Add a part to an upload",
    operation_id="openai_add_upload_part",
    responses=openai_problems(404, 413, 415, 507),
    openapi_extra=form_body({"data": _BINARY}, ["data"]),
)
def create_part(upload_id: UploadIdParam, caller: TenantWriter, services: ServicesDep, request: Request) -> PartAnswer:
    """Keep a part durably; several may be sent at once, and `complete` says their order."""
    files = form_files(request.state.form, "data")
    if len(files) > 1:
        raise malformed("data", "is there more than once: send one part at a time")
    return part_answer(add_part(services, caller.tenant, upload_id, files[0]))


@router.post(
    "/v1/uploads/{upload_id}/complete",
    summary="Make a file of an upload's parts",
    operation_id="openai_complete_upload",
    responses=openai_problems(404, 507, takes_body=True),
)
def post_complete(
    upload_id: UploadIdParam, body: CompleteBody, caller: TenantWriter, services: ServicesDep
) -> FileUploadAnswer:
    """Put the parts together in the order of `part_ids`; together they have the bytes that were said."""
    upload, file = complete_upload(services, caller.tenant, upload_id, body.part_ids, body.md5)
    return file_upload_answer(upload, file)


@router.post(
    "/v1/uploads/{upload_id}/cancel",
    summary="Give up an upload",
    operation_id="openai_cancel_upload",
    responses=openai_problems(404, 507),
)
def post_cancel(upload_id: UploadIdParam, caller: TenantWriter, services: ServicesDep) -> FileUploadAnswer:
    """No more parts are taken, and those that came are removed."""
    return file_upload_answer(cancel_upload(services, caller.tenant, upload_id))
