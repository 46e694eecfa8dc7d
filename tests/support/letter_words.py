"""Unique words of letters alone: of a word with digits, the lexical leg finds the parts by themselves too."""

_LETTERS = str.maketrans("0123456789", "bcdfghjkmp")


def in_letters(text):
    """``text`` with a letter of its own for each digit; none of them is a vowel, so that no stem is cut."""
    return str(text).translate(_LETTERS)
