"""Stored query sets: listed, read as they are or were at a version, and held against the documents of now."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from eval.datasets.query_sets import ByQuery, QuerySet, Staleness, contents_fingerprint, with_relevant
from eval.datasets.set_changes import partition_of, require_set
from eval.datasets.splits import SPLITS
from eval.datasets.trec import Qrels
from indexing.catalogue.database import Row
from indexing.catalogue.query_sets import joining_versions, judgment_rows, query_rows, query_set_rows, version_rows
from indexing.errors import InvalidInput, NotFound
from indexing.home import Home
from indexing.records import Json, Partition

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class StoredSet:
    """A stored set as a list shows it; counts are of its newest version."""

    name: str
    partition: Partition
    kind: str
    version: int
    queries: int
    judgments: int
    provenance: Mapping[str, Json]
    created_at: str
    created_by: str
    changed_at: str | None

    @property
    def is_synthetic(self) -> bool:
        """Whether its queries were made of documents, so that no person judged them."""
        return self.kind == "synthetic"


@dataclass(frozen=True, slots=True)
class SetVersion:
    """A change of a set: what was done, by whom, why and when."""

    version: int
    action: str
    actor: str
    reason: str
    at: str


def list_query_sets(home: Home) -> Sequence[StoredSet]:
    """All stored sets, by name."""
    return [
        StoredSet(
            name=row["name"],
            partition=partition_of(row),
            kind=row["kind"],
            version=row["version"],
            queries=row["queries"],
            judgments=row["judgments"],
            provenance=json.loads(row["provenance"]),
            created_at=row["created_at"],
            created_by=row["created_by"],
            changed_at=row["changed_at"],
        )
        for row in query_set_rows(home.catalogue)
    ]


def set_versions(home: Home, name: str) -> Sequence[SetVersion]:
    """The changes of a set, oldest first.

    Raises:
        NotFound: there is no such set.
    """
    require_set(home, name)
    return [SetVersion(**row) for row in version_rows(home.catalogue, name)]


def read_query_set(
    home: Home,
    name: str,
    *,
    split: str | None = "test",
    version: int | None = None,
    keeps_gone: bool = False,
    is_whole: bool = False,
) -> QuerySet:
    """A stored set, for an evaluation.

    Judgments of documents that the collection does not hold any more are left out, and so are queries that have no
    relevant document left: ``staleness`` says which.

    Args:
        home: Whose set.
        name: Which set.
        split: One of ``SPLITS``; ``None`` for all queries.
        version: Which version; ``None`` for the newest.
        keeps_gone: Whether judgments of documents that are gone stay in the qrels, as where an older snapshot that
            holds them is measured. They are named in ``staleness`` all the same.
        is_whole: Whether queries without a relevant document are there, too, for people who look at a set: nothing
            is measured on those, and the fingerprint is that of the others.

    Raises:
        NotFound: there is no such set, or no such version of it.
        InvalidInput: no such split, or no query of it has a relevant document, unless the set is read whole.
    """
    if split is not None and split not in SPLITS:
        raise InvalidInput(f"split {split!r} of query set {name!r}; expected one of: {', '.join(SPLITS)}")
    row = require_set(home, name)
    number = _version(row, version)
    rows = [one for one in query_rows(home.catalogue, name, number) if split in (None, one["split"])]
    wanted = {one["id"] for one in rows}
    judged = [one for one in judgment_rows(home.catalogue, name, number) if one["query"] in wanted]
    qrels: Qrels = {}
    for one in judged:
        if keeps_gone or one["content_now"] is not None:
            qrels.setdefault(one["query"], {})[one["document"]] = one["grade"]
    measured = with_relevant(qrels)
    left_out = {one["query"] for one in judged if one["grade"] > 0} - measured
    if not measured and not is_whole:
        raise InvalidInput(_nothing_to_measure(row, split, len(rows), len(left_out)))
    given = wanted if is_whole else measured
    queries = {one["id"]: one["text"] for one in rows if one["id"] in given}
    qrels = {query: qrels.get(query, {}) for query in queries}
    return QuerySet(
        name=name,
        queries=queries,
        qrels=qrels,
        fingerprint=contents_fingerprint(*(_only(measured, some) for some in (queries, qrels))),
        split="all" if split is None else split,
        slices={one["id"]: json.loads(one["slices"]) for one in rows if one["id"] in given},
        partition=partition_of(row),
        version=number,
        is_synthetic=row["kind"] == "synthetic",
        staleness=_staleness(judged, left_out),
        askers={one["id"]: one["user_hash"] for one in rows if one["id"] in given and one["user_hash"]},
        joined={one: number for one, number in joining_versions(home.catalogue, row["name"]).items() if one in given},
    )


def staleness(home: Home, query_set: QuerySet) -> Staleness:
    """What became of a set's judged documents since they were judged, as the catalogue says now.

    Of a set that is not stored it is not known what the documents were: all of them are ``unknown``.

    Raises:
        NotFound: the set is stored no more.
    """
    if query_set.version is None:
        return Staleness(unknown={query: tuple(sorted(grades)) for query, grades in query_set.qrels.items()})
    known = query_set.qrels.keys() | set(query_set.staleness.left_out)
    rows = judgment_rows(home.catalogue, require_set(home, query_set.name)["name"], query_set.version)
    judged = [one for one in rows if one["query"] in known]
    relevant = {one["query"] for one in judged if one["grade"] > 0}
    there = {one["query"] for one in judged if one["grade"] > 0 and one["content_now"] is not None}
    return _staleness(judged, relevant - there)


def _only(ids: set[str], of: Mapping[str, _T]) -> dict[str, _T]:
    return {one: value for one, value in of.items() if one in ids}


def _version(row: Row, version: int | None) -> int:
    newest = int(row["version"])
    if version is None:
        return newest
    if not 1 <= version <= newest:
        raise NotFound(f"No version {version} of query set {row['name']!r}: it has versions 1 to {newest}.")
    return version


def _nothing_to_measure(row: Row, split: str | None, queries: int, gone: int) -> str:
    where = "" if split is None else f" in split {split!r}"
    return (
        f"Query set {row['name']!r} has no query{where} with a relevant document in {partition_of(row)}: of {queries}"
        f" queries, {gone} had one that is gone. Ingest the documents, judge more, or take another split."
    )


def _staleness(judged: Iterable[Row], left_out: Iterable[str]) -> Staleness:
    changed, gone, unknown = (defaultdict[str, list[str]](list) for _ in range(3))
    for one in judged:
        if one["content_now"] is None:
            gone[one["query"]].append(one["document"])
        elif one["content_sha256"] is None:
            unknown[one["query"]].append(one["document"])
        elif one["content_sha256"] != one["content_now"]:
            changed[one["query"]].append(one["document"])
    return Staleness(_sorted(changed), _sorted(gone), _sorted(unknown), tuple(sorted(left_out)))


def _sorted(found: Mapping[str, list[str]]) -> ByQuery:
    return {query: tuple(sorted(documents)) for query, documents in found.items()}
