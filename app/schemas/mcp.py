"""The shapes of MCP on the wire: its versions, the two tools, and what they give back."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.search import MAX_QUERY_CHARACTERS, QueryText
from indexing.catalogue.names import MAX_NAME_CHARS
from indexing.records import Json
from indexing.sources.field_checks import MAX_ID_CHARS

STATELESS_VERSIONS = ("2026-07-28",)
"""Versions of the protocol whose requests each say all by themselves."""
HANDSHAKE_VERSIONS = ("2025-11-25", "2025-06-18")
"""Earlier ones, the newest first: a client begins with ``initialize``. Their answers here are the same."""
VERSION_META, CAPABILITIES_META, SERVER_META = (
    f"io.modelcontextprotocol/{name}" for name in ("protocolVersion", "clientCapabilities", "serverInfo")
)
"""Where a request says its version and what the client can do, and an answer who the server is."""
HITS = 10
"""Documents that a search gives back at most: a model reads them all. Our choice, the default of a search."""
LIST_TTL_MS = 3_600_000
"""Milliseconds that a client may keep the list of tools, which changes with the program alone. Our choice."""
MAX_ID_CHARACTERS = MAX_NAME_CHARS + 1 + MAX_ID_CHARS
"""The longest id of a document among collections: ``COLLECTION/DOCUMENT``. Our choice."""

SERVER: Final[Json] = {"name": "groundwork", "title": "Groundwork", "version": version("groundwork")}
INSTRUCTIONS = (
    "Search finds the documents that answer a question and gives the passage of each that fits best; fetch reads a"
    " whole document by the id that a search gave. Cite the title and, where there is one, the url."
)
CAPABILITIES: Final[Json] = {"tools": {}}
"""The tools never change while a server runs, so there is nothing to be told about."""


class SearchArguments(BaseModel):
    """What the tool ``search`` is given."""

    model_config = ConfigDict(extra="forbid")

    query: QueryText


class FetchArguments(BaseModel):
    """What the tool ``fetch`` is given."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, max_length=MAX_ID_CHARACTERS)


_TEXT: Json = {"type": "string"}
_ID: Json = {**_TEXT, "description": "Names the document; give it to fetch as it is."}
_URL: Json = {**_TEXT, "description": "Where people read the document; empty where the document has no address."}
_READS: Json = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False}


def _object(properties: Mapping[str, Json], required: list[Json], **more: Json) -> dict[str, Json]:
    return {"type": "object", "properties": dict(properties), "required": required, **more}


TOOLS: Final[list[Json]] = [
    {
        "name": "search",
        "title": "Search documents",
        "description": "Find the documents that answer a question, best first, each with its passage that fits best.",
        "inputSchema": _object(
            {
                "query": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_QUERY_CHARACTERS,
                    "description": "The question, in whole words: what is meant counts as well as what is written.",
                }
            },
            ["query"],
            additionalProperties=False,
        ),
        "outputSchema": _object(
            {
                "results": {
                    "type": "array",
                    "items": _object(
                        {
                            "id": _ID,
                            "title": _TEXT,
                            "url": _URL,
                            "text": {**_TEXT, "description": "The passage of the document that fits best."},
                        },
                        ["id", "title", "url", "text"],
                    ),
                }
            },
            ["results"],
        ),
        "annotations": {"title": "Search documents", **_READS},
    },
    {
        "name": "fetch",
        "title": "Read a document",
        "description": "Read a whole document by the id that search gave for it.",
        "inputSchema": _object(
            {"id": {**_ID, "minLength": 1, "maxLength": MAX_ID_CHARACTERS}}, ["id"], additionalProperties=False
        ),
        "outputSchema": _object(
            {
                "id": _ID,
                "title": _TEXT,
                "text": {**_TEXT, "description": "The whole document."},
                "url": _URL,
                "metadata": {"type": "object", "description": "What else is known of the document."},
            },
            ["id", "title", "text", "url", "metadata"],
        ),
        "annotations": {"title": "Read a document", **_READS},
    },
]
"""The tools, always in this order. They are the same for every caller, so that any cache may keep the list."""


def id_of(collection: str, document_id: str) -> str:
    """How a document is named among all of its tenant: no collection's name holds a slash."""
    return f"{collection}/{document_id}"


def read_id(text: str) -> tuple[str, str]:
    """Collection and document of an id; one that ``id_of`` never gave names a collection that cannot be."""
    collection, slash, document_id = text.partition("/")
    return (collection, document_id) if slash else ("", text)
