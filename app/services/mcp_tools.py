"""The two tools of MCP: a search and the reading of a document, as every other door has them, in the tools' shapes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from anyio import to_thread
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.schemas.mcp import HITS, FetchArguments, SearchArguments, id_of, read_id
from app.schemas.search import SearchBody
from app.schemas.search_options import MAX_COLLECTIONS
from app.services.begun_search import Found
from app.services.documents import read_visible
from app.services.search import search
from app.services.search_executor import Client
from app.services.state import Services
from app.services.told_errors import tell
from indexing.errors import ClientGone, GroundworkError, InvalidInput, NotFound
from indexing.records import Json

_Arguments = TypeVar("_Arguments", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ToolCaller:
    """Who calls a tool, for whom, and where it looks: in one collection, or in those of the tenant.

    Without ``principals`` it is said of no one who asks, which is not the same as that no one does.
    """

    client: Client
    caller: Caller
    deadline: Deadline
    collection: str | None = None
    principals: tuple[str, ...] | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gives back: the result as ``tools/call`` has it, and the headers that name what served it."""

    result: Mapping[str, Json]
    headers: Mapping[str, str] = field(default_factory=dict)


async def call_tool(services: Services, asks: ToolCaller, name: str, arguments: Mapping[str, Json]) -> ToolResult:
    """Call ``search`` or ``fetch``; what a model can do something about is a result that says so, and no error.

    Raises:
        ClientGone: it has gone, so no answer would be read.
        KeyError: there is no such tool.
    """
    answer = {"search": _search, "fetch": _fetch}[name]
    try:
        found = await answer(services, asks, arguments)
        status, release = 200, found.headers.get("x-release-id", "")
    except ClientGone:
        raise
    except GroundworkError as error:
        status, release = services.records.outcome_of(error)[0], ""
        found = _failed(tell(services, error, status))
    if name == "search":
        services.metrics.count(status, release)
    return found


async def _search(services: Services, asks: ToolCaller, given: Mapping[str, Json]) -> ToolResult:
    arguments = _read(SearchArguments, given)
    names, principals = _collections_of(services, asks), list(asks.principals or ())
    where: dict[str, Any] = {"collection": names[0]} if len(names) == 1 else {"collections": names}
    body = SearchBody(query=arguments.query, k=HITS, principals=principals, user=asks.user, **where)
    return await search(services, asks.client, asks.caller, body, asks.deadline, _found)


def _collections_of(services: Services, asks: ToolCaller) -> list[str]:
    """The collections that are searched: at least one, all of them there."""
    if asks.collection is not None:
        services.reads.require_collection(asks.caller.partition(asks.collection))
        return [asks.collection]
    limit = MAX_COLLECTIONS + 1
    names = list(services.reads.collection_names(asks.caller.tenant, asks.caller.collections, limit))
    if not names:
        raise NotFound("There are no collections yet: write documents first.")
    if len(names) > MAX_COLLECTIONS:
        raise InvalidInput(
            f"There are more than {MAX_COLLECTIONS} collections, which are too many for one search: connect to"
            " /mcp/COLLECTION to search one of them."
        )
    return names


def _found(found: Found) -> ToolResult:
    """Made where the search ran."""
    release, snapshot, record = found.serving.release.number, found.serving.snapshot.id, found.record
    results: list[Json] = [
        {
            "id": id_of(hit.passage.partition.collection, hit.passage.document_id),
            "title": hit.passage.title or hit.passage.document_id,
            "url": hit.passage.url,
            "text": hit.passage.text,
        }
        for hit in found.result.hits
    ]
    meta: dict[str, Json] = {"query_id": record.query_id, "release": release, "snapshot": snapshot}
    if found.parts:  # feedback about a hit goes by the id of its collection
        meta["query_ids"] = {name: part.query_id for name, part in found.parts.items()}
    if found.result.warnings:
        meta["warnings"] = list(found.result.warnings)
    headers = {"x-release-id": release, "x-snapshot-id": snapshot, "x-query-id": record.query_id}
    return _succeeded({"results": results}, {f"groundwork/{name}": value for name, value in meta.items()}, headers)


async def _fetch(services: Services, asks: ToolCaller, given: Mapping[str, Json]) -> ToolResult:
    arguments = _read(FetchArguments, given)

    def read() -> ToolResult:
        collection, document_id = read_id(arguments.id)
        if asks.collection not in (None, collection):
            raise _no_document(arguments.id)
        try:
            document = read_visible(services, asks.caller, collection, document_id, asks.principals).document
        except NotFound as error:
            raise _no_document(arguments.id) from error
        whole: dict[str, Json] = {
            "id": arguments.id,
            "title": document.title or document.id,
            "text": document.text,
            "url": document.url,
            "metadata": dict(document.metadata),
        }
        return _succeeded(whole, {}, {})

    with services.threaded_requests.take():
        return await to_thread.run_sync(read)


def _no_document(asked: str) -> NotFound:
    return NotFound(f"No document {asked!r}: use an id that search gave.")


def _read(shape: type[_Arguments], given: Mapping[str, Json]) -> _Arguments:
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        said = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
        raise InvalidInput(f"The arguments are not as the tool's inputSchema has them: {said}.") from error


def _succeeded(structured: dict[str, Json], meta: dict[str, Json], headers: Mapping[str, str]) -> ToolResult:
    """The result twice, as values and as text: clients show a model the one or the other."""
    text = to_json(structured, inf_nan_mode="null").decode()
    result: dict[str, Json] = {
        "content": [{"type": "text", "text": text}],
        "structuredContent": structured,
        "isError": False,
    }
    return ToolResult(result | ({"_meta": meta} if meta else {}), headers)


def _failed(message: str) -> ToolResult:
    return ToolResult({"content": [{"type": "text", "text": message}], "isError": True})
