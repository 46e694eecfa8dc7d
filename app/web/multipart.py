"""Routes that take files as multipart forms: admitted first, then read to disk piece by piece, bounded all the way."""

from collections.abc import Sequence
from email.message import Message

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from app.services.files import Arrived
from app.web.authenticated_routes import AuthenticatedRoute, Handler, admit
from app.web.dependencies import services_of
from app.web.form_parser import FormParser
from app.web.headers import header_of
from app.web.request_bodies import refuse_coding
from indexing.errors import ClientGone, StorageFull
from indexing.storage.atomic_files import is_full

MULTIPART = "multipart/form-data"
MAX_FILES = 100
"""Files of one request; as many as documents of one batch. Our choice."""
_MAX_FIELDS = 100
"""Fields of one form that are no files: more than any has. Source: our choice."""
_MAX_FIELD_BYTES = 128 * 1024
"""Of one field that is no file: twice the largest metadata. Our choice."""


class MultipartRoute(AuthenticatedRoute):
    """A route whose body is a form with files, for callers with the scope ``write``; it finds it in ``state.form``.

    Small files are kept in memory and larger ones in the system's temporary folder until they are answered.

    Raises (into the application's error answers):
        Unauthorized, RateLimited, Overloaded: as ``AuthenticatedRoute``, and where too many files arrive at once.
        Forbidden: the key lacks the scope.
        HTTPException: 415, the body is compressed or no such form; 400, it is malformed, not in UTF-8 or cut off, or
            has too many parts.
        StorageFull: there is no room for the files.
    """

    def get_route_handler(self) -> Handler:
        """See ``APIRoute``."""
        answer = APIRoute.get_route_handler(self)

        async def admitted(request: Request) -> Response:
            services = services_of(request)
            caller = request.state.caller = await admit(request, services, self.counts)
            caller.require("write")
            _refuse_other_media(request.scope)
            with services.uploads.take(caller.tenant):
                form = request.state.form = await _read_form(request)
                try:
                    with services.threaded_requests.take():
                        return await answer(request)
                finally:
                    await form.close()

        return admitted


def _refuse_other_media(scope: Scope) -> None:
    refuse_coding(scope)
    media_type = header_of(scope, b"content-type") or ""
    parsed = Message()
    parsed["content-type"] = media_type
    if parsed.get_content_type() != MULTIPART:
        message = f"Content-Type {media_type[:100]!r} is not supported: send a form as {MULTIPART!r}."
        raise HTTPException(415, message, {"Accept": MULTIPART})


async def _read_form(request: Request) -> FormData:
    parser = FormParser(request, max_files=MAX_FILES, max_fields=_MAX_FIELDS, max_field_bytes=_MAX_FIELD_BYTES)
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise HTTPException(400, error.message) from error
    except ClientDisconnect as gone:
        raise ClientGone("The client has gone.") from gone
    except OSError as error:
        if is_full(error):
            raise StorageFull("No room for the files in the temporary folder: free some.") from error
        raise


def form_files(form: FormData, *names: str) -> list[Arrived]:
    """The files of a form under some names.

    Raises:
        RequestValidationError: there is none, or a field of text stands under such a name.
    """
    found: list[Arrived] = []
    for name in names:
        for value in form.getlist(name):
            if not isinstance(value, UploadFile):
                raise malformed(name, "is a field of text: send it as a file, with a filename")
            found.append(Arrived(value.filename or "", value.size or 0, value.file))
    if not found:
        raise malformed(names[0], "is missing: send at least one file", kind="missing")
    return found


def form_fields(form: FormData, *names: str) -> dict[str, str]:
    """The fields of text of a form, each once; files of other names are no fields.

    Raises:
        RequestValidationError: a field stands there twice or is a file.
    """
    fields: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            continue
        if name in fields and name in names:
            raise malformed(name, "stands there twice: give it once")
        fields[name] = value
    for name in names:
        if isinstance(form.get(name), UploadFile):
            raise malformed(name, "is a file: send it as a field of text")
    return fields


def malformed(name: str, message: str, kind: str = "value_error") -> RequestValidationError:
    """What to raise for a field of a form that cannot be taken."""
    return RequestValidationError([{"type": kind, "loc": ("body", name), "msg": message}])


def form_body(properties: dict[str, object], required: Sequence[str]) -> dict[str, object]:
    """How a route describes its form to the OpenAPI document."""
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"requestBody": {"required": True, "content": {MULTIPART: {"schema": schema}}}}
