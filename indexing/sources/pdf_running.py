"""Finds the lines that run along the pages of a PDF: a book's name, page numbers, and titles of chapters."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from indexing.sources.pdf_chapter_heads import ChapterHeads
from indexing.sources.pdf_lines import Line

_EDGE_LINES = 2
"""That may be running ones, at the top and at the bottom of a page. Our choice."""
_LEAST_PAGES = 3
"""Pages that a line must stand on to be a running one. Source: our choice."""
_RUNNING_CHARS = 150
"""The longest running line. Our choice."""
_PLACE = 4.0
"""Points within which lines stand at the same place. Source: our choice."""
_LEAST_DROP = 0.5
"""Points from one line to the next below which they are one row. Source: our choice."""
_ROW_GAP = 1.3
"""Of the usual distance of lines: so far a heading row stands above its rows. Source: as for blank lines in a page."""
_SAME_SIZE = 0.15
"""Of its size by which a heading row differs from its rows. Source: as for blank lines in a page."""
_PAGE_NUMBER = re.compile(
    r"\W*(?:page|seite|p|pg|s|página|pagina|pag|стр|sida|side|strana|strona|sivu|oldal)?\W*(\d{1,5}|[ivxlc]{1,7})\W*"
    r"(?:(?:of|von|de|di|from|sur|из|av|af|z|van|\W)\W*\d{1,5})?\W*",
    re.IGNORECASE,
)
"""A page's number, alone or in the words that go with one."""
_NUMBERED = re.compile(
    r"\b(?:page|seite|página|pagina|pag|стр|sida|strana|strona|sivu|oldal)\b\W{0,3}(\d{1,5})\b"
    r"|^(\d{1,5})\s*[|\u2022\u00b7]|[|\u2022\u00b7]\s*(\d{1,5})$",
    re.IGNORECASE,
)
"""A page's number in a line that says more: with the word for it, or parted by a sign; "Invoice 3" is none."""
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


def running_lines(pages: Sequence[Sequence[Line]]) -> list[set[int]]:
    """By page, the places of its lines that run along the edge of most pages, or of most left or right ones.

    Such a line is the same on more than half of these pages, digits included, and stands at the same place there, apart
    from the text; or it is the page's number, which counts up as the pages do, or the title of the chapter. Rows of a
    table are none: they differ in their digits, or the page has them more than once; and a heading row that each page
    repeats stands on its rows.
    """
    found: list[set[int]] = [set() for _ in pages]
    if len(pages) < _LEAST_PAGES:
        return found
    orders = [sorted(range(len(page)), key=lambda place, page=page: -page[place].begin) for page in pages]  # type: ignore[misc]
    texts = [Counter(line.text for line in page) for page in pages]
    heads = ChapterHeads(pages)
    for edge in (0, -1) * _EDGE_LINES:
        edges = [(number, order[edge]) for number, order in enumerate(orders) if order]
        at_edge = [(number, place) for number, place in edges if texts[number][pages[number][place].text] == 1]
        running = _running(pages, at_edge)
        along = {(number, at) for number, at in at_edge if not running.isdisjoint(_keys(pages[number][at], number))}
        along |= heads.among(edges)
        for number, place in edges:
            if (number, place) in along:
                found[number].add(place)
                del orders[number][edge]
    _give_back_rows(pages, orders, found)
    return found


def _running(pages: Sequence[Sequence[Line]], at_edge: Sequence[tuple[int, int]]) -> set[str]:
    """The keys of lines at an edge that more than half of the pages have, or of the left ones, or of the right ones."""
    on_pages: dict[str, set[int]] = {}
    for number, place in at_edge:
        for key in _keys(pages[number][place], number):
            on_pages.setdefault(key, set()).add(number)
    running = set()
    for key, numbers in on_pages.items():
        sides = [{number for number in numbers if number % 2 == side} for side in (0, 1)]
        sizes = [(len(pages) + 1) // 2, len(pages) // 2]
        of_side = any(
            len(side) >= _LEAST_PAGES and 2 * len(side) > size and _differ([pages[number] for number in side])
            for side, size in zip(sides, sizes, strict=True)
        )
        if 2 * len(numbers) > len(pages) or of_side:
            running.add(key)
    return running


def _differ(pages: Sequence[Sequence[Line]]) -> bool:
    """Whether some pages are not one text, such as terms on the back of each, whose heading is no running line."""
    texts = {tuple(line.text for line in page if not _PAGE_NUMBER.fullmatch(line.text)) for page in pages}
    return len(texts) > 1


def _give_back_rows(pages: Sequence[Sequence[Line]], orders: Sequence[list[int]], found: Sequence[set[int]]) -> None:
    """Takes out of ``found`` what stands on the text beside it as its lines stand on each other: a heading row."""
    bodies = [[page[place] for place in order] for page, order in zip(pages, orders, strict=True)]
    drops = [above.begin - below.begin for body in bodies for above, below in pairwise(body)]
    usual = median([drop for drop in drops if drop > _LEAST_DROP] or [0.0])
    for page, body, places in zip(pages, bodies, found, strict=True):
        for is_top in (True, False) if body else ():
            beside = body[0] if is_top else body[-1]
            for place in sorted(places, key=lambda place: abs(page[place].begin - beside.begin)):
                line = page[place]
                gap = line.begin - beside.begin if is_top else beside.begin - line.begin
                if gap <= 0.0:
                    continue
                is_alike = abs(line.size - beside.size) <= _SAME_SIZE * beside.size
                if gap > _ROW_GAP * usual or not is_alike or _PAGE_NUMBER.fullmatch(line.text):
                    break
                places.discard(place)
                beside = line


def _keys(line: Line, page: int) -> Iterator[str]:
    """What stays the same from page to page in a running line: the line itself, or by how much its number is off."""
    place = f"{round(line.begin / _PLACE)} {round(line.size)}"
    if len(line.text) <= _RUNNING_CHARS:
        yield f"{place} {line.text}"
    match = _PAGE_NUMBER.fullmatch(line.text)
    number = _number(match.group(1)) if match else None
    if match and number is not None:
        yield f"{place} {number - page} {line.text[: match.start(1)]}#{line.text[match.end(1) :]}"
    elif len(line.text) <= _RUNNING_CHARS and (within := _NUMBERED.search(line.text)):
        begin, end = next(span for span in map(within.span, (1, 2, 3)) if span != (-1, -1))
        yield f"{place} {int(line.text[begin:end]) - page} {line.text[:begin]}#{line.text[end:]}"


def _number(text: str) -> int | None:
    if text.isdecimal():
        return int(text)
    values = [_ROMAN[letter] for letter in text.lower() if letter in _ROMAN]
    total = sum(-value if value < max(values[place:]) else value for place, value in enumerate(values))
    return total if len(values) == len(text) else None
