"""Reads a folder, or one file: each file whose ending is known becomes a document."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from indexing.passages.text_blocks import MarkdownReader
from indexing.records import Document, Reject
from indexing.sources.extracted_text import TextFile, Unreadable
from indexing.sources.field_checks import once, refuse_surrogates
from indexing.sources.file_document import file_document
from indexing.sources.file_readers import FILE_READERS
from indexing.sources.parser_sandbox import Extractor, Limits
from indexing.sources.refusals import Refused
from indexing.sources.skipped import Skipped
from indexing.sources.tree_walk import Entry, FileChoice, Walk, file_bytes, walk


class Tree:
    """The documents of one folder or file.

    Args:
        path: It, resolved.
        limits: What the parser process may use for one file.
        choice: Which files of a folder are read.
    """

    def __init__(self, path: Path, limits: Limits | None = None, choice: FileChoice | None = None) -> None:
        self.name = f"tree:{path}"
        self._limits = limits
        self._path = path
        self._root = path if path.is_dir() else path.parent
        self._choice = choice
        self._markdown = MarkdownReader()
        self._walk: Walk | None = None

    def files(self) -> Walk:
        """What is there to read or to reject, sorted by path, and what is skipped; looks anew."""
        is_folder = self._path == self._root
        self._walk = walk(self._root, self._choice) if is_folder else Walk([Entry(self._path.name)])
        return self._walk

    def skipped(self) -> Skipped:
        """What was skipped when it was looked at last."""
        return (self._walk or self.files()).skipped

    def left_out(self, paths: Iterable[str]) -> set[str]:
        """Those paths at which there is a file that was skipped when it was looked at last."""
        read = {entry.path for entry in (self._walk or self.files()).entries}
        return {path for path in paths if path not in read and (self._root / path).is_file()}

    def read(self) -> Iterator[Document | Reject]:
        """Every file's document or reject, sorted by path."""
        seen: dict[str, str] = {}
        with Extractor(self._limits) as extractor:
            for entry in self.files().entries:
                where = entry.path.encode("utf-8", "backslashreplace").decode()
                try:
                    if entry.reason:
                        raise Refused(entry.reason)
                    yield once(self._document(entry.path, extractor), where, seen)
                except OSError as error:
                    yield Reject(where, f"it cannot be read ({error.strerror}): check its permissions and the disk")
                except (Refused, Unreadable) as refusal:
                    yield Reject(where, str(refusal))

    def _document(self, path: str, extractor: Extractor) -> Document:
        refuse_surrogates(path)
        data = file_bytes(self._root, path)

        def read(suffix: str, data: bytes) -> TextFile:
            reader = FILE_READERS[suffix].read
            return TextFile(extractor.extract(suffix, data), {}) if reader is None else reader(data)

        return file_document(path, data, read, self._markdown)
