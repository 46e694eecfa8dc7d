"""10,000 generated documents through every reader: each sentence put in must come out once, in order.

A document is a seeded row of headings, paragraphs, lists, tables and code, of words in several scripts. It is written
as HTML, as PDF by fpdf2, as DOCX, Markdown, reStructuredText and CSV, and read by the product's readers. A sentence has
a number that stands nowhere else. Counted are sentences that are missing, torn (their letters and digits do not stand
together), there twice, or out of order, and letters and digits that the reader's account does not explain.

Usage: python -m benchmarks.builds.readers [--documents 10000] [--formats html pdf] [--seed 20261129]
"""

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from benchmarks.harness.recording import write_result
from indexing.sources.docx import read_word
from indexing.sources.extracted_text import Extract
from indexing.sources.file_readers import FILE_READERS
from indexing.sources.html import read_webpage
from indexing.sources.pdf import read_pdf
from indexing.sources.rst import read_rst
from tests.support import made_files

SEED = 20261129
_TEXT = """valve torque pressure pump filter install remove replace check measure refund invoice account server cluster
node H2O naïve Größe façade señor кабель фильтр насос μέτρηση Ölwechsel e-mail Wi-Fi 3.5 12:30 don't user_id"""
WORDS = tuple(_TEXT.split())
_MARK = re.compile(r"mark(\d{6})x")


@dataclass(frozen=True)
class Part:
    """One piece of a document: its kind and its sentences; of a table, by rows."""

    kind: str
    rows: list[list[str]]

    @property
    def text(self) -> str:
        """All sentences on one line."""
        return " ".join(sentence for row in self.rows for sentence in row)


def document(seed: int, number: int) -> list[Part]:
    """The parts of one document, the same for a seed and number."""
    rng, count = random.Random(f"{seed}:{number}"), 0

    def sentence(longest: int = 14) -> str:
        nonlocal count
        count += 1
        words = [rng.choice(WORDS) for _ in range(rng.randint(2, longest))]
        words.insert(rng.randint(1, len(words)), f"mark{count:06}x")
        return " ".join(words).capitalize() + "."

    parts = [Part("title", [[sentence(5)]])]
    for _ in range(rng.randint(2, 9)):
        kind = rng.choice(["heading", "text", "text", "text", "bullets", "numbers", "table", "code"])
        if kind == "table":
            columns = rng.randint(2, 4)
            rows = [[sentence(3) for _ in range(columns)] for _ in range(rng.randint(2, 6))]
        elif kind in ("bullets", "numbers", "code"):
            rows = [[sentence(6)] for _ in range(rng.randint(1, 6))]
        else:
            rows = [
                [sentence(5 if kind == "heading" else 14) for _ in range(1 if kind == "heading" else rng.randint(1, 5))]
            ]
        parts.append(Part(kind, rows))
    parts.append(Part("text", [[sentence()]]))
    return parts


def html_of(parts: Sequence[Part]) -> bytes:
    def written(part: Part) -> str:
        text, rows = escape(part.text), part.rows
        if part.kind in ("bullets", "numbers"):
            tag = "ul" if part.kind == "bullets" else "ol"
            return f"<{tag}>" + "".join(f"<li>{escape(row[0])}</li>" for row in rows) + f"</{tag}>"
        if part.kind == "table":
            cells = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
            return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"
        if part.kind == "code":
            return "<pre><code>" + "\n".join(escape(row[0]) for row in rows) + "</code></pre>"
        tag = {"title": "h1", "heading": "h2"}.get(part.kind, "p")
        return f"<{tag}>{text}</{tag}>"

    body = "".join(map(written, parts))
    return f"<!doctype html><meta charset=utf-8><body><main>{body}</main></body>".encode()


def docx_of(parts: Sequence[Part]) -> bytes:
    def written(part: Part) -> str:
        if part.kind in ("bullets", "numbers"):
            number = 1 if part.kind == "bullets" else 2
            return "".join(made_files.paragraph(row[0], numbering=number) for row in part.rows)
        if part.kind == "table":
            return made_files.table(part.rows)
        if part.kind == "code":
            return "".join(made_files.paragraph(row[0]) for row in part.rows)
        return made_files.paragraph(part.text, {"title": "Title", "heading": "Heading1"}.get(part.kind, ""))

    return made_files.docx_of("".join(map(written, parts)))


def markdown_of(parts: Sequence[Part]) -> bytes:
    def written(part: Part) -> str:
        if part.kind in ("bullets", "numbers"):
            return "\n".join(
                ("- " if part.kind == "bullets" else f"{i}. ") + row[0] for i, row in enumerate(part.rows, 1)
            )
        if part.kind == "table":
            rows = ["| " + " | ".join(row) + " |" for row in part.rows]
            return "\n".join([rows[0], "|" + " --- |" * len(part.rows[0]), *rows[1:]])
        if part.kind == "code":
            return "```\n" + "\n".join(row[0] for row in part.rows) + "\n```"
        return {"title": "# ", "heading": "## "}.get(part.kind, "") + part.text

    return "\n\n".join(map(written, parts)).encode()


def rst_of(parts: Sequence[Part]) -> bytes:
    def written(part: Part) -> str:
        if part.kind in ("bullets", "numbers"):
            return "\n".join(
                ("- " if part.kind == "bullets" else f"{i}. ") + row[0] for i, row in enumerate(part.rows, 1)
            )
        if part.kind == "table":
            rows = ["   * - " + "\n     - ".join(row) for row in part.rows]
            return ".. list-table::\n   :header-rows: 1\n\n" + "\n".join(rows)
        if part.kind == "code":
            return ".. code-block:: text\n\n" + "\n".join(f"   {row[0]}" for row in part.rows)
        line = {"title": "=", "heading": "-"}.get(part.kind)
        return f"{part.text}\n{line * len(part.text)}" if line else part.text

    return "\n\n".join(map(written, parts)).encode()


def csv_of(parts: Sequence[Part]) -> bytes:
    """All sentences as rows of one table, some cells with commas, quotation marks and line ends."""
    lines = ["number,kind,sentence"]
    for i, part in enumerate(parts):
        quoted = part.text.replace(" ", ', "', 1).replace(" ", '"\n', 1).replace('"', '""')
        lines.append(f'{i},{part.kind} part,"{quoted}"')
    return "\r\n".join(lines).encode()


def _latin(text: str) -> str:
    return text.encode("latin-1", "ignore").decode("latin-1")


def pdf_of(parts: Sequence[Part]) -> bytes:
    """Pages by fpdf2, whose own fonts hold Latin letters only."""
    from fpdf import FPDF  # some tenths of a second that no other format needs

    pdf = FPDF()
    pdf.set_creation_date(datetime(2026, 1, 1, tzinfo=UTC))
    pdf.add_page()
    for part in parts:
        pdf.set_font(
            "Courier" if part.kind == "code" else "Helvetica", size={"title": 20, "heading": 14}.get(part.kind, 10)
        )
        if part.kind == "table":
            with pdf.table(repeat_headings=0) as table:
                for row in part.rows:
                    table.row([_latin(cell) for cell in row])
            pdf.ln(4)
            continue
        for row in part.rows:
            sign = "\u00b7 " if part.kind == "bullets" else ""
            pdf.multi_cell(0, text=sign + _latin(" ".join(row)), new_x="LMARGIN", new_y="NEXT")
        pdf.ln(4)
    return bytes(pdf.output())


def read_here(suffix: str) -> Callable[[bytes], Extract]:
    """The reader of an ending that is read in this process."""
    read = FILE_READERS[suffix].read
    if read is None:
        raise SystemExit(f"{suffix} is read by the parser process")
    return lambda data: read(data).extract


FORMATS: dict[str, tuple[Callable[[Sequence[Part]], bytes], Callable[[bytes], Extract]]] = {
    "pdf": (pdf_of, read_pdf),
    "rst": (rst_of, read_rst),
    "docx": (docx_of, read_word),
    "html": (html_of, read_webpage),
    "markdown": (markdown_of, read_here(".md")),
    "csv": (csv_of, read_here(".csv")),
}


def flaws(sentences: Sequence[str], extract: Extract) -> dict[str, int]:
    """How many sentences are missing, torn, there twice, or out of order, and how many letters are not explained."""
    text = extract.text.lower()
    wanted, found, letters = _MARK.findall(" ".join(sentences).lower()), _MARK.findall(text), _letters(text)
    came = [mark for mark in wanted if mark in set(found)]
    first = list(dict.fromkeys(found))
    return {
        "missing": len(wanted) - len(came),
        "torn": sum(_letters(sentence.lower()) not in letters for sentence in sentences),
        "twice": len(found) - len(set(found)),
        "out of order": sum(a != b for a, b in zip(first, came, strict=False)),
        "unexplained letters": extract.account.unexplained if extract.account else 0,
    }


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def measured(name: str, documents: int, seed: int) -> dict[str, object]:
    """The sums over all documents of one format, the time of reading, and the first documents with a flaw."""
    write, read = FORMATS[name]
    sums: Counter[str] = Counter()
    seconds, count = 0.0, 0
    broken: list[int] = []
    for number in range(documents):
        parts = document(seed, number)
        data = write(parts)
        began = time.perf_counter()
        extract = read(data)
        seconds += time.perf_counter() - began
        sentences = [sentence for part in parts for row in part.rows for sentence in row]
        count += len(sentences)
        found = flaws([_latin(one) for one in sentences] if name == "pdf" else sentences, extract)
        if any(found.values()):
            broken.append(number)
        sums.update(found)
    return {
        "documents": documents,
        "sentences": count,
        **sums,
        "documents with a flaw": len(broken),
        "first of them": broken[:5],
        "ms a document": round(1_000 * seconds / documents, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument(
        "--formats", nargs="+", choices=tuple(FORMATS), default=("pdf", "rst", "docx", "html", "markdown", "csv")
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--data", help="not used; every benchmark is given it")
    parser.add_argument("--dry", action="store_true", help="print the result, write no file")
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers) as pool:
        runs = {name: pool.submit(measured, name, options.documents, options.seed) for name in options.formats}
        result = {name: run.result() for name, run in runs.items()}
    if options.dry:
        print(json.dumps(result, indent=1))
    else:
        write_result("readers", {"seed": options.seed, "formats": result})


if __name__ == "__main__":
    main()
