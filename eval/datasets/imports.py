"""Importing query sets: files of BEIR or TREC become a stored set, whose versions a later import adds to."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eval.datasets.frequency import frequency_in_ledger
from eval.datasets.set_changes import NewQuery, Note, SetChange, create_set, put_contents
from eval.datasets.topics import Topic, read_topics
from eval.datasets.trec import read_qrels
from indexing.catalogue.query_sets import query_set_row
from indexing.errors import InvalidInput, SourceInvalid
from indexing.home import Home
from indexing.records import Json, Partition


@dataclass(frozen=True, slots=True)
class QueryFiles:
    """What to import: queries and their judgments.

    ``slice_fields`` names for a slice the field of the queries' metadata that holds its value, as in
    ``{"topic": "domain"}``.
    """

    queries: Path
    qrels: Path
    slice_fields: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_folder(cls, folder: Path, split: str, queries_file: str, slice_fields: Mapping[str, str]) -> "QueryFiles":
        """The files of a folder in BEIR's layout.

        Raises:
            SourceInvalid: The folder has no judgments of that name; the message names those there are.
        """
        there = sorted(path.stem for path in (folder / "qrels").glob("*.tsv"))
        if split not in there:
            raise SourceInvalid(
                f"{folder}: no split {split!r} in qrels/; expected one of: {', '.join(there) or 'none'}"
            )
        return cls(folder / queries_file, folder / "qrels" / f"{split}.tsv", slice_fields)


def import_query_set(
    home: Home, name: str, files: QueryFiles, partition: Partition, *, actor: str, reason: str = "", again: bool = False
) -> SetChange:
    """Store queries and judgments of files as a set about the documents of a partition.

    Every query with a judgment is stored; a query without one is left out. Which split a query is in its text says,
    and not the file: a set that is imported from the test judgments of a collection has all three.

    Args:
        home: Where.
        name: The set's name.
        files: What to read.
        partition: Whose documents are judged; a document that is not there is a judgment without content.
        actor: Who imports it.
        reason: Why; by default which files were read.
        again: Whether a set of that name becomes what the files are now, as a new version: judgments that did not
            change keep the content that they were made for.

    Raises:
        SourceInvalid: The files cannot be read, or a judged query has no text.
        AlreadyExists: There is such a set, and ``again`` is false.
        InvalidInput: The set of that name is about other documents.
    """
    topics, qrels = read_topics(files.queries), read_qrels(files.qrels)
    if unknown := sorted(qrels.keys() - topics.keys()):
        raise SourceInvalid(
            f"{files.queries}: query {unknown[0]!r} is judged in {files.qrels.name} and has no text here"
            f" ({len(unknown)} such); expected a line for each judged query; name the file that holds them"
        )
    queries = [_query(one, topics[one], files.slice_fields) for one in topics if one in qrels]
    judged = {one.id: qrels[one.id] for one in queries}
    frequency = frequency_in_ledger(home, partition.tenant)
    told = reason or f"imported from {files.queries.name} and {files.qrels.name}"
    with home.catalogue.write():
        row = query_set_row(home.catalogue, name) if again else None
        if row is None:
            create_set(home, name, partition, "imported", provenance=_provenance(files), actor=actor)
        elif (row["tenant"], row["collection"]) != (partition.tenant, partition.collection):
            raise InvalidInput(
                f"Query set {name!r} is about {row['tenant']}/{row['collection']}, not about {partition}:"
                " choose another name."
            )
        return put_contents(
            home,
            name,
            queries,
            judged,
            Note("import", actor, told),
            is_replacing=True,
            frequency=frequency,
        )


def _query(query_id: str, topic: Topic, slice_fields: Mapping[str, str]) -> NewQuery:
    given = {
        name: str(topic.metadata[of])
        for name, of in slice_fields.items()
        if isinstance(topic.metadata.get(of), str | int | float)
    }
    return NewQuery(query_id, topic.text, "imported", given)


def _provenance(files: QueryFiles) -> dict[str, Json]:
    """Names and hashes of the files, without their places on this machine."""
    return {
        part: {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for part, path in (("queries", files.queries), ("qrels", files.qrels))
    } | {"slice_fields": dict(files.slice_fields)}
