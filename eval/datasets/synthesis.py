"""Synthetic query sets: queries made of a collection's own documents, each answered by the document it was made of."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from eval.datasets.document_queries import Made, MadeQuery, make_queries
from eval.datasets.set_changes import NewQuery, Note, SetChange, create_set, partition_of, put_contents
from eval.datasets.trec import Qrels
from indexing.catalogue.documents import load_document
from indexing.catalogue.query_sets import contents_of, query_set_row, titles_of
from indexing.errors import InvalidInput, NotFound
from indexing.home import Home
from indexing.records import Document, Partition

COUNT = 200
"""Queries of a synthetic set unless asked otherwise: its test split then has more than the 100 that a verdict without
judgments needs. Source: our choice."""
_DOCUMENTS_A_QUERY = 4
"""Documents that are looked at for each query, since not each gives one. Source: our choice."""
_LEAST_DOCUMENTS = 400
"""Documents that are looked at in any case, to tell which words are rare. Source: our choice."""
_ID_BYTES = 6
"""48 bits of a text's hash name its query; of a thousand queries two agree once in 500 million sets."""
Writer = Callable[[Sequence[Document], int], Made]
"""Makes up to so many queries of documents in another way, as a language model does."""


def synthesise(
    home: Home,
    name: str,
    partition: Partition,
    *,
    count: int = COUNT,
    seed: int = 0,
    actor: str,
    reason: str = "",
    again: bool = False,
    writer: Writer | None = None,
) -> SetChange:
    """Store a set of queries that are made of documents; each has one relevant document, the one it was made of.

    The same documents and seed give the same set.

    Args:
        home: Where.
        name: The set's name.
        partition: Of whose documents.
        count: How many queries at most, >= 1; there are fewer where the documents do not give more.
        seed: Decides which documents are taken.
        actor: Who asks for it.
        reason: Why; by default what it was made of.
        again: Whether a synthetic set of that name becomes this one, as a new version.
        writer: Makes the queries; ``None`` takes them from titles, headings and key sentences.

    Raises:
        NotFound: The partition holds no document.
        InvalidInput: No query could be made of them, or the set of that name is no synthetic one of this partition.
        AlreadyExists: There is such a set, and ``again`` is false.
    """
    if count < 1:
        raise InvalidInput(f"count is {count}; expected at least 1")
    titles = titles_of(home.catalogue, partition)
    if not titles:
        raise NotFound(f"{partition} holds no document to make queries of: ingest some first.")
    documents = _sample(home, partition, [document_id for document_id, _ in titles], count, seed)
    if writer is None:
        made = Made(make_queries(documents, (title for _, title in titles), count), {})
    else:
        made = writer(documents, count)
    if not made.queries:
        raise InvalidInput(
            f"No query could be made of {len(documents)} documents of {partition}: their titles, headings and sentences"
            " are too short, or the same in all of them."
        )
    contents = {one.id: one.content_sha256 for one in documents}
    return _store(home, name, partition, made, contents, seed, actor, reason, again=again)


def _store(
    home: Home,
    name: str,
    partition: Partition,
    made: Made,
    contents: Mapping[str, str],
    seed: int,
    actor: str,
    reason: str,
    *,
    again: bool,
) -> SetChange:
    with home.catalogue.write():
        # Writing queries may take minutes, in which documents change or are erased: what was made of them is not kept.
        now = contents_of(home.catalogue, partition, {one.document_id for one in made.queries})
        kept = [one for one in made.queries if now.get(one.document_id) == contents[one.document_id]]
        if not kept:
            raise InvalidInput(f"Every document of {partition} that queries were made of has changed or is gone since.")
        queries, qrels = _as_new(kept)
        makers = sorted({one.maker for one in kept})
        told = reason or f"made of {', '.join(makers)} of {len(qrels)} documents"
        row = query_set_row(home.catalogue, name) if again else None
        if row is None:
            provenance = {"made_of": makers, "seed": seed, **made.provenance}
            create_set(home, name, partition, "synthetic", provenance=provenance, actor=actor)
        elif row["kind"] != "synthetic" or partition_of(row) != partition:
            raise InvalidInput(
                f"Query set {name!r} is {row['kind']} and about {partition_of(row)}; expected a synthetic one about"
                f" {partition}: choose another name."
            )
        return put_contents(home, name, queries, qrels, Note("synthesise", actor, told), is_replacing=True)


def _as_new(made: Sequence[MadeQuery]) -> tuple[list[NewQuery], Qrels]:
    queries: dict[str, NewQuery] = {}
    qrels: Qrels = {}
    for one in made:
        query_id = f"syn-{hashlib.blake2b(one.text.encode(), digest_size=_ID_BYTES).hexdigest()}"
        queries[query_id] = NewQuery(
            query_id, one.text, "synthetic", {"made_of": one.maker}, source_document=one.document_id
        )
        qrels[query_id] = {one.document_id: 1}
    return list(queries.values()), qrels


def _sample(home: Home, partition: Partition, ids: Sequence[str], count: int, seed: int) -> list[Document]:
    """Documents in an order that only the seed and their ids decide; one that is deleted meanwhile is left out."""

    def place(document_id: str) -> bytes:
        return hashlib.blake2b(document_id.encode("utf-8", "surrogatepass"), key=str(seed).encode()).digest()

    found = []
    for document_id in sorted(ids, key=place)[: max(_DOCUMENTS_A_QUERY * count, _LEAST_DOCUMENTS)]:
        try:
            found.append(load_document(home.catalogue, partition, document_id))
        except NotFound:
            continue
    return found
