"""Train, dev and test: a query belongs to one of them by the hash of its text, in every set and for ever."""

import hashlib
import unicodedata

SPLITS = ("train", "dev", "test")
"""What a query may be for: to learn from, to choose by, to decide by."""
_SHARES = {"train": 0.2, "dev": 0.2}
"""Of all queries; the rest is for the test, since a verdict needs many. Source: our choice."""
_DIGEST_BYTES = 8
"""64 bits of the hash say where in [0, 1) a text falls."""
_NOT_OF_WORDS = ("P", "S", "Z", "C")
"""Unicode's categories of punctuation, symbols, separators and controls."""


class _Spaced(dict[int, int]):
    """What stands for a code point in a normalised text: a space, or itself; told once for each."""

    def __missing__(self, point: int) -> int:
        is_of_word = unicodedata.category(chr(point))[0] not in _NOT_OF_WORDS
        self[point] = point if is_of_word else ord(" ")
        return self[point]


_SPACED = _Spaced()


def normalised(text: str) -> str:
    """A text without what does not make it another question: form, case, punctuation, spaces.

    A text of nothing but punctuation and symbols stays as it is, in one line.

    Source: Unicode 16, section 3.13, compatibility caseless matching (D146).
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", text).casefold()).casefold()
    folded = unicodedata.normalize("NFKC", folded)
    return " ".join(folded.translate(_SPACED).split() or folded.split())


def split_of(text: str) -> str:
    """The one of ``SPLITS`` that a query belongs to: the same for every wording with the same ``normalised`` form.

    So a query never moves from one split to another, whatever joins or leaves its set, and two sets that share a
    query have it in the same split.
    """
    digest = hashlib.blake2b(normalised(text).encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()
    place = int.from_bytes(digest, "big") / 2 ** (8 * _DIGEST_BYTES)
    for split, share in _SHARES.items():
        if place < share:
            return split
        place -= share
    return SPLITS[-1]
