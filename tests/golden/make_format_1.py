"""Makes ``format-1/``: a small home as the first version of Groundwork wrote it, and what a search of it must give.

Run once, when the format was new; what it made is kept for ever, so it refuses to make it again. ``features/`` and
``seen/`` are left out: they are caches.
"""

import json
import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from indexing.builds.build import build
from indexing.builds.context import BuildContext
from indexing.builds.tasks import LocalExecutor, TaskRunner
from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import put_documents
from indexing.features.views import EMBEDDING_VIEWS, FeatureViews, ModelFiles, PassageView, lexical_view
from indexing.indexes.analyser import Analyser
from indexing.indexes.bm25 import Bm25
from indexing.models.embedder import HashingEmbedder
from indexing.passages.chunker import Chunker
from indexing.records import MARKDOWN, Document, Json, Partition
from indexing.releases.recipes import Recipe, RetrievalConfig
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.snapshot import Snapshot
from indexing.storage.factory import open_storage

FOLDER = Path(__file__).parent / "format-1"
DIMENSION, SHARD_ROWS = 32, 40
ACME, GLOBEX = Partition("acme", "help"), Partition("globex", "help")
QUERIES = ["reset a forgotten password", "refund for an invoice", "Größe: naïve café, 東京, привет", "unknownword"]

TOPICS = {
    "password": "To reset a forgotten password open the sign-in page and ask for a link.",
    "invoice": "An invoice shows the plan, the seats and the tax of the month.",
    "refund": "A refund for an invoice reaches the card within ten working days.",
    "export": "Contacts are exported to a file of comma separated values.",
    "calendar": "The calendar follows the time zone of the person who reads it.",
}


def documents(partition: Partition, count: int) -> list[Document]:
    """Articles of a few passages each, with everything that a document may carry."""
    found = [
        Document(
            id=f"{topic}-{number}.md",
            title=f"{topic.capitalize()} {number} of {partition.tenant}",
            text=f"# {topic.capitalize()}\n\n{text} This is part {number}.\n\n## Details\n\nNothing else of {topic}.\n",
            url=f"https://{partition.tenant}.example/{topic}/{number}",
            metadata={"topic": topic, "number": number, "tags": ["a", None, 1.5], "nested": {"är": True}},
            content_type=MARKDOWN,
        )
        for number in range(count)
        for topic, text in TOPICS.items()
    ]
    unicode = Document("unicode \N{SNOWMAN}", "Größe", "Naïve café, 東京, Привет \N{WOMAN}\u200d\N{GIRL}. " * 3)
    return [*found, unicode, Document("title", "Only a title", "")]


def main() -> None:
    """Build the home and write down what it answers."""
    if FOLDER.exists():
        sys.exit(f"{FOLDER} exists: a golden home is made once and then kept for ever.")
    os.environ["LOGNAME"] = "golden"  # the name that a release keeps
    home = FOLDER / "home"
    catalogue, storage, embedder = Database(home / "catalogue.db"), open_storage(home), HashingEmbedder(DIMENSION)
    put_documents(catalogue, ACME, documents(ACME, 4), source="golden")
    put_documents(catalogue, GLOBEX, documents(GLOBEX, 1), source="golden")
    passage, lexical = PassageView("golden", 1, "headings", 24, 4, 8), lexical_view("english")
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    model = ModelFiles("tokenizer", {"int8": "int8", "fp32": "fp32"}, 64, "")
    runner = TaskRunner(storage, sessions=1, load=lambda model, precision: embedder)
    report = build(
        BuildContext(
            catalogue=catalogue,
            storage=storage,
            recipe=Recipe(
                "hashing@1", passage, EMBEDDING_VIEWS["int8"], lexical, RetrievalConfig(), shard_rows=SHARD_ROWS
            ),
            views=FeatureViews(passage, EMBEDDING_VIEWS["int8"], lexical, model),
            chunker=Chunker(passage, tokenizer, 64),
            load_embedder=lambda: embedder,
            executor_for=lambda job: LocalExecutor(runner),
            executor="local",
            block_size=256,
            ledger_days=30,
        )
    )
    snapshot = Snapshot(storage, report.release.snapshot)
    expected = {
        "snapshot": snapshot.id,
        "release": report.release.number,
        "shards": [shard.name for shard in snapshot.manifest.shards],
        "partitions": {str(partition): answers(snapshot, partition, embedder) for partition in (ACME, GLOBEX)},
    }
    catalogue.close()
    for cache in ("features", "seen"):
        shutil.rmtree(home / cache)
    (home / "build.lock").unlink()
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    print(f"{len(expected['shards'])} shards, {report.passages} passages")  # noqa: T201


def answers(snapshot: Snapshot, partition: Partition, embedder: HashingEmbedder) -> Json:
    """Every passage of a partition, and what the queries give."""
    view = snapshot.view(partition)
    if view is None:
        sys.exit(f"{partition} is not in the snapshot")
    stored = [
        view.passage(number, row)
        for number, shard in enumerate(view.shards)
        for row in range(shard.partitions[partition].start, shard.partitions[partition].stop)
    ]
    return {
        "passages": [{k: v for k, v in asdict(passage).items() if k != "partition"} for passage in stored],
        "queries": [
            {
                "text": text,
                "vector": embedder.encode_query(text).tolist(),
                "dense": dense(view, embedder, text),
                "lexical": lexical_scores(view, text),
            }
            for text in QUERIES
        ],
    }


def dense(view: PartitionView, embedder: HashingEmbedder, text: str) -> Json:
    """Ids, cosines and texts of the five nearest passages."""
    numbers, rows, scores = view.search(embedder.encode_query(text), 5)
    hits = [view.passage(int(number), int(row)) for number, row in zip(numbers, rows, strict=True)]
    return [
        {"id": f"{hit.document_id}#{hit.ordinal}", "score": float(score), "text": hit.text}
        for hit, score in zip(hits, scores, strict=True)
    ]


def lexical_scores(view: PartitionView, text: str) -> Json:
    """The BM25 score of every passage that holds a term of the query."""
    scores, _ = Bm25(1.2, 0.75).scores(view.segments, Analyser("english").terms(text))
    found = {}
    for number, part in enumerate(np.split(scores, view.offsets[1:])):
        for row, score in enumerate(part.tolist()):
            if score:
                hit = view.passage(number, view.starts[number] + row)
                found[f"{hit.document_id}#{hit.ordinal}"] = score
    return found


if __name__ == "__main__":
    main()
