"""Live recall is 1 where search is exact, and what a plain count gives where it is not."""

import numpy as np

from app.retrieval.recall_probe import measure_recall
from indexing.indexes.analyser import Analyser
from indexing.records import Document, Partition, Passage, Vectors
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.shard import KIND, open_shard, shard_in_memory
from indexing.snapshots.shard_layout import ShardInput
from indexing.snapshots.shard_writer import write_shard
from indexing.storage.factory import open_storage

HERE = Partition("here", "c")
ANALYSER = Analyser("none")


def vectors_of(rows: int) -> Vectors:
    made = np.random.default_rng(1).normal(size=(rows, 24))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def inputs_of(rows: int) -> list[ShardInput]:
    return [
        ShardInput(HERE, Document(f"d{n:04}", "", "x"), [Passage(f"d{n:04}", 0, 0, 1, "x", (), "x")])
        for n in range(rows)
    ]


class FindsHalf(PartitionView):
    """A partition whose approximate search finds every other of the nearest passages."""

    def search(self, query, k, *, exact=False, **options):
        if exact:
            return super().search(query, k, exact=True, **options)
        numbers, rows, scores = super().search(query, k, exact=True, **options)
        return numbers[::2], rows[::2], scores[::2]


def test_exact_search_has_a_recall_of_one() -> None:
    shard = shard_in_memory("s", inputs_of(60), vectors_of(60), ANALYSER)
    found = measure_recall(PartitionView(HERE, [shard]), k=10, queries=20)
    assert (found.recall, found.queries, found.passages, found.is_approximate) == (1.0, 20, 60, False)
    assert found.search_ms > 0


def test_an_approximate_index_is_compared_with_exact_search(tmp_path) -> None:
    storage = open_storage(tmp_path)
    with storage.publish(KIND, "s") as draft:
        write_shard(draft, inputs_of(3000), lambda: vectors_of(3000), ANALYSER, min_recall=0.1)
    view = FindsHalf(HERE, [open_shard(storage.open(KIND, "s"))])
    found = measure_recall(view, k=10, queries=30)
    assert (found.recall, found.queries, found.is_approximate) == (0.5, 30, True)


def test_hidden_passages_do_not_count() -> None:
    shard = shard_in_memory("s", inputs_of(60), vectors_of(60), ANALYSER)
    hidden = np.arange(60) >= 5
    found = measure_recall(PartitionView(HERE, [shard], [hidden]), k=10, queries=8)
    assert (found.recall, found.passages) == (1.0, 5)
