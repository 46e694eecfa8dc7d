"""Reads a folder, or one file: each file whose ending is known becomes a document."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from indexing.passages.text_blocks import MarkdownReader
from indexing.records import MARKDOWN, Document, Reject
from indexing.sources.account_rules import refuse_losses
from indexing.sources.extracted_text import Extract, Unreadable
from indexing.sources.field_checks import allow_field, checked_id, once, refuse_surrogates, string_field, title_field
from indexing.sources.file_readers import FILE_READERS, FileReader, TextFile
from indexing.sources.parser_sandbox import Extractor, Limits
from indexing.sources.permission_slips import refuse_lost_line, refuse_slips
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
        suffix = Path(path).suffix.lower()
        reader = FILE_READERS[suffix]
        file = self._file(path, suffix, extractor)
        extract, fields = file.extract, file.fields
        given = fields.get("id")
        identity = checked_id(path if given in (None, "") else given, "id")
        url = string_field(fields, "url") or extract.url
        named = title_field(fields)
        title = named or self._title(extract, reader) or Path(path).stem
        allow = allow_field(fields)
        metadata = {key: value for key, value in fields.items() if key not in ("id", "title", "url", "allow")}
        metadata |= {**extract.facts, "path": path}
        return Document(identity, title, extract.text, url, metadata, reader.content_type, allow, extract.account)

    def _file(self, path: str, suffix: str, extractor: Extractor) -> TextFile:
        """What a file holds, of which not too much was lost and nothing looks like a permission that is none."""
        refuse_surrogates(path)
        data, read = file_bytes(self._root, path), FILE_READERS[suffix].read
        if read is None and data.lstrip()[:3] in (b"---", b"+++"):  # front matter of a web page, which is not read
            refuse_lost_line(data[:20_000].decode("utf-8", "replace"))
        file = TextFile(extractor.extract(suffix, data), {}) if read is None else read(data)
        refuse_slips(file.extract.facts)
        if file.extract.account is not None:
            refuse_losses(file.extract.account)
        return file

    def _title(self, extract: Extract, reader: FileReader) -> str:
        """What the file says itself, else its first heading."""
        if extract.title or reader.content_type != MARKDOWN:
            return extract.title
        return self._markdown.first_title(extract.text)
