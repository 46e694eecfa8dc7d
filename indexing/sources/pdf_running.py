"""Finds the lines that run along the pages of a PDF: a book's name, and page numbers."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from indexing.sources.pdf_lines import Line

_EDGE_LINES = 2
"""That may be running ones, at the top and at the bottom of a page."""
_LEAST_PAGES = 3
"""Pages that a line must stand on to be a running one. Source: our choice."""
_RUNNING_CHARS = 150
"""The longest running line."""
_PLACE = 4.0
"""Points within which lines stand at the same place. Source: our choice."""
_PAGE_NUMBER = re.compile(
    r"\W*(?:page|seite|p|pg|s|página|pagina|pag|стр|sida|side|strana|strona|sivu|oldal)?\W*(\d{1,5}|[ivxlc]{1,7})\W*"
    r"(?:(?:of|von|de|di|from|sur|из|av|af|z|van|\W)\W*\d{1,5})?\W*",
    re.IGNORECASE,
)
"""A page's number, alone or in the words that go with one."""
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


def running_lines(pages: Sequence[Sequence[Line]]) -> list[set[int]]:
    """By page, the places of its lines that run along the edge of more than half of the pages.

    Such a line is the same on these pages, digits included, and stands at the same place there; or it is the page's
    number, which counts up as the pages do. Rows of a table are none: they differ in their digits, or the page has
    them more than once.
    """
    found: list[set[int]] = [set() for _ in pages]
    if len(pages) < _LEAST_PAGES:
        return found
    orders = [sorted(range(len(page)), key=lambda place, page=page: -page[place].begin) for page in pages]  # type: ignore[misc]
    texts = [Counter(line.text for line in page) for page in pages]
    for edge in (0, -1) * _EDGE_LINES:
        edges = [(number, order[edge]) for number, order in enumerate(orders) if order]
        at_edge = [(number, place) for number, place in edges if texts[number][pages[number][place].text] == 1]
        counts = Counter(key for number, place in at_edge for key in set(_keys(pages[number][place], number)))
        running = {key for key, count in counts.items() if 2 * count > len(pages)}
        for number, place in at_edge:
            if not running.isdisjoint(_keys(pages[number][place], number)):
                found[number].add(place)
                del orders[number][edge]
    is_all = all(len(places) == len(page) for places, page in zip(found, pages, strict=True))
    return [set() for _ in pages] if is_all else found


def _keys(line: Line, page: int) -> Iterator[str]:
    """What stays the same from page to page in a running line: the line itself, or by how much its number is off."""
    place = f"{round(line.begin / _PLACE)} {round(line.size)}"
    if len(line.text) <= _RUNNING_CHARS:
        yield f"{place} {line.text}"
    match = _PAGE_NUMBER.fullmatch(line.text)
    number = _number(match.group(1)) if match else None
    if match and number is not None:
        yield f"{place} {number - page} {line.text[: match.start(1)]}#{line.text[match.end(1) :]}"


def _number(text: str) -> int | None:
    if text.isdecimal():
        return int(text)
    values = [_ROMAN[letter] for letter in text.lower() if letter in _ROMAN]
    total = sum(-value if value < max(values[place:]) else value for place, value in enumerate(values))
    return total if len(values) == len(text) else None
