"""Exporting stored query sets: a folder in BEIR's layout, one file of judgments for each split."""

import json
from pathlib import Path

from eval.datasets.splits import SPLITS
from eval.datasets.stored_sets import read_query_set
from eval.datasets.trec import BEIR_HEADER
from indexing.catalogue.query_sets import query_rows
from indexing.errors import InvalidInput
from indexing.home import Home
from indexing.storage.atomic_files import write_atomically


def export_query_set(home: Home, name: str, folder: Path, *, version: int | None = None) -> list[Path]:
    """Write a set's queries and judgments as files; judgments of documents that are gone are among them.

    What is written is beyond the reach of an erasure.

    Args:
        home: Whose set.
        name: Which set.
        folder: Where to; made when missing, and must be empty.
        version: Which version; ``None`` for the newest.

    Returns:
        The files: ``queries.jsonl`` with the slices as metadata, and ``qrels/<split>.tsv`` for each split that has
        queries.

    Raises:
        NotFound: There is no such set or version.
        InvalidInput: The folder holds something or cannot be made, or the set holds no judgment.
        StorageFull: The disk has no room.
    """
    query_set = read_query_set(home, name, split=None, version=version, keeps_gone=True, is_whole=True)
    if not any(query_set.qrels.values()):
        raise InvalidInput(f"Query set {name!r} holds no judgment in version {query_set.version}: nothing to write.")
    splits = {row["id"]: row["split"] for row in query_rows(home.catalogue, name, query_set.version or 0)}
    _make_empty(folder)
    lines = [
        json.dumps({"_id": query, "text": text, "metadata": dict(query_set.slices[query])}, ensure_ascii=False)
        for query, text in query_set.queries.items()
    ]
    written = [folder / "queries.jsonl"]
    write_atomically(written[0], _text(lines))
    for split in SPLITS:
        rows = [
            f"{query}\t{document}\t{grade}"
            for query, grades in query_set.qrels.items()
            if splits[query] == split
            for document, grade in grades.items()
        ]
        if rows:
            written.append(folder / "qrels" / f"{split}.tsv")
            write_atomically(written[-1], _text(["\t".join(BEIR_HEADER), *rows]))
    return written


def _make_empty(folder: Path) -> None:
    """Make a folder with one for judgments in it.

    Raises:
        InvalidInput: it holds something, or cannot be made.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InvalidInput(f"{folder} is not an empty folder: give one that is empty, or that is not there.")
        (folder / "qrels").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"{str(folder)[:200]} cannot be made ({error.strerror}): give a folder that can.") from error


def _text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
