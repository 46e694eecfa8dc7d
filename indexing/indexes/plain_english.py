"""Tells English prose by its small words, so that the detector of languages need not be loaded for it."""

import re
from functools import lru_cache

from indexing.indexes.analysers import DECIDABLE
from indexing.indexes.stop_words import ENGLISH, stop_words

_LEAST_SHARE = 0.06
"""Of the words of a text that are small words of English. Source: benchmarks/quality/leg_check_cost.py; see decision
50."""
_LEAST_KINDS = 3
"""Different ones among them. Source: our choice: names and commands may hold one or two."""
_MOST_FOREIGN = 0.5
"""Small words of other languages for one of English, above which a text is in both or in another one. Source: as for
the share."""
_MOST_FOREIGN_LETTERS = 0.03
"""Of the letters of a text, those that are neither of English nor Greek. Source: our choice: English sets marks on few,
in names."""
_MOST_GREEK = 0.1
"""Of the letters of a text: in formulas and names of substances. Source: our choice."""
_GREEK = ("\u0370", "\u03ff")
_WORD = re.compile(r"[^\W\d_]+")
_ELSEWHERE = frozenset(
    "a am an are as at be by do for had has he her i in is me my no nor on s so t to was we".split()  # noqa: SIM905
)
"""Small words of English that others have as well."""
_ALSO_ENGLISH = frozenset(
    """ad al al also an as at by co com con da de die do du ed el en end est et ex get go hat in ing is it la le les ma
    man may mi min more mu must need non one or os per plus post pro see se si sin size ten to two under us use van via
    want who will care come""".split()  # noqa: SIM905 (a paragraph of words reads better)
)
"""Small words elsewhere that English texts have as well, as words, names or parts of them."""


def is_plain_english(text: str) -> bool | None:
    """Whether a text is English beyond doubt; ``None`` where it tells nothing, such as a table, code or a few words.

    English has small words of its own, next to none of other languages, and hardly a letter that it does not use.
    """
    words = [word.casefold() for word in _WORD.findall(text)]
    letters = [letter for word in words for letter in word if not letter.isascii()]
    foreign_letters = sum(not _GREEK[0] <= letter <= _GREEK[1] for letter in letters)
    count = sum(map(len, words))
    if foreign_letters > _MOST_FOREIGN_LETTERS * count or len(letters) > _MOST_GREEK * count:
        return False
    english, foreign = _small_words()
    own, others = [word for word in words if word in english], [word for word in words if word in foreign]
    if len(others) > _MOST_FOREIGN * len(own) and len(set(others)) >= _LEAST_KINDS:
        return False
    is_told = len(own) >= _LEAST_SHARE * len(words) and len(set(own)) >= _LEAST_KINDS
    return True if is_told and len(others) <= _MOST_FOREIGN * len(own) else None


@lru_cache(maxsize=1)
def _small_words() -> tuple[frozenset[str], frozenset[str]]:
    """Small words that tell English, and such that tell another language."""
    others = {word.casefold() for language in DECIDABLE if language != "english" for word in stop_words(language)}
    return ENGLISH - _ELSEWHERE, frozenset(word for word in others if len(word) > 1) - ENGLISH - _ALSO_ENGLISH
