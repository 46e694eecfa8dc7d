"""Reads Jupyter notebooks as Markdown: cells in order, code and the text of its results; nothing is run."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from indexing.records import Json
from indexing.sources.extracted_text import Extract, TextAccount, letters_and_digits, tidied
from indexing.sources.permission_slips import refuse_lost_line, refuse_slips
from indexing.sources.refusals import Refused
from indexing.sources.text_encoding import file_text

READER = "ipynb 1"
_FENCE = re.compile(r"`{3,}")
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PLACEHOLDER = re.compile(r"<[\w. ]+(?: at 0x[0-9a-f]+)?>|<Figure size .*>")
_DATA = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]{100,}")
_BEST = ("text/markdown", "text/latex", "text/plain")
"""Of one result in several formats, the first of these is read."""
_FIELDS = ("title", "allow", "id", "url")
"""What a notebook's metadata may say of the document, as front matter does."""


@dataclass(slots=True)
class _Account:
    raw: int = 0
    added: int = 0
    pictures: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    def leave(self, reason: str, text: str) -> None:
        count = letters_and_digits(text)
        if count:
            self.left_out[reason] = self.left_out.get(reason, 0) + count


def read_notebook(data: bytes) -> tuple[Extract, dict[str, Json]]:
    """The cells of a notebook of format 3 or 4, and the fields that its metadata gives the document.

    Text cells stay as they are, code is fenced, and so are results that are text; of one result in several formats one
    is read. Pictures, HTML and tracebacks of results are left out, and the account says so.

    Raises:
        Refused: It is no notebook, or a field looks like a permission and is none.
        Unreadable: Its text is too long.
    """
    record = _record(data)
    metadata = _mapping(record.get("metadata"))
    refuse_slips(metadata)
    account = _Account()
    language = _language(metadata)
    cells = list(_cells(record))
    refuse_lost_line(_text(cells[0].get("source")) if cells else "")  # front matter, which some programs put there
    parts = [part for cell in cells for part in _cell(cell, language, account)]
    text = tidied("\n\n".join(part for part in parts if part.strip()))
    if not re.search(r"\w", text):
        raise Refused("no cell of it has a word: write into it, or remove it")
    notes = (f"Pictures among its results are not read: {account.pictures}.",) if account.pictures else ()
    kept = letters_and_digits(text) - account.added
    fields = {name: metadata[name] for name in _FIELDS if name in metadata}
    return Extract(text, account=TextAccount(READER, account.raw, kept, account.left_out, notes)), fields


def _record(data: bytes) -> Mapping[str, Json]:
    try:
        record = json.loads(file_text(data))
    except (ValueError, RecursionError) as error:
        raise Refused(f"it is not a notebook ({str(error)[:100]}): open it in Jupyter and save it again") from error
    if not isinstance(record, dict) or not ("cells" in record or "worksheets" in record):
        raise Refused("it is JSON without cells, and no notebook: open it in Jupyter and save it again")
    return record


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _listed(value: Json) -> list[dict[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _cells(record: Mapping[str, Json]) -> Iterable[dict[str, Json]]:
    if "cells" in record:
        return _listed(record["cells"])
    return [cell for sheet in _listed(record["worksheets"]) for cell in _listed(sheet.get("cells"))]


def _language(metadata: Mapping[str, Json]) -> str:
    """The language of the code, by what the notebook says of it."""
    for holder, name in (("language_info", "name"), ("kernelspec", "language")):
        value = _mapping(metadata.get(holder)).get(name)
        if isinstance(value, str) and _LANGUAGE.fullmatch(value):
            return value
    return ""


def _text(value: Json) -> str:
    """A text, which notebooks write as one string or a list of lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _cell(cell: Mapping[str, Json], language: str, account: _Account) -> Iterable[str]:
    kind = cell.get("cell_type")
    source = _text(cell.get("source", cell.get("input", "")))
    shown = _DATA.sub("", source)
    account.pictures += len(_DATA.findall(source))
    account.raw += letters_and_digits(shown)
    if kind == "code":
        yield _fenced(shown, language, account)
        for output in _listed(cell.get("outputs")):
            yield from _output(output, account)
    elif kind == "heading":
        level = cell.get("level")
        yield f"{'#' * (level if isinstance(level, int) and 1 <= level <= 6 else 1)} {' '.join(shown.split())}"
    else:
        yield shown.strip("\n")


def _fenced(text: str, language: str, account: _Account) -> str:
    text = text.strip("\n")
    if not text.strip():
        return ""
    account.added += letters_and_digits(language)
    fence = "`" * (max((len(run) for run in _FENCE.findall(text)), default=2) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _output(output: Mapping[str, Json], account: _Account) -> Iterable[str]:
    kind = output.get("output_type")
    if kind == "stream":
        yield _result(_text(output.get("text")), account)
    elif kind in ("error", "pyerr"):
        trace = _ESCAPES.sub("", "\n".join(_text([line]) for line in _lines(output.get("traceback"))))
        account.raw += letters_and_digits(trace)
        account.leave("tracebacks", trace)
        yield _result(f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}", account)
    else:
        yield from _displayed(_formats(output), account)


def _lines(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _formats(output: Mapping[str, Json]) -> dict[str, str]:
    """Each format of a result and its text; format 3 has them beside the other fields, by short names."""
    if isinstance(output.get("data"), dict):
        return {name: _text(value) for name, value in _mapping(output["data"]).items()}
    short = {"text": "text/plain", "latex": "text/latex", "html": "text/html", "png": "image/png", "jpeg": "image/jpeg"}
    return {full: _text(output[name]) for name, full in short.items() if name in output}


def _displayed(formats: Mapping[str, str], account: _Account) -> Iterable[str]:
    texts = {name: text for name, text in formats.items() if name.startswith("text/") and text.strip()}
    account.pictures += any(name.startswith("image/") for name in formats)
    plain = texts.get("text/plain", "")
    if _PLACEHOLDER.fullmatch(plain.strip()):
        account.raw += letters_and_digits(plain)
        account.leave("names of objects in results", texts.pop("text/plain"))
    chosen = next((name for name in _BEST if name in texts), "")
    for name, text in texts.items():
        if name == chosen:
            continue
        account.raw += letters_and_digits(text)
        account.leave("other formats of results" if chosen else "results in HTML or scripts", text)
    if chosen == "text/plain":
        yield _result(texts[chosen], account)
    elif chosen:
        account.raw += letters_and_digits(texts[chosen])
        yield texts[chosen].strip("\n")


def _result(text: str, account: _Account) -> str:
    text = _ESCAPES.sub("", text)
    account.raw += letters_and_digits(text)
    return _fenced(text, "", account)
