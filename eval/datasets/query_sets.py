"""Query sets: the queries and judgments that a search is measured on, read from a folder in BEIR's layout."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eval.datasets.chats import Chat, messages_of, read_questions
from eval.datasets.trec import Qrels, read_qrels
from indexing.errors import SourceInvalid
from indexing.records import Json, Partition, fingerprint

ByQuery = Mapping[str, tuple[str, ...]]
"""Query id -> ids of judged documents, sorted; queries without any are left out."""


@dataclass(frozen=True, slots=True)
class Staleness:
    """What became of judged documents since they were judged.

    ``changed`` have other content and are still in the qrels; ``gone`` are in the collection no more, and so not in
    the qrels; of ``unknown`` it is not known what they were when they were judged. ``left_out`` are the queries that
    have no relevant document left, and so are not measured.
    """

    changed: ByQuery = field(default_factory=dict)
    gone: ByQuery = field(default_factory=dict)
    unknown: ByQuery = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def is_stale(self) -> bool:
        """Whether any judged document changed or is gone."""
        return bool(self.changed or self.gone)


@dataclass(frozen=True, slots=True)
class QuerySet:
    """Queries with their judgments: ``queries`` and ``qrels`` have the same ids, each with a relevant document.

    A stored set that people look at may be whole, with queries that have none (``read_query_set``).

    ``slices`` gives a query's value of each slice: query id -> ``{"language": "en", ...}``. A stored set names the
    ``partition`` whose documents are judged, its ``version``, what ``staleness`` took out of it, and by query id in
    which version it ``joined``: was asked and had a relevant document for the first time.
    """

    name: str
    queries: dict[str, str]
    qrels: Qrels
    fingerprint: str
    split: str = "test"
    slices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    partition: Partition | None = None
    version: int | None = None
    is_synthetic: bool = False
    staleness: Staleness = Staleness()
    askers: Mapping[str, str] = field(default_factory=dict)
    """Query id -> hash, as the ledger's, of the user whose request it was; others are no user's."""
    joined: Mapping[str, int] = field(default_factory=dict)
    chats: Mapping[str, Chat] = field(default_factory=dict)
    """Query id -> the chat that it is, its question the last; others are their text alone."""


def load_queryset(folder: Path, split: str = "test", queries_file: str = "queries.jsonl") -> QuerySet:
    """The queries of ``folder`` that ``split`` judges, with all their judgments.

    A query without a document graded above 0 is left out, as no measure can tell good from bad on it.

    Args:
        folder: A corpus in BEIR's layout: ``qrels/<split>.tsv`` and ``queries_file``. Its name names the query set.
        split: Which judgments: the name of a file in ``qrels/``, without ``.tsv``.
        queries_file: Which wording of the queries, a file of ``folder``: texts, or chats (``read_questions``).

    Returns:
        Queries in the order of ``queries_file``. The fingerprint identifies the texts and judgments that are used,
        whatever their order and the folder's name.

    Raises:
        SourceInvalid: The split is missing (the message names those there are), a file is malformed, a judged query
            is not in ``queries_file``, or no query has a relevant document.
    """
    splits = sorted(path.stem for path in (folder / "qrels").glob("*.tsv"))
    if split not in splits:
        there = ", ".join(splits) or "none"
        raise SourceInvalid(f"{folder}: no split {split!r} in qrels/; expected one of: {there}")
    judged = read_qrels(folder / "qrels" / f"{split}.tsv")
    texts, chats = read_questions(folder / queries_file)
    unknown = sorted(judged.keys() - texts.keys())
    if unknown:
        raise SourceInvalid(
            f"{folder / queries_file}: query {unknown[0]!r} is judged in qrels/{split}.tsv and has no text here "
            f"({len(unknown)} such); expected a line for each judged query; name the file that holds them"
        )
    relevant = with_relevant(judged)
    if not relevant:
        raise SourceInvalid(
            f"{folder / 'qrels' / f'{split}.tsv'}: no document is graded above 0; expected at least one that is"
        )
    queries = {query_id: text for query_id, text in texts.items() if query_id in relevant}
    qrels = {query_id: judged[query_id] for query_id in queries}
    chats = {query_id: chat for query_id, chat in chats.items() if query_id in queries}
    identity = contents_fingerprint(queries, qrels, chats)
    return QuerySet(folder.name, queries, qrels, identity, split, chats=chats)


def with_relevant(qrels: Qrels) -> set[str]:
    """The queries that have a document graded above 0."""
    return {query_id for query_id, grades in qrels.items() if any(grade > 0 for grade in grades.values())}


def contents_fingerprint(queries: Mapping[str, str], qrels: Qrels, chats: Mapping[str, Chat] | None = None) -> str:
    """Identifies texts, chats and judgments, whatever their order: the ``fingerprint`` of a query set of them."""
    contents: dict[str, Json] = {"queries": queries, "qrels": qrels}
    if chats:
        contents["chats"] = {query_id: messages_of(chat) for query_id, chat in chats.items()}
    return fingerprint(contents)


def corpus_fingerprint(folder: Path) -> str:
    """The sha256 of the bytes of ``corpus.jsonl`` in ``folder``, 64 hexadecimal digits.

    Raises:
        SourceInvalid: The file cannot be read.
    """
    path = folder / "corpus.jsonl"
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceInvalid(
            f"{path}: cannot be read ({error.strerror}); expected the corpus in BEIR's layout"
        ) from error
