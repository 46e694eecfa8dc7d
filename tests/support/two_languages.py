"""Collections of English and Arabic sentences made by templates, and an embedder that reads English alone."""

import hashlib
import re

import numpy as np

from indexing.records import Document
from tests.support.fresh_home import DIMENSION, Embedder

LETTERS = "بتجدرسطفقلمنهو"
"""Of which words are made that stand in one document alone."""


def arabic_word(number):
    """A word of four letters, another one for each number below 38,416."""
    return "".join(LETTERS[number // len(LETTERS) ** place % len(LETTERS)] for place in range(4))


def english(number, **fields):
    """A document about a thing that no other is about: two sentences, both of which name it."""
    name = f"kettle{number}"
    text = f"The old {name} boils the water of {name}. Close the lid of {name} before {name} is hot."
    return Document(f"en{number}", "", text, **fields)


def arabic(number, **fields):
    """The same in Arabic."""
    name = arabic_word(number)
    text = f"الجهاز القديم {name} يسخن الماء في {name}. أغلق غطاء {name} قبل أن يصبح {name} ساخنا."
    return Document(f"ar{number}", "", text, **fields)


_NAMES = re.compile(rf"\w*\d\w*|\b[{LETTERS}]{{4}}\b")


class EnglishEmbedder(Embedder):
    """English texts about the same thing are close; an Arabic text has a direction of its own, whatever it says."""

    def __init__(self):
        super().__init__()
        self.reads_arabic = False

    def encode_query(self, text):
        if self.reads_arabic or not any("\u0600" <= letter <= "\u06ff" for letter in text):
            return super().encode_query(" ".join(sorted(set(_NAMES.findall(text)))) or text)
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
        vector = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
        return vector / np.linalg.norm(vector)
