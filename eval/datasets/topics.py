"""Queries of a file with what it says of each: BEIR's JSON lines, TREC's topics, or lines of id, tab and text."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eval.datasets.trec import read_queries
from indexing.errors import SourceInvalid
from indexing.records import Json

_TOPIC = re.compile(r"<top>(.*?)</top>", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*(\S+)", re.IGNORECASE)
_TITLE = re.compile(r"<title>\s*(?:Topic:)?\s*(.*?)\s*(?=<|\Z)", re.DOTALL | re.IGNORECASE)
_SHOWN_CHARS = 80
"""Characters of a line or topic that a message repeats. Our choice."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A query of a file; ``metadata`` is empty where the format has none."""

    text: str
    metadata: Mapping[str, Json] = field(default_factory=dict)


def read_topics(path: Path) -> dict[str, Topic]:
    """The queries of a file by id, in its order.

    The format is told by how the file begins: ``{`` is BEIR's ``queries.jsonl``, ``<`` the classic topics of TREC
    (``<top>``, ``<num>``, ``<title>``; the title is the query), anything else one query a line, its id before a tab.

    Args:
        path: A UTF-8 text file.

    Returns:
        At least one query.

    Raises:
        SourceInvalid: The file cannot be read, holds no query, or is malformed: an id or a text is missing, or an id
            has two texts.
    """
    text = _read(path)
    begin = text.lstrip()[:1]
    if begin == "{":
        return _beir(path, text)
    topics: dict[str, Topic] = {}
    for query_id, query in _classic(path, text) if begin == "<" else _tabbed(path, text):
        if topics.setdefault(query_id, Topic(query)).text != query:
            raise SourceInvalid(
                f"{path}: query id {query_id!r} has two texts; expected one text for each id; rename one"
            )
    if not topics:
        raise SourceInvalid(f"{path}: the file holds no query; expected at least one")
    return topics


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceInvalid(f"{path}: cannot be read ({error.strerror}); expected a text file") from error
    except UnicodeDecodeError as error:
        raise SourceInvalid(f"{path}: not UTF-8 at byte {error.start}; expected UTF-8 text") from error


def _beir(path: Path, text: str) -> dict[str, Topic]:
    queries = read_queries(path)  # checks every line
    metadata = {}
    for line in text.splitlines():
        record: Json = json.loads(line) if line.strip() else {}
        if isinstance(found := record.get("metadata"), dict):
            metadata[record["_id"]] = found
    return {query_id: Topic(query, metadata.get(query_id, {})) for query_id, query in queries.items()}


def _classic(path: Path, text: str) -> Iterator[tuple[str, str]]:
    for body in _TOPIC.findall(text):
        number, title = _NUMBER.search(body), _TITLE.search(body)
        if number is None or title is None or not title[1]:
            shown = " ".join(body.split())[:_SHOWN_CHARS]
            raise SourceInvalid(f"{path}: topic {shown!r} lacks <num> or <title>; expected both, with a text")
        yield number[1], " ".join(title[1].split())


def _tabbed(path: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        query_id, tab, query = line.partition("\t")
        if not (query_id.strip() and tab and query.strip()):
            raise SourceInvalid(
                f"{path}:{number}: {line[:_SHOWN_CHARS]!r}; expected a query id, a tab and the query's text"
            )
        yield query_id.strip(), query.strip()
