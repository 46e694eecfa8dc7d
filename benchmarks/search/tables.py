"""Are rows of long tables found, and does what is found say what its columns mean? Passage views beside each other.

A made collection: documents with two tables each, of 30 to 120 rows, that are cut over several passages, and prose
between them. Asked is for one cell, by its column and its row ("price of SKU-1100"), in three wordings. A hit is right
if it is the passage with that row, and is understood if the column's name stands in what a model is given of it.
Views: the first ``default``, which cuts tables as text; the present one, whose passages carry the heading row; and the
present one with the heading row in the vectors alone, not among the lexical terms.

Usage: python -m benchmarks.search.tables
Writes benchmarks/results/tables.json; see docs/decisions/0052-tables-carry-their-heading-row.md.
"""

import argparse
import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from app.live.overlay import Fresh, Overlay
from app.retrieval.hits import RankedPassage
from app.retrieval.retriever import Retriever
from app.serving.release_opening import ReleaseOpener
from benchmarks.harness.recording import write_result
from eval.experiments.statistics import bootstrap_interval
from indexing.builds.build import build
from indexing.builds.context import BuildContext, prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.commands.models import ensure_model
from indexing.features.views import DEFAULT_PASSAGES, FIRST_PASSAGES
from indexing.home import Home, open_home
from indexing.records import MARKDOWN, MODES, Document, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.settings import Settings
from indexing.snapshots.shard_layout import ShardInput

SEED = 0
PARTITION = Partition("default", "tables")
KINDS = (
    ("Stock of {}", "SKU", ("Weight", "Price", "Place"), ("{} kg", "{} EUR", "shelf {}")),
    ("Limits of {}", "API", ("Requests per minute", "Timeout", "Burst"), ("{}", "{} s", "{} at once")),
    ("Stations of {}", "STN", ("Altitude", "Rainfall", "Opened"), ("{} m", "{} mm", "in 19{}")),
    ("Machines of {}", "HL", ("Memory", "Cores", "Monthly fee"), ("{} GiB", "{}", "{} USD")),
)
"""Title, what keys begin with, columns and what their cells look like."""
PLACES = ("Aachen", "Bergen", "Cork", "Delft", "Evora", "Faro", "Ghent", "Husum", "Imola", "Jena", "Kotor", "Lund")
WORDINGS = ("{column} of {key}", "what is the {column} of {key}?", "{key} {column}")
PROSE = "What follows was counted at the end of the month; ask the office where a figure looks wrong. "


def made_document(number: int, chance: random.Random) -> tuple[Document, list[tuple[str, str, str]]]:
    """A document of two tables, and (column, key, row) of each of their cells but the keys."""
    cells = []
    parts = [f"# {PLACES[number % len(PLACES)]} {number}\n"]
    for place, kind in enumerate(chance.sample(KINDS, 2)):
        title, prefix, columns, shapes = kind
        parts.append(f"## {title.format(PLACES[number % len(PLACES)])}\n\n{PROSE * 3}\n")
        table = [f"| Name | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        for line in range(chance.randint(30, 120)):
            key = f"{prefix}-{1000 * (2 * number + place + 1) + line}"
            row = f"| {key} | {' | '.join(shape.format(chance.randint(1, 999)) for shape in shapes)} |"
            cells += [(column, key, row) for column in columns]
            table.append(row)
        parts.append("\n".join(table) + "\n")
    return Document(f"d{number:03}", "", "\n".join(parts), content_type=MARKDOWN), cells


def made_collection(documents: int, queries: int) -> tuple[list[Document], list[tuple[str, str, str]]]:
    """Documents, and (query, row that answers it, column's name)."""
    chance = random.Random(SEED)
    made = [made_document(number, chance) for number in range(documents)]
    cells = chance.sample([cell for _, own in made for cell in own], queries)
    asked = [
        (WORDINGS[place % len(WORDINGS)].format(column=column.lower(), key=key), row, column)
        for place, (column, key, row) in enumerate(cells)
    ]
    return [document for document, _ in made], asked


def measured(serving, asked) -> dict[str, dict[str, list[float]]]:
    """By mode, of each query: the reciprocal rank of the right passage, whether it is first, and also understood."""
    retriever, found = Retriever(), {}
    for mode in MODES:
        ranks = []
        for query, row, column in asked:
            hits = retriever.search(serving, PARTITION, query, k=10, mode=mode, group_by_document=False).hits
            right = ((hit.rank, understood(hit, column)) for hit in hits if row in hit.passage.text)
            ranks.append(next(right, (0, False)))
        found[mode] = {
            "MRR@10": [1 / rank if rank else 0.0 for rank, _ in ranks],
            "first": [float(rank == 1) for rank, _ in ranks],
            "first and understood": [float(rank == 1 and is_understood) for rank, is_understood in ranks],
        }
    return found


def understood(hit: RankedPassage, column: str) -> bool:
    """Whether what a model is given of a hit names the column."""
    return column in hit.passage.table_heading or column in hit.passage.text


def without_terms(context: BuildContext, serving, documents):
    """The release with the heading row in the vectors alone: what is laid over it has other terms."""
    overlay = Overlay(serving.snapshot, serving.analyser)
    for document in documents:
        passages = context.chunker.passages(document, context.chunker.spans(document))
        vectors = serving.embedder.encode_passages([passage.encoder_input for passage in passages])
        bare = [
            replace(one, encoder_input=one.encoder_input.replace(f"{one.table_heading}\n", "", 1))
            if one.table_heading
            else one
            for one in passages
        ]
        overlay.add(PARTITION, [Fresh(ShardInput(PARTITION, document, bare), vectors, 1)])
    return replace(serving, overlay=overlay)


def built(home: Home, view):
    """A release of the view with its context, how long it took, and what its shards and passages weigh."""
    context = prepare_build(home, replace(default_recipe(home), passage=view))
    began = time.perf_counter()
    report = build(context)
    seconds = time.perf_counter() - began
    serving = ReleaseOpener(home).open(report.release)
    size = sum(shard.size_bytes for shard in serving.snapshot.view(PARTITION).shards)
    return context, serving, {"passages": serving.snapshot.manifest.rows, "build_s": round(seconds, 1), "bytes": size}


def summary(scores: dict, base: dict | None) -> dict:
    """Means by mode and measure, and the differences to ``base`` with their 95 % intervals."""
    told: dict[str, dict] = {}
    for mode, measures in scores.items():
        told[mode] = {}
        for name, values in measures.items():
            told[mode][name] = round(sum(values) / len(values), 4)
            if base is not None:
                differences = [one - other for one, other in zip(values, base[mode][name], strict=True)]
                interval = [round(end, 4) for end in bootstrap_interval(differences, seed=SEED)]
                told[mode][f"{name}, against the first view"] = interval
    return told


def compare(home: Home, *, documents: int, queries: int) -> dict:
    """Both views, and the present one without the heading rows among the terms, on one made collection."""
    made, asked = made_collection(documents, queries)
    put_documents(home.catalogue, PARTITION, made)
    result: dict[str, object] = {"documents": documents, "queries": queries}
    _, first, cost = built(home, FIRST_PASSAGES)
    base = measured(first, asked)
    result["default@1"] = {**cost, **summary(base, None)}
    context, serving, cost = built(home, DEFAULT_PASSAGES)
    result["default@2"] = {**cost, **summary(measured(serving, asked), base)}
    bare = measured(without_terms(context, serving, made), asked)
    result["default@2, heading rows not among the terms"] = summary(bare, base)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="Not read: the collection is made.")
    parser.add_argument("--documents", type=int, default=24)
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(Settings(home=Path(folder) / "home"))
        ensure_model(home)
        result = compare(home, documents=options.documents, queries=options.queries)
        home.close()
    for name, value in result.items():
        print(name, value)
    write_result("tables", result)


if __name__ == "__main__":
    main()
