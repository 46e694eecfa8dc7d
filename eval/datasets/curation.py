"""Curated judgments: a person adds, edits or retires them one by one, by name and with a reason; history is kept."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from eval.datasets.frequency import frequency_in_ledger
from eval.datasets.set_changes import NewQuery, Note, SetChange, partition_of, put_contents, require_set, retire
from eval.datasets.slices import Frequency
from indexing.catalogue.query_sets import contents_of, judgment_history, judgment_rows, query_rows
from indexing.errors import InvalidInput, NotFound
from indexing.home import Home
from indexing.records import Partition

Grades = Mapping[str, int]
"""Document id -> grade; above 0 is relevant, 0 and below is judged not relevant."""
_ID_BYTES = 6
"""48 bits of a text's hash name its query; of a thousand queries two agree once in 500 million sets."""


@dataclass(frozen=True, slots=True)
class PastJudgment:
    """A judgment as it was made: in the versions from ``since_version`` up to and without ``until_version``."""

    document: str
    grade: int
    author: str
    reason: str
    at: str
    content_sha256: str | None
    since_version: int
    until_version: int | None


def query_id_of(text: str) -> str:
    """The id of a query that a person or a candidate brings: the same for the same text, spaces aside."""
    return f"q-{hashlib.blake2b(_one_line(text).encode('utf-8', 'surrogatepass'), digest_size=_ID_BYTES).hexdigest()}"


def add_judgments(
    home: Home,
    name: str,
    text: str,
    grades: Grades,
    *,
    actor: str,
    reason: str,
    slices: Mapping[str, str] | None = None,
    origin: str = "curated",
    user_hash: str | None = None,
    frequency: Frequency | None = None,
) -> SetChange:
    """Judge documents for a query; the query joins the set if none of its texts is the same.

    Args:
        home: Whose set.
        name: Which set.
        text: The query.
        grades: At least one; a document that is judged for the query already gets the new grade.
        actor: Who judges.
        reason: Why.
        slices: Values of slices that are known.
        origin: How the query came in.
        user_hash: Whose request it was, by the ledger's hash.
        frequency: Tells ``head`` or ``tail``; by default what the ledger counts now.

    Raises:
        NotFound: There is no such set, or the collection holds no such document.
        InvalidInput: The text is blank, no grade is given or one is out of range, or the reason is blank.
    """
    row = require_set(home, name)
    if not text.strip() or not grades:
        raise InvalidInput(f"query {text!r} with {len(grades)} judgments; expected a text and at least one judgment")
    partition = partition_of(row)
    require_documents(home, partition, list(grades))
    frequency = frequency or frequency_in_ledger(home, partition.tenant)
    with home.catalogue.write():
        there = {_one_line(one["text"]): one["id"] for one in query_rows(home.catalogue, name, row["version"])}
        known = there.get(_one_line(text))
        new = [] if known else [NewQuery(query_id_of(text), _one_line(text), origin, slices or {}, user_hash=user_hash)]
        qrels = {known or query_id_of(text): dict(grades)}
        note = Note("add", actor, reason)
        return put_contents(home, name, new, qrels, note, confirms=True, frequency=frequency)


def edit_judgments(home: Home, name: str, query: str, grades: Grades, *, actor: str, reason: str) -> SetChange:
    """Give judgments of a query another grade, or confirm them: they count for the documents as they are now.

    Raises:
        NotFound: The set has no such query, or no judgment of one of the documents; or the document is gone.
        InvalidInput: A grade is out of range, or the reason is blank.
    """
    row = require_set(home, name)
    rows = judgment_rows(home.catalogue, name, row["version"])
    judged = {one["document"] for one in rows if one["query"] == query}
    if missing := sorted(grades.keys() - judged):
        raise NotFound(
            f"No judgment of document {missing[0]!r} for query {query!r} in set {name!r}:"
            " 'groundwork eval sets add' makes one."
        )
    require_documents(home, partition_of(row), list(grades))
    return put_contents(home, name, [], {query: dict(grades)}, Note("edit", actor, reason), confirms=True)


def retire_judgments(
    home: Home, name: str, query: str, documents: Sequence[str] | None, *, actor: str, reason: str
) -> SetChange:
    """Take judgments out of a set, or with ``None`` a query with all of its; earlier versions keep them.

    Raises:
        NotFound: The set, the query or a judgment is not there.
        InvalidInput: The reason is blank.
    """
    return retire(home, name, query, documents, Note("retire", actor, reason))


def history(home: Home, name: str, query: str) -> list[PastJudgment]:
    """What was ever judged for a query, oldest first.

    Raises:
        NotFound: There is no such set, or it never judged anything for that query.
    """
    require_set(home, name)
    rows = judgment_history(home.catalogue, name, query)
    if not rows:
        raise NotFound(f"Set {name!r} never judged anything for query {query!r}: 'eval sets show' lists its queries.")
    return [PastJudgment(**{one.name: row[one.name] for one in fields(PastJudgment)}) for row in rows]


def require_documents(home: Home, partition: Partition, ids: Sequence[str]) -> None:
    """Refuse to judge what the collection does not hold.

    Raises:
        NotFound: one of the documents is not there.
    """
    if missing := sorted(set(ids) - contents_of(home.catalogue, partition, ids).keys()):
        raise NotFound(f"No document {missing[0]!r} in {partition}: only what is there can be judged.")


def _one_line(text: str) -> str:
    return " ".join(text.split())
