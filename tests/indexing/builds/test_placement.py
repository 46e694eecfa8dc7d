"""Every document has one place, and a change moves as little as a trie of hashes lets it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from indexing.builds.placement import PlacedDocument
from indexing.builds.placement import place as place_shards
from indexing.catalogue.documents import DocumentKey
from indexing.records import Partition
from indexing.releases.recipes import Approximation

SHARD_ROWS = 10
PARTITIONS = st.sampled_from([Partition(tenant, name) for tenant in ("a", "b", "ä") for name in ("x", "y")])
IDS = st.one_of(st.integers(0, 60).map(str), st.text(min_size=1, max_size=4))
CORPORA = st.dictionaries(st.tuples(PARTITIONS, IDS), st.integers(0, 13), max_size=60)
Corpus = dict[tuple[Partition, str], int]


def place(documents: Iterable[PlacedDocument], *, shard_rows: int) -> list[Sequence[PlacedDocument]]:
    return [shard.documents for shard in place_shards(documents, shard_rows=shard_rows)]


def placed(corpus: Corpus) -> list[PlacedDocument]:
    return [
        PlacedDocument(DocumentKey(partition, name, "content", "record"), rows)
        for (partition, name), rows in sorted(corpus.items())
    ]


def corpus_of(sizes: dict[str, int]) -> Corpus:
    """Documents of one row: how many a collection has."""
    return {(Partition("t", name), f"{name}-{i}"): 1 for name, size in sizes.items() for i in range(size)}


def sets(shards: Iterable[Sequence[PlacedDocument]]) -> set[frozenset[PlacedDocument]]:
    return {frozenset(shard) for shard in shards}


def rows_of(documents: Iterable[PlacedDocument]) -> int:
    return sum(document.rows for document in documents)


def large_partitions(documents: Sequence[PlacedDocument]) -> set[Partition]:
    sizes = Counter[Partition]()
    for document in documents:
        sizes[document.key.partition] += document.rows
    return {partition for partition, rows in sizes.items() if rows > SHARD_ROWS}


def partitions_of(shard: Sequence[PlacedDocument]) -> set[Partition]:
    return {document.key.partition for document in shard}


@given(CORPORA)
def test_every_document_with_passages_stands_in_exactly_one_shard(corpus: Corpus) -> None:
    documents = placed(corpus)
    shards = place(documents, shard_rows=SHARD_ROWS)
    found = [document for shard in shards for document in shard]
    assert Counter(found) == Counter(d for d in documents if d.rows)
    assert all(shards)


@given(CORPORA)
def test_only_a_single_document_may_exceed_the_limit(corpus: Corpus) -> None:
    for shard in place(placed(corpus), shard_rows=SHARD_ROWS):
        assert rows_of(shard) <= SHARD_ROWS or len(shard) == 1


@given(CORPORA)
def test_a_small_partition_is_whole_and_a_large_one_has_shards_of_its_own(corpus: Corpus) -> None:
    documents = placed(corpus)
    shards = place(documents, shard_rows=SHARD_ROWS)
    for partition in {document.key.partition for document in documents}:
        holding = [shard for shard in shards if partition in partitions_of(shard)]
        if partition in large_partitions(documents):
            assert all(partitions_of(shard) == {partition} for shard in holding)
        else:
            assert len(holding) <= 1


@given(CORPORA)
def test_shards_and_the_documents_inside_them_are_in_the_order_of_keys(corpus: Corpus) -> None:
    shards = place(placed(corpus), shard_rows=SHARD_ROWS)
    orders = [[(document.key.partition, document.key.id) for document in shard] for shard in shards]
    assert all(left < right for order in orders for left, right in pairwise(order))
    assert all(left[0] < right[0] for left, right in pairwise(orders))


@given(CORPORA)
def test_placement_follows_from_the_documents_and_not_from_how_they_arrive(corpus: Corpus) -> None:
    documents = placed(corpus)

    def in_batches_of_three() -> Iterator[PlacedDocument]:
        for start in range(0, len(documents), 3):
            yield from documents[start : start + 3]

    assert place(in_batches_of_three(), shard_rows=SHARD_ROWS) == place(documents, shard_rows=SHARD_ROWS)


@given(CORPORA, st.data())
def test_where_a_large_partition_stands_does_not_depend_on_others(corpus: Corpus, data: st.DataObject) -> None:
    documents = placed(corpus)
    large = large_partitions(documents)
    kept = data.draw(st.sets(st.sampled_from(sorted(large)))) if large else set()
    alone = place([d for d in documents if d.key.partition in kept], shard_rows=SHARD_ROWS)
    together = place(documents, shard_rows=SHARD_ROWS)
    assert sets(alone) == {frozenset(shard) for shard in together if partitions_of(shard) <= kept}


@settings(max_examples=200)
@given(CORPORA, PARTITIONS, IDS, st.integers(1, 13))
def test_adding_a_document_touches_only_its_own_leaf(
    corpus: Corpus, partition: Partition, name: str, rows: int
) -> None:
    corpus.pop((partition, name), None)
    size = sum(count for (owner, _), count in corpus.items() if owner == partition)
    assume(not size <= SHARD_ROWS < size + rows)  # outgrowing a shared shard is the next test
    before = place(placed(corpus), shard_rows=SHARD_ROWS)
    after = place(placed(corpus | {(partition, name): rows}), shard_rows=SHARD_ROWS)
    gone, new = sets(before) - sets(after), sets(after) - sets(before)
    assert len(gone) <= 1
    (added,) = frozenset().union(*new) - frozenset().union(*gone)
    assert (added.key.partition, added.key.id) == (partition, name)
    assert frozenset().union(*new) == frozenset().union(*gone) | {added}
    if len(new) > 1:
        assert rows_of(frozenset().union(*new)) > SHARD_ROWS  # it split because it had to


@given(CORPORA, PARTITIONS)
def test_a_partition_that_outgrows_its_shared_shard_moves_no_large_one(corpus: Corpus, partition: Partition) -> None:
    corpus = {key: rows for key, rows in corpus.items() if key[0] != partition}
    small = corpus | {(partition, "first"): SHARD_ROWS}
    grown = small | {(partition, "second"): 1}
    before, after = (place(placed(one), shard_rows=SHARD_ROWS) for one in (small, grown))
    for owner in large_partitions(placed(small)):
        assert shards_of(before, owner) == shards_of(after, owner)
    assert all(partitions_of(shard) == {partition} for shard in shards_of(after, partition))


def shards_of(shards: Sequence[Sequence[PlacedDocument]], partition: Partition) -> list[Sequence[PlacedDocument]]:
    return [shard for shard in shards if partition in partitions_of(shard)]


def test_small_partitions_share_a_shard_and_a_large_one_is_split() -> None:
    shards = place(placed(corpus_of({"big": 25, "one": 2, "two": 3})), shard_rows=SHARD_ROWS)
    shared = [shard for shard in shards if partitions_of(shard) != {Partition("t", "big")}]
    assert [len(shard) for shard in shared] == [5]
    assert len(shards) >= 4  # 25 rows do not fit into two shards of 10


def test_a_document_larger_than_a_shard_stands_alone() -> None:
    corpus = corpus_of({"big": 9}) | {(Partition("t", "big"), "huge"): 50}
    shards = place(placed(corpus), shard_rows=SHARD_ROWS)
    assert [[d.key.id for d in shard] for shard in shards if rows_of(shard) > SHARD_ROWS] == [["huge"]]


def test_a_partition_of_exactly_the_limit_is_small() -> None:
    shards = place(placed(corpus_of({"a": SHARD_ROWS})), shard_rows=SHARD_ROWS)
    assert [len(shard) for shard in shards] == [SHARD_ROWS]


def test_documents_without_passages_leave_no_shard() -> None:
    assert place(placed({(Partition("t", "a"), "empty"): 0}), shard_rows=SHARD_ROWS) == []
    assert place([], shard_rows=SHARD_ROWS) == []


def test_a_change_of_one_in_ten_thousand_touches_one_shard() -> None:
    before = place(placed(corpus_of({"big": 10_000})), shard_rows=256)
    after = place(placed(corpus_of({"big": 10_001})), shard_rows=256)
    assert len(before) > 40
    assert len(sets(before) - sets(after)) == 1


def test_a_partition_above_the_threshold_gets_larger_approximate_shards_of_its_own() -> None:
    documents = placed(corpus_of({"large": 200, "middle": 30, "small": 5}))
    shards = place_shards(documents, shard_rows=SHARD_ROWS, approximation=Approximation(above_rows=50, shard_rows=80))
    large = [shard for shard in shards if shard.is_approximate]
    assert {partition.collection for shard in large for partition in partitions_of(shard.documents)} == {"large"}
    assert rows_of(document for shard in large for document in shard.documents) == 200
    assert 3 <= len(large) <= 8
    assert all(rows_of(shard.documents) <= 80 for shard in large)
    others = [shard.documents for shard in shards if not shard.is_approximate]
    assert sets(others) == sets(place(placed(corpus_of({"middle": 30, "small": 5})), shard_rows=SHARD_ROWS))


def test_a_partition_at_the_threshold_is_placed_as_ever() -> None:
    documents = placed(corpus_of({"a": 50}))
    shards = place_shards(documents, shard_rows=SHARD_ROWS, approximation=Approximation(above_rows=50, shard_rows=80))
    assert not any(shard.is_approximate for shard in shards)
    assert [shard.documents for shard in shards] == place(documents, shard_rows=SHARD_ROWS)
