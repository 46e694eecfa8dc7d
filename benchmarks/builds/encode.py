"""How fast are passages encoded offline, against SentenceTransformer.encode in the same run, and at what quality?

Both read the same encoder inputs (the ``first-256`` view of SciFact) and are scored by exact dense search over one
vector a
document. Ours runs one text at a time in one single-threaded session a core; the baseline runs in batches of 32 with
all cores, its default. The two take turns in slices, so that a change of the machine's speed meets both.

Usage: python -m benchmarks.builds.encode --data ../shared/data
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from benchmarks.harness.recording import write_result
from eval.datasets.query_sets import load_queryset
from eval.experiments.measures import run_from_ranking, score_run
from indexing.commands.terminal import screen
from indexing.features.views import FIRST_256
from indexing.home import open_home
from indexing.models.compiler import DEFAULT_MODEL, locate_model
from indexing.models.embedder import load_embedder
from indexing.models.registry import load_tokenizer
from indexing.passages.chunker import Chunker
from indexing.records import Document
from indexing.settings import Settings

SLICES = 8


def ndcg(queryset, ids: list[str], documents: np.ndarray, queries: np.ndarray) -> float:
    similarities = queries @ documents.T
    run = {}
    for query_id, row in zip(queryset.queries, similarities, strict=True):
        run[query_id] = run_from_ranking([ids[i] for i in np.argsort(-row)[:100]])
    return score_run(queryset.qrels, run).means["nDCG@10"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    folder = parser.parse_args().data / "scifact"
    settings = Settings()
    home = open_home(settings)
    model = home.models.get(DEFAULT_MODEL)
    chunker = Chunker(FIRST_256, load_tokenizer(home.storage, model), model.files.max_tokens)
    ids, texts = [], []
    for line in (folder / "corpus.jsonl").open():
        record = json.loads(line)
        document = Document(record["_id"], record["title"], record["text"])
        for passage in chunker.passages(document, chunker.spans(document)):
            ids.append(document.id)
            texts.append(passage.encoder_input)
    queryset = load_queryset(folder)
    torch.set_num_threads(settings.sessions)
    baseline = SentenceTransformer(locate_model(DEFAULT_MODEL)[0], device="cpu")
    encoders = {"sentence-transformers": lambda part: baseline.encode(part, normalize_embeddings=True, batch_size=32)}
    queries = {"sentence-transformers": baseline.encode(list(queryset.queries.values()), normalize_embeddings=True)}
    for precision in ("int8", "fp32"):
        embedder = load_embedder(home.storage, model, precision, sessions=settings.sessions)
        encoders[f"groundwork {precision}"] = embedder.encode_passages
        queries[f"groundwork {precision}"] = np.stack([embedder.encode_query(q) for q in queryset.queries.values()])
    seconds = dict.fromkeys(encoders, 0.0)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in encoders}
    for number in range(SLICES):
        slice_ = texts[number * len(texts) // SLICES : (number + 1) * len(texts) // SLICES]
        for name, encode in encoders.items():
            began = time.perf_counter()
            parts[name].append(np.asarray(encode(slice_), np.float32))
            seconds[name] += time.perf_counter() - began
        screen.print(f"slice {number + 1} of {SLICES}", highlight=False)
    again = load_embedder(home.storage, model, "int8", sessions=1).encode_passages(texts[::20])
    vectors = {name: np.concatenate(part) for name, part in parts.items()}
    result = {
        name: {
            "passages_per_second": round(len(texts) / seconds[name], 1),
            "ratio_to_sentence_transformers": round(seconds["sentence-transformers"] / seconds[name], 2),
            "nDCG@10": round(ndcg(queryset, ids, vectors[name], queries[name]), 4),
        }
        for name in encoders
    }
    result["passages"] = len(texts)
    result["int8 vectors equal bit by bit on a second run (every 20th, other session)"] = bool(
        np.array_equal(again, vectors["groundwork int8"][::20])
    )
    print(json.dumps(result, indent=1))
    write_result("encode", result)


if __name__ == "__main__":
    main()
