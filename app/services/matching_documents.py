"""Documents of the catalogue by filter, as the API and the command line list, count and delete them."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import compress, islice

from app.retrieval.query import Matching
from indexing.catalogue.database import Database
from indexing.catalogue.documents import StoredDocument, iterate_documents
from indexing.indexes.attributes import AttributeSegment, build_attributes
from indexing.records import Partition

EVALUATED_AT_ONCE = 1_000
"""Documents whose metadata is compared with a filter together. Our choice."""


def matching_documents(
    database: Database, partition: Partition, picks: Matching, *, sees_all: bool, after: str = ""
) -> Iterator[StoredDocument]:
    """The documents of a partition by id, from the first behind ``after``, that ``picks`` picks; without their texts.

    They are evaluated as a search does. With ``sees_all`` it does not matter who may see them.
    """
    stored = iterate_documents(database, partition, after=after)
    while batch := list(islice(stored, EVALUATED_AT_ONCE)):
        documents = [replace(one.document, allow=None) if sees_all else one.document for one in batch]
        arrays, (terms,) = build_attributes([documents])
        picked = picks(AttributeSegment(arrays, terms, 0, len(batch)))
        yield from batch if picked is None else compress(batch, picked)
