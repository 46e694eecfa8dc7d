"""Which index for which size? Flat, HNSW, IVF, scalar and product quantisation at 10,000, 100,000 and 1,000,000 x 384.

One core, one query at a time, real queries of five collections against made vectors (see vector_sets.py). Every
quantised index is re-scored exactly. Reported for each setting of each kind: recall@10 against exact search, p50, p95,
p99 over the queries in milliseconds (each query's median of three passes, so that other users of the machine do not
count), bytes beyond the vectors themselves, seconds to build. Also: does the recall that a build measures
on sampled queries tell what people's queries will see? And a picture, results/index_options.png.

Usage: python -m benchmarks.search.index_options --data ../shared/data [--sizes 10000 100000 1000000]
"""

import argparse
import tempfile
import time
from pathlib import Path

import faiss
import matplotlib as mpl
import numpy as np
from rich.progress import track

from benchmarks.harness.recording import RESULTS, write_result
from benchmarks.harness.timing import typical_milliseconds
from benchmarks.harness.vector_sets import exact_neighbours, made_vectors, real_sets
from indexing.commands.terminal import print_table
from indexing.home import open_home
from indexing.indexes.ivf_index import sample_queries
from indexing.settings import Settings

K = 10
TARGETS = (0.95, 0.99)
IP = faiss.METRIC_INNER_PRODUCT


class Timed:
    """Runs queries one by one and says how well and how fast."""

    def __init__(self, vectors, queries) -> None:
        self.vectors, self.queries = vectors, queries
        self.wanted = exact_neighbours(vectors, queries, K)

    def measure(self, search) -> dict:
        """Recall and time of ``search`` over all queries, after some to warm up."""
        hits = sum(
            len(wanted & set(search(query).tolist())) for query, wanted in zip(self.queries, self.wanted, strict=True)
        )
        return {"recall_at_10": round(hits / K / len(self.queries), 4), **typical_milliseconds(self.queries, search)}

    def rescored(self, index, depth: int, parameters=None):
        """A search that takes ``depth`` rows from an index and gives the best of them by the vectors themselves."""

        def search(query):
            rows = index.search(query[None, :], depth, params=parameters)[1][0]
            rows = rows[rows >= 0]
            return rows[np.argsort(-(self.vectors[rows] @ query))[:K]]

        return search


def lists_index(kind: str, rows: int, dimension: int):
    lists = int(4 * rows**0.5)
    quantizer = faiss.IndexFlatIP(dimension)
    if kind == "ivf":
        index = faiss.IndexIVFFlat(quantizer, dimension, lists, IP)
    elif kind == "ivf-sq8":
        index = faiss.IndexIVFScalarQuantizer(quantizer, dimension, lists, faiss.ScalarQuantizer.QT_8bit, IP)
    else:
        index = faiss.IndexIVFPQFastScan(quantizer, dimension, lists, dimension // 2, 4, IP)
    index.cp.niter, index.cp.max_points_per_centroid, index.cp.min_points_per_centroid = 10, 40, 1
    index.cp.spherical = True
    return index, quantizer


def built(index, vectors, path: Path) -> dict:
    began = time.perf_counter()
    index.train(vectors)
    index.add(vectors)
    seconds = time.perf_counter() - began
    faiss.write_index(index, str(path))
    return {"build_seconds": round(seconds, 1), "bytes": path.stat().st_size}


def options(timed: Timed, path: Path):
    """(kind, setting, figures) of everything that is tried."""
    vectors = timed.vectors
    rows, dimension = vectors.shape
    flat = faiss.IndexFlatIP(dimension)
    about = built(flat, vectors, path) | {"bytes": 0}
    yield "flat", "", about | timed.measure(lambda query: flat.search(query[None, :], K)[1][0])
    index = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_8bit, IP)
    about = built(index, vectors, path)
    yield "sq8", "depth 20", about | timed.measure(timed.rescored(index, 20))
    for kind, depth in (("ivf", K), ("ivf-sq8", 20), ("ivf-pq4", 64)):
        index, quantizer = lists_index(kind, rows, dimension)
        about = built(index, vectors, path)
        if kind == "ivf":
            about["bytes"] -= vectors.nbytes  # it could hold the only copy
        for probes in (8, 16, 32, 64, 128, 256):
            if probes <= index.nlist // 2:
                parameters = faiss.SearchParametersIVF(nprobe=probes)  # type: ignore[call-arg] # faiss says no types of it
                yield kind, f"{probes} probes", about | timed.measure(timed.rescored(index, depth, parameters))
        del index, quantizer
    graph = faiss.IndexHNSWFlat(dimension, 16, IP)
    graph.hnsw.efConstruction = 80
    about = built(graph, vectors, path)
    about["bytes"] -= vectors.nbytes
    for depth in (16, 32, 64, 128, 256, 512):
        parameters = faiss.SearchParametersHNSW(efSearch=depth)  # type: ignore[attr-defined] # nor of this
        yield "hnsw", f"ef {depth}", about | timed.measure(timed.rescored(graph, K, parameters))


def sampled_and_real(sets) -> dict:
    """Recall by probes on a build's sampled queries and on people's, for the real collections."""
    result = {}
    for name, (vectors, queries) in sets.items():
        index, _quantizer = lists_index("ivf-pq4", *vectors.shape)
        index.train(vectors)
        index.add(vectors)
        figures = {}
        for who, asked in (("people's", queries), ("sampled", sample_queries(vectors, 200))):
            timed = Timed(vectors, asked)
            figures[who] = {
                probes: timed.measure(timed.rescored(index, 64, faiss.SearchParametersIVF(nprobe=probes)))[  # type: ignore[call-arg] # faiss says no types of it
                    "recall_at_10"
                ]
                for probes in (8, 16, 32, 64, 128)
            }
        result[f"{name}, {len(vectors)} passages"] = figures
    return result


def draw(rows: list[dict], path: Path) -> None:
    mpl.use("Agg")
    from matplotlib import pyplot

    sizes = sorted({row["rows"] for row in rows})
    figure, axes = pyplot.subplots(1, len(sizes), figsize=(5 * len(sizes), 4.2), squeeze=False)
    for axis, size in zip(axes[0], sizes, strict=True):
        for kind in dict.fromkeys(row["kind"] for row in rows):
            mine = [row for row in rows if row["rows"] == size and row["kind"] == kind]
            axis.plot([r["recall_at_10"] for r in mine], [r["p99_ms"] for r in mine], marker="o", label=kind)
        axis.axvline(TARGETS[0], color="grey", linewidth=0.8, linestyle=":")
        axis.set(title=f"{size:,} x 384", xlabel="recall@10", xlim=(0.8, 1.005), yscale="log")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("p99 of a search on one core, ms")
    axes[0][0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    print(f"wrote {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 30_000, 100_000, 1_000_000])
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    sets = real_sets(open_home(Settings()), arguments.data)
    real = np.concatenate([vectors for vectors, _ in sets.values()])
    queries = np.concatenate([asked for _, asked in sets.values()])[::2]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.sizes:
            timed = Timed(made_vectors(real, size), queries)
            for kind, setting, figures in track(options(timed, Path(folder) / "index"), f"{size:,} rows"):
                rows.append({"rows": size, "kind": kind, "setting": setting, **figures})
            shown = [row for row in rows if row["rows"] == size]
            print_table(f"{size:,} x 384", list(shown[0]), [[str(value) for value in row.values()] for row in shown])
    draw(rows, RESULTS / "index_options.png")
    least = [
        min(
            (row for row in rows if (row["rows"], row["kind"]) == pair and row["recall_at_10"] >= target),
            key=lambda row: row["p99_ms"],
            default=None,
        )
        for pair in dict.fromkeys((row["rows"], row["kind"]) for row in rows)
        for target in TARGETS
    ]
    write_result(
        "index_options",
        {
            "queries": len(queries),
            "settings": rows,
            "fastest at recall@10 of 0.95 and 0.99": [row for row in least if row],
            "recall@10 on a build's sampled queries and on people's": sampled_and_real(sets),
        },
    )


if __name__ == "__main__":
    main()
