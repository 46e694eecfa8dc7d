"""Makes ``format-4/``: a shard with codes as first written, and what it gives.

Run once, when the format was new; what it made is kept for ever, so it refuses to make it again. Only the shard is
kept: a home is that of format 1.
"""

import json
import shutil
import sys
from pathlib import Path

from make_format_2 import ACME, DIMENSION, DOCUMENTS, QUERIES, item

from indexing.indexes.analyser import Analyser
from indexing.models.embedder import HashingEmbedder
from indexing.snapshots import shard_writer
from indexing.snapshots.shard import KIND, open_shard
from indexing.snapshots.shard_writer import write_shard
from indexing.storage.factory import open_storage

FOLDER = Path(__file__).parent / "format-4"


def main() -> None:
    """Write the shard and write down what it answers."""
    if FOLDER.exists():
        sys.exit(f"{FOLDER} exists: a golden shard is made once and then kept for ever.")
    storage, embedder = open_storage(FOLDER / "home"), HashingEmbedder(DIMENSION)
    inputs = [item(number) for number in range(DOCUMENTS)]
    vectors = embedder.encode_passages([passage.encoder_input for one in inputs for passage in one.passages])
    shard_writer.SQ8_ROWS = 0  # so few rows have no codes otherwise
    with storage.publish(KIND, "golden") as draft:
        write_shard(draft, inputs, lambda: vectors, Analyser("english"))
    artefact = storage.open(KIND, "golden")
    shard = open_shard(artefact)
    shutil.rmtree(FOLDER / "home" / "seen", ignore_errors=True)
    expected = {
        "codes": artefact.info["codes"],
        "queries": [
            {
                "text": text,
                "vector": embedder.encode_query(text).tolist(),
                "exact": shard.search(ACME, embedder.encode_query(text), 5, exact=True)[0].tolist(),
            }
            for text in QUERIES
        ],
        "first": shard.passage(0).text,
    }
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
