"""The folded form of a word: what people type who have not its accents, ligatures or digits on their keyboard."""

import unicodedata

import regex

_MARKS = regex.compile(
    # A breve makes another letter of Cyrillic i and u; marks of other scripts are vowels.
    r"(?<![\u0438\u0443])\u0306|[\u0300-\u0305\u0307-\u036f\p{Me}]|[[\u0591-\u05c7]&&\p{Mn}]|[\u064b-\u065f\u0670\u0640]",
    flags=regex.VERSION1,
)
"""Marks that people leave out: of Latin, Greek, Cyrillic, Hebrew and Arabic letters. Source: our choice."""
_LETTERS = str.maketrans(
    {
        "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th",
        "ŋ": "n", "ĸ": "k", "ى": "ي", "ی": "ي", "ک": "ك",
    }
)  # fmt: skip
"""Letters that Unicode does not take apart. Source: our choice."""


def cased(word: str, *, is_turkish: bool = False) -> str:
    """A word without case: Turkish has two letters i, everything else one."""
    if word.isascii() and not is_turkish:
        return word.lower()
    if is_turkish:
        word = word.replace("I", "ı").replace("İ", "i")
    folded = unicodedata.normalize("NFKC", word.casefold())
    return folded.replace("i\u0307", "i")


def folded(word: str) -> str:
    """A word without case in its folded form; one of ASCII is its own."""
    if word.isascii():
        return word
    bare = _MARKS.sub("", unicodedata.normalize("NFD", word)).translate(_LETTERS)
    digits = "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in bare)
    return unicodedata.normalize("NFC", digits) or word
