"""Changing a stored query set: what is new, other or gone becomes one version, with who did it and why."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from eval.datasets.slices import UNKNOWN, Frequency, slices_of, topic_of
from eval.datasets.splits import split_of
from eval.datasets.trec import MAX_GRADE, Qrels
from indexing.catalogue.database import Row, utc_now
from indexing.catalogue.names import require_new_name
from indexing.catalogue.query_sets import (
    begin_version,
    contents_of,
    end_judgments,
    end_queries,
    insert_judgments,
    insert_queries,
    insert_query_set,
    judgment_rows,
    metadata_of,
    query_rows,
    query_set_row,
)
from indexing.catalogue.tenants import has_tenant
from indexing.errors import AlreadyExists, InvalidInput, NotFound
from indexing.home import Home
from indexing.records import Json, Partition

KINDS = ("imported", "curated", "synthetic")
"""How a set came to be: from files, judged by people one by one, made of documents."""
Pair = tuple[str, str]
"""A query's id and a document's."""


@dataclass(frozen=True, slots=True)
class NewQuery:
    """A query to store: ``slices`` are those that are known; ``source_document`` is what its text was made of."""

    id: str
    text: str
    origin: str
    slices: Mapping[str, str] = field(default_factory=dict)
    source_document: str | None = None
    user_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Who changes a set, what is done in a word, and why."""

    action: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class SetChange:
    """What a change did; one that changed nothing has the version of before."""

    name: str
    version: int
    queries_added: int = 0
    queries_changed: int = 0
    queries_retired: int = 0
    judgments_added: int = 0
    judgments_retired: int = 0


def require_set(home: Home, name: str) -> Row:
    """The row of a stored set.

    Raises:
        NotFound: there is none of that name.
    """
    row = query_set_row(home.catalogue, name)
    if row is None:
        raise NotFound(f"No query set {name!r}: 'groundwork eval sets list' names those there are.")
    return row


def partition_of(row: Row) -> Partition:
    """Whose documents a set judges."""
    return Partition(row["tenant"], row["collection"])


def create_set(
    home: Home, name: str, partition: Partition, kind: str, *, provenance: Mapping[str, Json], actor: str
) -> None:
    """Store a new set without queries.

    Raises:
        AlreadyExists: there is one of that name.
        InvalidInput: the name is invalid, or the kind unknown.
        NotFound: there is no such tenant.
    """
    require_new_name("query set", name)
    if kind not in KINDS:
        raise InvalidInput(f"Kind {kind!r} of query set {name!r}; expected one of: {', '.join(KINDS)}")
    if not has_tenant(home.catalogue, partition.tenant):
        raise NotFound(f"No tenant {partition.tenant!r}: 'groundwork tenants list' names those there are.")
    with home.catalogue.write():
        if query_set_row(home.catalogue, name) is not None:
            raise AlreadyExists(f"Query set {name!r} is there already: choose another name, or change that one.")
        row = {
            **{"name": name, "tenant": partition.tenant, "collection": partition.collection, "kind": kind},
            "provenance": json.dumps(dict(provenance), sort_keys=True, ensure_ascii=False),
            **{"created_at": utc_now(), "created_by": actor},
        }
        insert_query_set(home.catalogue, row)


def put_contents(
    home: Home,
    name: str,
    queries: Sequence[NewQuery],
    qrels: Qrels,
    note: Note,
    *,
    is_replacing: bool = False,
    confirms: bool = False,
    frequency: Frequency = lambda text: UNKNOWN,
) -> SetChange:
    """Add queries and judgments as one new version; those that are there already, and equal, stay as they are.

    A judgment that was made before the collection held its document is made anew once it does.

    Args:
        home: Whose set.
        name: Which set.
        queries: To add; one whose id is there with another text or other slices replaces that one.
        qrels: To add, of these queries or of those that are there; another grade replaces the one that is there.
        note: Who does it and why; the reason must not be blank.
        is_replacing: Whether what is not given is retired.
        confirms: Whether a judgment that is given again with the same grade is made anew, for the document of now.
        frequency: Tells ``head`` or ``tail`` of queries whose slices do not say it.

    Raises:
        InvalidInput: no reason, a grade out of range, a judgment of a query that is not there.
        NotFound: there is no such set.
    """
    _require_reason(note.reason)
    judged = _pairs(qrels)
    with home.catalogue.write():
        row = require_set(home, name)
        there = _Contents.of(home, row)
        new = _query_rows(home, partition_of(row), queries, qrels, note.actor, frequency)
        difference = _difference(there, new, judged, is_replacing=is_replacing, confirms=confirms)
        if unknown := sorted({query for query, _ in judged} - {one["id"] for one in new} - there.queries.keys()):
            raise InvalidInput(f"Query {unknown[0]!r} is judged and is not in set {name!r}: add its text first.")
        return _apply(home, row, there, difference, judged, note)


def retire(home: Home, name: str, query: str, documents: Collection[str] | None, note: Note) -> SetChange:
    """Take judgments of a query out of a set, or with ``None`` the query itself; earlier versions keep them.

    Raises:
        InvalidInput: no reason.
        NotFound: the set, the query or a judgment is not there.
    """
    _require_reason(note.reason)
    with home.catalogue.write():
        row = require_set(home, name)
        there = _Contents.of(home, row)
        if query not in there.queries:
            raise NotFound(f"No query {query!r} in set {name!r}: 'groundwork eval sets show {name}' lists them.")
        pairs = [(query, one) for one in documents] if documents is not None else there.pairs_of([query])
        if missing := [document for _, document in pairs if (query, document) not in there.judgments]:
            raise NotFound(f"No judgment of document {missing[0]!r} for query {query!r} in set {name!r}.")
        gone = _Difference(gone_queries=[query] if documents is None else [], gone_pairs=pairs)
        return _apply(home, row, there, gone, {}, note)


@dataclass(frozen=True, slots=True)
class _Contents:
    """What a set has now."""

    queries: Mapping[str, Row]
    judgments: Mapping[Pair, Row]

    @classmethod
    def of(cls, home: Home, row: Row) -> "_Contents":
        name, version = row["name"], row["version"]
        return cls(
            {one["id"]: one for one in query_rows(home.catalogue, name, version)},
            {(one["query"], one["document"]): one for one in judgment_rows(home.catalogue, name, version)},
        )

    def pairs_of(self, queries: Collection[str]) -> list[Pair]:
        wanted = set(queries)
        return [pair for pair in self.judgments if pair[0] in wanted]


@dataclass(frozen=True, slots=True)
class _Difference:
    """What a version has to add and to end."""

    queries: Sequence[Mapping[str, Json]] = ()
    pairs: Sequence[Pair] = ()
    gone_queries: Sequence[str] = ()
    gone_pairs: Sequence[Pair] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.queries or self.pairs or self.gone_queries or self.gone_pairs)


def _difference(
    there: _Contents,
    new: Sequence[Mapping[str, Json]],
    judged: Mapping[Pair, int],
    *,
    is_replacing: bool,
    confirms: bool,
) -> _Difference:
    given = {one["id"] for one in new}
    return _Difference(
        queries=[one for one in new if not _is_there(there.queries.get(one["id"]), one)],
        pairs=[pair for pair, grade in judged.items() if confirms or not _stands(there.judgments.get(pair), grade)],
        gone_queries=[one for one in there.queries if one not in given] if is_replacing else [],
        gone_pairs=[pair for pair in there.judgments if pair not in judged] if is_replacing else [],
    )


def _stands(old: Row | None, grade: int) -> bool:
    """Whether a judgment is there with a grade; not so where it was made before its document came."""
    is_early = old is not None and old["content_sha256"] is None and old["content_now"] is not None
    return old is not None and old["grade"] == grade and not is_early


def _is_there(old: Row | None, new: Mapping[str, Json]) -> bool:
    return old is not None and (old["text"], old["slices"]) == (new["text"], new["slices"])


def _apply(
    home: Home,
    row: Row,
    there: _Contents,
    difference: _Difference,
    judged: Mapping[Pair, int],
    note: Note,
) -> SetChange:
    name = str(row["name"])
    if difference.is_empty:
        return SetChange(name, row["version"])
    at = utc_now()
    version = begin_version(home.catalogue, name, action=note.action, actor=note.actor, reason=note.reason, at=at)
    end_queries(home.catalogue, name, version, [*difference.gone_queries, *(one["id"] for one in difference.queries)])
    insert_queries(home.catalogue, name, version, difference.queries)
    end_judgments(home.catalogue, name, version, [*difference.gone_pairs, *difference.pairs])
    contents = contents_of(home.catalogue, partition_of(row), {document for _, document in difference.pairs})
    rows = [
        {
            **{"query": pair[0], "document": pair[1], "grade": judged[pair], "content_sha256": contents.get(pair[1])},
            **{"author": note.actor, "reason": note.reason, "at": at},
        }
        for pair in difference.pairs
    ]
    insert_judgments(home.catalogue, name, version, rows)
    added = sum(one["id"] not in there.queries for one in difference.queries)
    return SetChange(
        name,
        version,
        queries_added=added,
        queries_changed=len(difference.queries) - added,
        queries_retired=len(difference.gone_queries),
        judgments_added=len(difference.pairs),
        judgments_retired=len(difference.gone_pairs),
    )


def _query_rows(
    home: Home, partition: Partition, queries: Sequence[NewQuery], qrels: Qrels, actor: str, frequency: Frequency
) -> list[Mapping[str, Json]]:
    best = {query: max(grades, key=lambda one: grades[one]) for query, grades in qrels.items() if grades}
    metadata = metadata_of(home.catalogue, partition, set(best.values()))

    def topic(query_id: str) -> str:
        document = best.get(query_id)
        return UNKNOWN if document is None else topic_of(document, metadata.get(document, {}))

    rows: list[Mapping[str, Json]] = []
    for one in queries:
        slices = slices_of(
            one.text, tenant=partition.tenant, given=one.slices, topic=topic(one.id), frequency=frequency
        )
        rows.append(
            {
                **{"id": one.id, "text": one.text, "split": split_of(one.text), "origin": one.origin},
                "slices": json.dumps(slices, sort_keys=True, ensure_ascii=False),
                **{"source_document": one.source_document, "author": actor, "user_hash": one.user_hash},
            }
        )
    return rows


def _pairs(qrels: Qrels) -> dict[Pair, int]:
    """The grade of each pair.

    Raises:
        InvalidInput: a grade is out of range.
    """
    pairs = {(query, document): grade for query, grades in qrels.items() for document, grade in grades.items()}
    for (query, document), grade in pairs.items():
        if abs(grade) > MAX_GRADE:
            raise InvalidInput(
                f"grade {grade} of document {document!r} for query {query!r}; expected -{MAX_GRADE} to {MAX_GRADE}"
            )
    return pairs


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput(
            "A change of a query set needs a reason that is not blank, such as where judgments come from."
        )
