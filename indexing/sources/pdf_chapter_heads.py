"""Finds running heads of a PDF that change with the chapter: its title, small at the edge of each of its pages."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, product, takewhile
from statistics import median

from indexing.sources.pdf_lines import Line

_LEAST_PAGES = 3
"""Pages that have such heads at one place. Source: our choice, as for lines that stay the same."""
_PLACE = 4.0
"""Points within which lines stand at the same place. Source: our choice, as for lines that stay the same."""
_HEAD_CHARS = 150
"""The longest head. Source: our choice, as for lines that stay the same."""
_LARGEST = 1.15
"""Of the usual size of a text that its heads have at most: the title of a slide is larger. Source: our choice."""
_LEAST_TITLE = 1.1
"""Of the size of a head that the title of its chapter has at least: so no head counts as the title of another one.
Source: our choice."""
_TITLE_LINES = 3
"""That one title may take. Source: our choice."""
_PAGE_NUMBER = re.compile(r"^\d{1,4}[\W_]+|[\W_]+\d{1,4}$")
_CHAPTER = re.compile(
    r"^(?:chapter|part|section|appendix|kapitel|teil|abschnitt|anhang|chapitre|partie|cap[i\u00ed]tulo|secci\u00f3n|"
    r"parte|capitolo|hoofdstuk|deel|kapittel|rozdzia\u0142|\u0433\u043b\u0430\u0432\u0430)[\W_]+\w{1,5}[\W_]+",
    re.IGNORECASE,
)
"""The words for a chapter with its number, which may stand in a line of its own above the title."""
_DIGITS = re.compile(r"\d+")


class ChapterHeads:
    """Heads of one document, whose titles must stand in its text: so that no word is lost when they go."""

    def __init__(self, pages: Sequence[Sequence[Line]]) -> None:
        """Look at the lines of ``pages``; what they say is read only if they may have such heads."""
        self._pages = pages
        self._usual = median([line.size for page in pages for line in page] or [0.0])
        self._titles: dict[int, dict[str, float]] = {}

    def among(self, lines: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
        """Those of some lines, by page and place, that are heads of chapters.

        They stand at one place on more than half of the pages, or of the left or right ones, no larger than the text.
        Each is the title of a chapter, set larger where the chapter begins: on its page, on that with the head before
        it, or in between.
        """
        at_place: dict[tuple[int, int], dict[int, int]] = {}
        for number, place in lines:
            line = self._pages[number][place]
            if len(line.text) <= _HEAD_CHARS and line.size <= _LARGEST * self._usual:
                at_place.setdefault((round(line.begin / _PLACE), round(line.size)), {})[number] = place
        found: set[tuple[int, int]] = set()
        for places in at_place.values():
            for first, step in ((0, 1), (0, 2), (1, 2)):
                numbers = range(first, len(self._pages), step)
                some = {number: places[number] for number in numbers if number in places}
                if 2 * len(some) > len(numbers) and len(some) >= _LEAST_PAGES:
                    found |= self._heads(some, len(numbers))
        return found

    def _heads(self, places: dict[int, int], count: int) -> set[tuple[int, int]]:
        """The heads among lines of ``count`` pages, if they are most of them and change with chapters of some pages."""
        titles: dict[int, str] = {}
        before, last = "", 0
        own = _without_common({number: self._pages[number][place].text for number, place in places.items()})
        for number, place in places.items():
            line = self._pages[number][place]
            names = list(dict.fromkeys([*_names(line.text), *_names(own[number])]))
            if before not in names:
                before = next((name for name in names if self._is_title(name, last, number, line.size)), "")
            if before:
                titles[number] = before
            last = number
        kinds = {_DIGITS.sub("", title) for title in titles.values()}
        goes_on = any(title == following for title, following in pairwise(titles.values()))
        is_so = 2 * len(titles) > count and len(titles) >= _LEAST_PAGES and len(kinds) > 1 and goes_on
        return {(number, places[number]) for number in titles} if is_so else set()

    def _is_title(self, name: str, first: int, last: int, size: float) -> bool:
        """Whether one of some pages has a name in its text, set larger than in a head of that size."""
        return any(self._titles_of(number).get(name, 0.0) >= _LEAST_TITLE * size for number in range(first, last + 1))

    def _titles_of(self, number: int) -> dict[str, float]:
        """What the lines of a page say, and up to three of one size together, with their sizes."""
        if number not in self._titles:
            lines, sizes = self._pages[number], self._titles.setdefault(number, {})
            for place, count in product(range(len(lines)), range(1, _TITLE_LINES + 1)):
                some = lines[place : place + count]
                if len(some) == count:
                    name, size = _name("".join(line.text for line in some)), min(line.size for line in some)
                    sizes[name] = max(size, sizes.get(name, 0.0))
        return self._titles[number]


def _without_common(texts: Mapping[int, str]) -> dict[int, str]:
    """Texts without the words that all of them begin or end with, such as the name of the book, and page numbers."""
    words = {number: _PAGE_NUMBER.sub("", text).split() for number, text in texts.items()}
    first = _equal_words(words.values())
    last = _equal_words([some[first:][::-1] for some in words.values()])
    return {number: " ".join(some[first : len(some) - last]) for number, some in words.items()}


def _equal_words(texts: Iterable[list[str]]) -> int:
    """With how many words all texts begin alike."""
    return sum(1 for _ in takewhile(lambda words: len(set(words)) == 1, zip(*texts, strict=False)))


def _names(text: str) -> Iterator[str]:
    """What a head may be called in the text: as it stands, or without a page's number or the chapter's."""
    for one in (text, _PAGE_NUMBER.sub("", text)):
        for title in (one, _CHAPTER.sub("", one)):
            if any(map(str.isalpha, title)):
                yield _name(title)


def _name(text: str) -> str:
    """Letters and digits alone, whatever their case: titles are set in capitals above a page."""
    return "".join(filter(str.isalnum, text.casefold()))
