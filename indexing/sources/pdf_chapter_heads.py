"""Finds running heads of a PDF that change with the chapter: its title, small at the edge of each of its pages."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
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
_SMALL = 0.97
"""Of the usual size of a text, below which a line is set smaller. Source: our choice."""
_LEAST_TITLE = 1.1
"""Of the size of a head that the title of its chapter has at least: so no head counts as the title of another one.
Source: our choice."""
_TITLE_LINES = 3
"""That one title may take. Source: our choice."""
_PAGE_NUMBER = re.compile(r"^\d{1,4}[\W_]+|[\W_]+\d{1,4}$")
_LEADING, _TRAILING = re.compile(r"^(\d{1,4})[\W_]+"), re.compile(r"[\W_]+(\d{1,4})$")
_CHAPTER_WORD = (
    r"(?:chapter|part|section|appendix|kapitel|teil|abschnitt|anhang|chapitre|partie|cap[i\u00ed]tulo|secci\u00f3n|"
    r"parte|capitolo|hoofdstuk|deel|kapittel|rozdzia\u0142|\u0433\u043b\u0430\u0432\u0430)"
)
_CHAPTER = re.compile(rf"^{_CHAPTER_WORD}[\W_]+\w{{1,5}}[\W_]+", re.IGNORECASE)
"""The words for a chapter with its number, which may stand in a line of its own above the title."""
_IS_CHAPTER = re.compile(rf"^{_CHAPTER_WORD}\b", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_SIGNS = re.compile(r"[\W_]+")


class ChapterHeads:
    """Heads of one document, whose titles must stand in its text: so that no word is lost when they go."""

    def __init__(self, pages: Sequence[Sequence[Line]]) -> None:
        """Look at the lines of ``pages``; what they say is read only if they may have such heads."""
        self._pages = pages
        self._usual = median([line.size for page in pages for line in page] or [0.0])
        self._said: dict[int, list[tuple[str, float]]] = {}
        self._begins: dict[int, dict[str, list[int]]] = {}

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
                if 2 * len(some) > len(numbers) and len(some) >= _LEAST_PAGES and self._may_be_heads(some):
                    found |= self._heads(some, len(numbers))
        return found

    def _may_be_heads(self, places: dict[int, int]) -> bool:
        """Whether lines at one place are small, or repeat: else they are lines of the text, which need not be asked."""
        lines = [self._pages[number][place] for number, place in places.items()]
        if max(line.size for line in lines) < _SMALL * self._usual:
            return True
        return 2 * len({_PAGE_NUMBER.sub("", line.text) for line in lines}) <= len(lines) + 1

    def _heads(self, places: dict[int, int], count: int) -> set[tuple[int, int]]:
        """The heads among lines of ``count`` pages, if they are most of them and change with chapters of some pages."""
        titles: dict[int, str] = {}
        before, last, goes_on = ("", ""), 0, False
        texts = {number: self._pages[number][place].text for number, place in places.items()}
        bare = _without_page_numbers(texts)
        own = _without_page_numbers(_without_common(bare))
        for number, place in places.items():
            line = self._pages[number][place]
            names = [name for text in (line.text, bare[number], own[number]) for name in _names(text)]
            if before not in names:
                titled = (name for name in names if self._are_titles(name, last, number, line.size))
                before = next(titled, ("", ""))
            if before[0]:
                titles[number] = before[0]
                goes_on |= not self._is_title(before[0], number, number, line.size)
            last = number
        kinds = {_DIGITS.sub("", title) for title in titles.values()}
        is_so = 2 * len(titles) > count and len(titles) >= _LEAST_PAGES and len(kinds) > 1 and goes_on
        return {(number, places[number]) for number in titles} if is_so else set()

    def _are_titles(self, names: tuple[str, str], first: int, last: int, size: float) -> bool:
        """Whether the pages set large both a chapter's name and what was taken off before it, which else were lost."""
        return all(self._is_title(name, first, last, size) for name in names if name)

    def _is_title(self, name: str, first: int, last: int, size: float) -> bool:
        """Whether one of some pages has a name in its text, set larger than in a head of that size."""
        return any(self._title_size(name, number) >= _LEAST_TITLE * size for number in range(first, last + 1))

    def _title_size(self, name: str, number: int) -> float:
        """How large a page sets a name, in a line or up to three; 0.0 where it does not."""
        if number not in self._said:
            self._said[number] = said = [(_name(line.text), line.size) for line in self._pages[number]]
            begins = self._begins[number] = {}
            for place, (text, _) in enumerate(said):
                begins.setdefault(text[:1], []).append(place)
        said, largest = self._said[number], 0.0
        for place in self._begins[number].get(name[0], ()):
            for count in range(1, _TITLE_LINES + 1):
                some = said[place : place + count]
                if "".join(text for text, _ in some) == name:
                    largest = max(largest, min(size for _, size in some))
        return largest


def _without_page_numbers(texts: Mapping[int, str]) -> dict[int, str]:
    """Texts by page without the number, at their begin or end, that counts up as the pages do.

    Only if all of them that have numbers agree, and are most: years and numbers of accounts are no pages' numbers.
    """
    ends = {
        number: {int(match[1]) - number for pattern in (_LEADING, _TRAILING) if (match := pattern.search(text))}
        for number, text in texts.items()
    }
    offsets = [some for some in ends.values() if some]
    shared = set.intersection(*offsets) if offsets else set()
    if len(shared) != 1 or len(offsets) < _LEAST_PAGES or 2 * len(offsets) <= len(texts):
        return dict(texts)
    (offset,) = shared
    return {number: _without_number(text, number + offset) for number, text in texts.items()}


def _without_number(text: str, number: int) -> str:
    for pattern in (_LEADING, _TRAILING):
        match = pattern.search(text)
        if match and int(match[1]) == number:
            text = text[: match.start()] + text[match.end() :]
    return text


def _without_common(texts: Mapping[int, str]) -> dict[int, str]:
    """Texts without the words that all of them begin or end with, such as the name of the book, but for chapters."""
    words = {number: text.split() for number, text in texts.items()}
    first = _equal_words(words.values())
    last = _equal_words([some[first:][::-1] for some in words.values()])
    return {number: " ".join(some[first : len(some) - last]) for number, some in words.items()}


def _equal_words(texts: Iterable[list[str]]) -> int:
    """With how many words all texts begin alike, before a word for a chapter."""

    def is_equal(words: tuple[str, ...]) -> bool:
        return len(set(words)) == 1 and not _IS_CHAPTER.match(words[0])

    return sum(1 for _ in takewhile(is_equal, zip(*texts, strict=False)))


def _names(text: str) -> Iterator[tuple[str, str]]:
    """What a head may be called in the text, and what was taken off before that: nothing, or the chapter's number."""
    chapter = _CHAPTER.match(text)
    for begin in (0, chapter.end()) if chapter else (0,):
        if any(map(str.isalpha, text[begin:])):
            yield _name(text[begin:]), _name(text[:begin])


def _name(text: str) -> str:
    """Letters and digits alone, whatever their case: titles are set in capitals above a page."""
    return _SIGNS.sub("", text.casefold())
