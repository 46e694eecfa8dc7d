"""Turns a path into documents: a BEIR corpus, a JSONL file, or a folder of texts, web pages, PDF and Word files.

What is broken in a source becomes a ``Reject`` that says where and why; the rest is read on.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NoReturn, Protocol, TypeAlias

from indexing.errors import SourceInvalid
from indexing.records import Document, Reject
from indexing.sources.file_readers import FILE_READERS, PARSED_ENDINGS, kinds_of_files
from indexing.sources.json_lines import JsonLines
from indexing.sources.parser_sandbox import Limits, missing_libraries
from indexing.sources.refusals import shown
from indexing.sources.skipped import Skipped, in_words
from indexing.sources.tree import Tree
from indexing.sources.tree_walk import FileChoice

SourceKind: TypeAlias = Literal["auto", "beir", "jsonl", "tree"]

_BEIR_FILE = "corpus.jsonl"


class Source(Protocol):
    """Somewhere documents come from."""

    @property
    def name(self) -> str:
        """A stable identity: the kind and the resolved path."""
        ...

    def read(self) -> Iterator[Document | Reject]:
        """Every document and every reject, one at a time, in an order that depends on nothing but the content.

        No two documents have the same id. Each call reads anew.

        Raises:
            SourceInvalid: The source as a whole has become unreadable since it was opened.
        """
        ...

    def skipped(self) -> Skipped:
        """What it held and did not give when it was read last."""
        ...

    def left_out(self, paths: Iterable[str]) -> set[str]:
        """Those of some paths at which it still holds a file that it did not give when it was read last."""
        ...


def open_source(
    path: Path, kind: SourceKind = "auto", *, limits: Limits | None = None, choice: FileChoice | None = None
) -> Source:
    """The source at ``path``, checked to exist, to be readable and not to be empty.

    Args:
        path: A folder with ``corpus.jsonl`` (BEIR), a JSON Lines file, a folder of Markdown, text, web pages, PDF and
            Word files, or one such file.
        kind: What to read it as; ``auto`` decides by what is there.
        limits: What one web page, PDF or Word file may use of time and memory.
        choice: Which files of a folder are read; by default all that are not left out by default.

    Raises:
        SourceInvalid: There is nothing to read at ``path``, it does not fit ``kind``, or the libraries that read it are
            not installed.
    """
    try:
        path = path.resolve(strict=True)
        kind = _kind_of(path) if kind == "auto" else kind
        source = _open(path, kind, limits, choice)
    except (OSError, RuntimeError, ValueError) as error:
        raise SourceInvalid(
            f"source {str(path)!r} cannot be read ({error}): expected a folder or file; check the path and permissions"
        ) from error
    return source


def _kind_of(path: Path) -> SourceKind:
    if path.is_dir():
        return "beir" if (path / _BEIR_FILE).is_file() else "tree"
    return "jsonl" if path.suffix.lower() == ".jsonl" else "tree"


def _open(path: Path, kind: SourceKind, limits: Limits | None, choice: FileChoice | None) -> Source:
    if choice is not None and (choice.include or choice.exclude) and not (kind == "tree" and path.is_dir()):
        _invalid(path, "a folder of files, since --include and --exclude choose some", "leave them out")
    if kind == "tree":
        return _open_tree(path, Tree(path, limits, choice))
    lines = path / _BEIR_FILE if kind == "beir" else path
    if not lines.is_file():
        wanted = f"a folder with {_BEIR_FILE}" if kind == "beir" else "a JSON Lines file"
        _invalid(path, wanted, "fix the path, or give another kind")
    with lines.open("rb") as file:
        if not file.read(1):
            _invalid(lines, "one JSON object on each line, but it is empty", "write the documents into it")
    return JsonLines(f"{kind}:{path}", lines, ("_id", "id") if kind == "beir" else ("id", "_id"))


def _open_tree(path: Path, tree: Tree) -> Tree:
    if path.is_dir():
        with os.scandir(path):  # raises where the folder may not be listed
            pass
    elif path.suffix.lower() not in FILE_READERS or not path.is_file():
        _invalid(path, f"a folder, or one file: {kinds_of_files()}", "name one, or give the kind of the source")
    files = tree.files()
    if not files.entries:
        reasons = in_words(files.skipped)
        skipped = f"; it holds what is not read: {'; '.join(reasons)}" if reasons else ""
        _invalid(path, f"a folder with files to read: {kinds_of_files()}{skipped}", "add some, or fix the path")
    _check_libraries(path, [entry.path for entry in files.entries])
    return tree


def _check_libraries(path: Path, files: Sequence[str]) -> None:
    parsed = [name for name in files if Path(name).suffix.lower() in PARSED_ENDINGS]
    missing = missing_libraries() if parsed else []
    if missing:
        raise SourceInvalid(
            f"source {str(path)!r} holds {shown(parsed[0])}, one of {len(parsed)} web pages, PDF and Word files, and"
            f" {', '.join(missing)} is not installed: expected the libraries of the extra 'sources'; install"
            " groundwork[sources], or ingest a folder without such files"
        )


def _invalid(path: Path, expected: str, next_step: str) -> NoReturn:
    raise SourceInvalid(f"source {str(path)!r} is not usable: expected {expected}; {next_step}")
