"""How much of the content of real web pages the HTML reader keeps, how exactly, and how much processor time it takes.

Give it a folder with one folder of saved pages for each program that wrote them (Sphinx, MkDocs, Docusaurus, Javadoc,
rustdoc, ...). What the content of a page is, is told by the box that those programs put it in, without navigation,
scripts, controls and anchors in it. Pages without such a box are read and timed, but not compared.

Usage: python -m benchmarks.builds.webpages FOLDER
"""

import argparse
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

from benchmarks.harness.recording import write_result
from indexing.sources.extracted_text import Extract, Unreadable, tidied
from indexing.sources.html import read_webpage

CONTENT = (
    "#main-content",
    ".theme-doc-markdown, .mainContainer .post article, .mainContainer .post",
    "article.md-content__inner",
    "#content main, #mdbook-content main",
    "div.bodywrapper > div.body, div.body[role=main]",
    ".col-content",
    ".unit article, article",
    "[role=main]",
    ".contentContainer, main .class-description, main",
    "#bodyColumn, div.contents",
)
"""Boxes of content, the surest first."""
AROUND = (
    "script, style, noscript, nav, button, input, select, svg, form, .headerlink, .hash-link, .anchor, "
    ".headeranchor, .src, .rightside, .ttc, .lineno, #copy-path, rustdoc-toolbar, .out-of-band, .toc, "
    ".edit-page-link, .docs-prevnext, .linenos, .line-numbers, .src-line-numbers, [hidden], "
    "[aria-hidden=true], .md-content__button, .subNav, a[data-nosnippet]"
)
"""What is no content inside those boxes."""
_MAY_BREAK = re.compile(r"</?wbr\s*/?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """What one page's content and text have in common, and where the rest of its text went."""

    milliseconds: float
    unexplained: float
    recall: float | None = None
    precision: float | None = None
    code_blocks: int = 0
    code_blocks_kept: int = 0
    rows: int = 0
    rows_kept: int = 0


def measured(data: bytes) -> Page:
    """One page, read as an ingest would read it; a page that is refused keeps nothing."""
    began = time.process_time()
    try:
        extract = read_webpage(data)
    except Unreadable:
        extract = Extract("")
    milliseconds = 1_000 * (time.process_time() - began)
    account = extract.account
    unexplained = account.unexplained / max(1, account.raw) if account is not None else 0.0
    content = _content(data)
    if content is None:
        return Page(milliseconds, unexplained)
    code, rows = list(_code(content)), list(_rows(content))
    there, given = _words(content.text(separator=" ")), _words(extract.text)
    common = (there & given).total()
    lines = [line.lstrip("> ").rstrip() for line in extract.text.splitlines()]
    blocks = "\n".join(lines)
    tables = {tuple(_words_of(line)) for line in lines if line.startswith("|")}
    return Page(
        milliseconds,
        unexplained,
        common / max(1, there.total()),
        common / max(1, given.total()),
        len(code),
        sum("\n".join(line.lstrip("> ").rstrip() for line in block.splitlines()) in blocks for block in code),
        len(rows),
        sum(tuple(_words_of(row)) in tables for row in rows),
    )


def _content(data: bytes) -> LexborNode | None:
    page = LexborHTMLParser(_MAY_BREAK.sub("", data.decode("utf-8", "replace")))  # a name with a ``wbr`` is one word
    found = next((box for selector in CONTENT if (box := page.css_first(selector)) is not None), None)
    for node in found.css(AROUND) if found is not None else []:
        if node.parent is not None:
            node.remove()
    return found


def _words_of(text: str) -> list[str]:
    return "".join(sign if sign.isalnum() else " " for sign in text).split()


def _words(text: str) -> Counter[str]:
    return Counter(_words_of(text))


def _code(content: LexborNode) -> Iterator[str]:
    return (text for pre in content.css("pre") if (text := tidied(pre.text())))


def _rows(content: LexborNode) -> Iterator[str]:
    """The cells of each row of a table of data, with two or more that are not empty."""
    for row in content.css("tr"):
        cells = [cell.text(separator=" ") for cell in row.css("td, th")]
        if sum(bool(_words_of(cell)) for cell in cells) > 1 and row.css_first("table, pre") is None:
            yield " ".join(cells)


def summary(pages: list[Page]) -> dict[str, float | int | None]:
    """The means of shares, the sums of blocks and rows, and the time, of pages of one kind."""
    compared = [page for page in pages if page.recall is not None]
    return {
        "pages": len(pages),
        "milliseconds a page": round(statistics.mean(page.milliseconds for page in pages), 2),
        "content kept": _mean([page.recall for page in compared]),
        "of the text is content": _mean([page.precision for page in compared]),
        "code blocks": sum(page.code_blocks for page in compared),
        "code blocks kept exactly": sum(page.code_blocks_kept for page in compared),
        "table rows": sum(page.rows for page in compared),
        "table rows kept": sum(page.rows_kept for page in compared),
        "most unexplained": round(max(page.unexplained for page in pages), 4),
    }


def _mean(shares: list[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return round(statistics.mean(known), 4) if known else None


def measure(folder: Path) -> dict[str, dict[str, float | int | None]]:
    """The figures of each folder in ``folder``, and of all pages together."""
    kinds = {
        kind.name: [measured(path.read_bytes()) for path in sorted(kind.glob("*.htm*"))]
        for kind in sorted(folder.iterdir())
        if kind.is_dir()
    }
    if not any(kinds.values()):
        raise SystemExit(f"{folder} holds no folders with .html files: give one folder for each kind of page")
    figures = {kind: summary(pages) for kind, pages in kinds.items() if pages}
    return figures | {"all": summary([page for pages in kinds.values() for page in pages])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    figures = measure(options.folder)
    for kind, of_kind in figures.items():
        print(f"{kind:16}", *(f"{name} {value};" for name, value in of_kind.items()))
    write_result("webpages", figures)


if __name__ == "__main__":
    main()
