"""The routes about uploads: bring files to a collection, see how their reading stands, take them away."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response

from app.schemas.documents import MAX_PAGE
from app.schemas.problems import problems
from app.schemas.uploads import (
    FIELDS,
    AcceptedAnswer,
    DeletedUploadAnswer,
    UploadAnswer,
    UploadsAnswer,
    document_fields,
)
from app.services.files import bring_files, detach
from app.services.upload_answers import answer_of
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import CollectionParam, ServicesDep, Writer
from app.web.multipart import MAX_FILES, MultipartRoute, form_body, form_fields, form_files
from indexing.catalogue.collections import require_collection
from indexing.catalogue.file_readings import State, list_readings, read_reading
from indexing.catalogue.pages import Page

router = APIRouter(tags=["uploads"], route_class=AuthenticatedRoute)
forms = APIRouter(tags=["uploads"], route_class=MultipartRoute)
FileIdParam = Annotated[
    str,
    Path(description="The id of an upload: that of its file.", json_schema_extra={"minLength": 1, "maxLength": 100}),
]
"""The id of an uploaded file in a path."""
_FORM = form_body(
    {
        "file": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_FILES,
            "items": {"type": "string", "format": "binary"},
            "description": "HTML, PDF, DOCX, Markdown, text and the other kinds that `groundwork ingest` reads, or JSON"
            " Lines: up to 100 files, together no larger than `GROUNDWORK_MAX_UPLOAD_MB`.",
        },
        "id": {"type": "string", "description": "The document's id; left out, what the file says, else its name."},
        "title": {"type": "string", "description": "Left out, what the file says."},
        "url": {"type": "string"},
        "metadata": {"type": "string", "description": "A JSON object, for all of the files."},
        "allow": {"type": "string", "description": "A JSON list of who may see them."},
    },
    ["file"],
)


@forms.post(
    "/v1/collections/{collection}/uploads",
    summary="Upload files",
    operation_id="upload_files",
    status_code=202,
    responses={
        **problems(413, 415, 507),
        202: {
            "description": "Kept durably; to be read.",
            "headers": {"Location": {"description": "Where to look.", "schema": {"type": "string"}}},
        },
    },
    openapi_extra=_FORM,
)
def post_uploads(
    collection: CollectionParam, caller: Writer, services: ServicesDep, request: Request, response: Response
) -> AcceptedAnswer:
    """Keep files and have them read into documents, each in a process of its own; what is kept outlasts a restart.

    Look at the answer's `Location` until `state` is no longer `in_progress`: `completed` means that searches find it.
    A file of up to 2,000 passages is found without a build. One that is uploaded again under the same id replaces the
    document. A collection that is not there is made.
    """
    partition = caller.partition(collection)
    files = form_files(request.state.form, "file")
    metadata, fields = document_fields(form_fields(request.state.form, *FIELDS), len(files))
    readings = bring_files(services, partition, files, metadata=metadata, fields=fields)
    place = f"/v1/collections/{quote(collection, safe='')}/uploads"
    response.headers["Location"] = f"{place}/{readings[0].file}" if len(readings) == 1 else place
    return AcceptedAnswer(collection=collection, uploads=[answer_of(services, one) for one in readings])


@router.get(
    "/v1/collections/{collection}/uploads", summary="List uploads", operation_id="list_uploads", responses=problems(404)
)
def get_uploads(
    collection: CollectionParam,
    caller: Writer,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many at most.")] = MAX_PAGE,
    after: Annotated[str, Query(max_length=100, description="`next` of the page before.")] = "",
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
) -> UploadsAnswer:
    """The files of a collection, the newest first, also those that OpenAI's routes attached to it."""
    partition = caller.partition(collection)
    catalogue = services.home.catalogue
    require_collection(catalogue, partition)
    found = list_readings(catalogue, partition, Page(limit, after or None), state=state)
    uploads = [answer_of(services, one) for one in found.rows]
    return UploadsAnswer(collection=collection, uploads=uploads, next=uploads[-1].id if found.has_more else None)


@router.get(
    "/v1/collections/{collection}/uploads/{file_id}",
    summary="Read how an upload stands",
    operation_id="get_upload",
    responses=problems(404),
)
def get_upload(
    collection: CollectionParam, file_id: FileIdParam, caller: Writer, services: ServicesDep
) -> UploadAnswer:
    """One file of a collection, with its state, its documents and why it failed, if it did."""
    reading = read_reading(services.home.catalogue, caller.partition(collection), file_id)
    return answer_of(services, reading)


@router.delete(
    "/v1/collections/{collection}/uploads/{file_id}",
    summary="Take an upload away",
    operation_id="delete_upload",
    responses=problems(404, 507),
)
def delete_upload(
    collection: CollectionParam, file_id: FileIdParam, caller: Writer, services: ServicesDep
) -> DeletedUploadAnswer:
    """Cancel the reading if it goes on, and delete the file and its documents, unless they were written anew since."""
    reading = detach(services, caller.partition(collection), file_id)
    return DeletedUploadAnswer(collection=collection, id=file_id, documents=list(reading.documents))
