"""Tells glyphs that mean something from those that a font draws without saying which letters they are."""

import unicodedata
from collections import Counter

_CATEGORIES = ("Cc", "Cn", "Co", "Cs")
"""Of characters that are none to a reader: controls, unassigned, private and half ones."""
_REPLACEMENT = "\ufffd"
_MOST_MEANINGLESS = 0.02
"""Of a text that may be language: numbers of glyphs have a control where a space was. Source: our choice."""
_LEAST_LETTERS = 0.5
"""Of a text that may be language; digits count too. Source: our choice."""
_ONE_SCRIPT = 0.85
"""Of the letters of a text that may be language: numbers of glyphs fall into many. Source: our choice."""
_LEAST_ASCII = 0.5
"""Of the letters of a Latin text: Vietnamese has two thirds. Source: our choice."""
_LEAST_VOWELS = 0.2
"""Of the letters of a Latin text. Languages have 0.37 to 0.5; English by glyph numbers of TrueType fonts, 29 lower than
their letters, has 0.14. Source: counted from the frequencies of English letters."""


def means_nothing(character: str) -> bool:
    """Whether a character is none to a reader."""
    return character == _REPLACEMENT or unicodedata.category(character) in _CATEGORIES


def is_language(text: str) -> bool:
    """Whether what a parser guessed of glyphs may be right: letters of one script, and vowels among them."""
    seen = [one for one in text if not one.isspace() or one < " "]
    if not seen:
        return True
    letters = [one for one in seen if one.isalpha()]
    if sum(map(means_nothing, seen)) > _MOST_MEANINGLESS * len(seen):
        return False
    if sum(map(str.isalnum, seen)) < _LEAST_LETTERS * len(seen):
        return False
    if not letters:
        return True
    script, count = Counter(unicodedata.name(one, "?").split()[0] for one in letters).most_common(1)[0]
    if count < _ONE_SCRIPT * len(letters):
        return False
    if script != "LATIN":
        return True
    if sum(map(str.isascii, letters)) < _LEAST_ASCII * len(letters):
        return False
    vowels = sum(unicodedata.normalize("NFD", one)[0].lower() in "aeiouy\u00e6\u00f8\u0153\u0131" for one in letters)
    return vowels >= _LEAST_VOWELS * len(letters)
