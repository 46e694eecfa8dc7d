"""The table of endings: how a file of each is read, here or in the parser process, and what its text is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from indexing.records import MARKDOWN, PLAIN, ROWS
from indexing.sources.delimited import read_csv, read_tsv
from indexing.sources.extracted_text import Extract, TextAccount, TextFile, letters_and_digits
from indexing.sources.front_matter import front_matter
from indexing.sources.mdx import read_mdx
from indexing.sources.notebook import read_notebook
from indexing.sources.text_encoding import file_text


@dataclass(frozen=True, slots=True)
class FileReader:
    """How files of one ending are read.

    Args:
        kind: What they are called, in the plural where there is one.
        content_type: What their text is: Markdown, plain text or rows.
        read: Reads the bytes of one in this process; ``None`` where the parser process does it.
    """

    kind: str
    content_type: str
    read: Callable[[bytes], TextFile] | None = None


def _read_text(reader: str, data: bytes) -> TextFile:
    text = file_text(data)
    fields, body = front_matter(text)
    account = TextAccount(reader, letters_and_digits(text), letters_and_digits(body), _above(text, body))
    return TextFile(Extract(body, account=account), fields)


def _read_mdx(data: bytes) -> TextFile:
    text = file_text(data)
    fields, body = front_matter(text)
    extract, above = read_mdx(body), _above(text, body)
    if extract.account is not None:
        left_out = {**extract.account.left_out, **above}
        account = replace(extract.account, raw=extract.account.raw + sum(above.values()), left_out=left_out)
        extract = replace(extract, account=account)
    return TextFile(extract, fields)


def _above(text: str, body: str) -> dict[str, int]:
    """What stands above the body, as an account has it."""
    letters = letters_and_digits(text[: len(text) - len(body)])
    return {"front matter": letters} if letters else {}


_MARKDOWN = FileReader("Markdown", MARKDOWN, partial(_read_text, "markdown 2"))
_WEB_PAGE = FileReader("web pages", MARKDOWN)
FILE_READERS: Mapping[str, FileReader] = {
    ".md": _MARKDOWN,
    ".markdown": _MARKDOWN,
    ".txt": FileReader("text", PLAIN, partial(_read_text, "text 2")),
    ".html": _WEB_PAGE,
    ".htm": _WEB_PAGE,
    ".xhtml": _WEB_PAGE,
    ".pdf": FileReader("PDF", PLAIN),
    ".docx": FileReader("Word files", MARKDOWN),
    ".rst": FileReader("reStructuredText", MARKDOWN),
    ".mdx": FileReader("MDX", MARKDOWN, _read_mdx),
    ".csv": FileReader("tables", ROWS, lambda data: TextFile(read_csv(data), {})),
    ".tsv": FileReader("tables", ROWS, lambda data: TextFile(read_tsv(data), {})),
    ".ipynb": FileReader("notebooks", MARKDOWN, lambda data: TextFile(*read_notebook(data))),
}
"""Every ending that is read, in lower case. Those without ``read`` are the ones that the parser process knows."""
PARSED_ENDINGS = frozenset(ending for ending, reader in FILE_READERS.items() if reader.read is None)
"""The endings of files that the parser process reads."""


def kinds_of_files() -> str:
    """What is read, in words: each kind with its endings."""
    endings: dict[str, list[str]] = {}
    for ending, reader in FILE_READERS.items():
        endings.setdefault(reader.kind, []).append(ending)
    *most, last = [f"{kind} ({', '.join(names)})" for kind, names in endings.items()]
    return f"{', '.join(most)} or {last}"
