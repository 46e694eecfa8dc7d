"""Corpora as large as wanted: numbered sentences of real collections, with made vectors instead of the encoder's.

Passage number N gets vector number N (vector_sets.py says how those are made), so a build is the real one, from
documents in the catalogue to a release, but that no time goes into encoding.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.builds.tasks import LocalExecutor, TaskRunner
from indexing.home import Home
from indexing.records import Document, Vectors
from indexing.releases.recipe_choices import default_recipe

BLOCK_SIZE = 10_000
"""Vectors a block: they cost nothing, so few blocks are best."""
_NUMBER = re.compile(r"Note (\d+)")


class MadeEmbedder:
    """Gives passage number N the vector number N."""

    def __init__(self, vectors: Vectors) -> None:
        """``vectors`` by number."""
        self.vectors = vectors

    def encode_passages(self, texts: Sequence[str], on_progress: object = None) -> Vectors:
        """The vectors of the numbers that the texts begin with."""
        return self.vectors[[int(_NUMBER.search(text).group(1)) for text in texts]]


def sentences(data: Path) -> list[str]:
    """Sentences of three real collections, in their order."""
    found = []
    for name in ("scifact", "ray_docs", "mtrag_cloud"):
        with (data / name / "corpus.jsonl").open() as lines:
            for line in lines:
                found += [part for part in re.split(r"(?<=[.!?])\s+", json.loads(line)["text"]) if 40 < len(part) < 300]
    return found


def made_document(number: int, text: str, fields: dict[str, int] | None = None) -> Document:
    """Document number N, of one passage, whose title tells ``MadeEmbedder`` its number."""
    return Document(f"n{number:07}", f"Note {number}", text, "", fields or {})


def build_made(home: Home, vectors: Vectors, *, on_progress: Callable[[str, int, int], None]):
    """Build a home of made documents with ``vectors``; gives the build's report."""
    runner = TaskRunner(home.storage, sessions=1, load=lambda model, precision: MadeEmbedder(vectors))
    context = prepare_build(
        home, default_recipe(home), on_progress=on_progress, executor_for=lambda job: LocalExecutor(runner)
    )
    return build(replace(context, block_size=BLOCK_SIZE))
