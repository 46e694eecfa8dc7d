"""Makes ``format-3/``: a shard with attributes and permissions as first written, and what it gives.

Run once, when the format was new; what it made is kept for ever, so it refuses to make it again. Only the shard is
kept: a home is that of format 1.
"""

import json
import shutil
import sys
from pathlib import Path

from indexing.indexes.analyser import Analyser
from indexing.models.embedder import HashingEmbedder
from indexing.records import Document, Partition, Passage
from indexing.snapshots.shard import KIND, open_shard
from indexing.snapshots.shard_layout import ShardInput
from indexing.snapshots.shard_writer import write_shard
from indexing.storage.factory import open_storage

FOLDER = Path(__file__).parent / "format-3"
DIMENSION, DOCUMENTS = 16, 300
ACME = Partition("acme", "help")
QUERIES = ["Article 17 about invoices", "a refund of group 4", "Größe: naïve café, 東京"]


def item(number: int) -> ShardInput:
    """An article of one passage."""
    title, text = f"Article {number}", f"It is about invoices and refunds of group {number % 7}: café {number}, 東京."
    passage = Passage(f"a{number:03}", 0, 0, len(text), text, (title,), f"{title}\n{text}")
    metadata = {"group": number % 7, "name": f"n{number % 4}", "tags": ["all", number % 3], "draft": number % 2 == 0}
    allow = ("ann", "staff") if number % 10 == 0 else None
    return ShardInput(ACME, Document(f"a{number:03}", title, text, "", metadata, allow=allow), [passage])


def main() -> None:
    """Write the shard and write down what it answers."""
    if FOLDER.exists():
        sys.exit(f"{FOLDER} exists: a golden shard is made once and then kept for ever.")
    storage, embedder = open_storage(FOLDER / "home"), HashingEmbedder(DIMENSION)
    inputs = [item(number) for number in range(DOCUMENTS)]
    vectors = embedder.encode_passages([passage.encoder_input for one in inputs for passage in one.passages])
    with storage.publish(KIND, "golden") as draft:
        write_shard(draft, inputs, lambda: vectors, Analyser("english"), min_recall=0.5)
    shard = open_shard(storage.open(KIND, "golden"))
    shutil.rmtree(FOLDER / "home" / "seen", ignore_errors=True)
    segment = shard.attributes(ACME)
    expected = {
        "lists": shard.lists.to_json(),
        "queries": [
            {
                "text": text,
                "vector": embedder.encode_query(text).tolist(),
                "exact": shard.search(ACME, embedder.encode_query(text), 5, exact=True)[0].tolist(),
                "approximate": shard.search(ACME, embedder.encode_query(text), 5)[0].tolist(),
            }
            for text in QUERIES
        ],
        "first": shard.passage(0).text,
        "attributes": {
            "group is 3": int(segment.equal("group", 3).sum()),
            "group above 4": int(segment.ordered("group", "gt", 4).sum()),
            "name from n2": int(segment.ordered("name", "gte", "n2").sum()),
            "tagged 2": int(segment.equal("tags", 2).sum()),
            "draft": int(segment.equal("draft", True).sum()),
            "seen by nobody in particular": int(segment.visible([]).sum()),
            "seen by ann": int(segment.visible(["ann"]).sum()),
        },
    }
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
