"""Queries made of documents without a language model: titles, headings, key sentences and words of them."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from eval.datasets.splits import normalised
from indexing.passages.text_blocks import MarkdownReader, one_line, paragraphs, pieces
from indexing.records import MARKDOWN, Document, Json

MAKERS = ("title", "heading", "sentence", "keywords")
"""Of what parts of a document a query is made."""
_LEAST_TITLE_WORDS = 2
"""A title of one word names a subject, and not a document. Source: our choice."""
_LEAST_HEADING_WORDS = 3
"""Of a heading that stands alone, where the document has no title. Source: our choice."""
_SENTENCE_WORDS = range(6, 26)
"""Words of a key sentence: fewer say too little, and more is no query. Source: our choice."""
_KEYWORDS = range(3, 6)
"""Words of a query of keywords: as few as tell its document from the others. Source: our choice."""
_LEAST_SHARED = 3
"""Documents that have a keyword, at least: a word that hardly another document has would be found by itself. Our
choice; measured on helpdesk, whole sentences are found with nDCG@10 0.99, which leaves a loss no room to show."""
_LEAST_LETTERS = 0.7
"""Share of a sentence's characters that are letters or spaces; code and tables have fewer. Source: our choice."""
_MARKUP = ("|", "http://", "https://", "](", "<")
"""What a sentence of prose has not."""
_EMPHASIS = re.compile(r"[*`]+")
_READER = MarkdownReader()


@dataclass(frozen=True, slots=True)
class MadeQuery:
    """A query's text, the document that answers it, and what it was made of: one of ``MAKERS``, or a model."""

    text: str
    document_id: str
    maker: str


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of documents, and how, as JSON."""

    queries: Sequence[MadeQuery]
    provenance: Mapping[str, Json]


def make_queries(documents: Sequence[Document], titles: Iterable[str], count: int) -> list[MadeQuery]:
    """Up to ``count`` queries, each of one document; the kinds take turns, and a document gives one in each round.

    Args:
        documents: In the order in which they are to be taken. How rare a word is, and which headings and sentences
            stand in one document only, is told from these.
        titles: Of all documents of the collection, since a title that two have tells neither.
        count: How many at most; there are fewer where the documents do not give more.
    """
    parts = [_Parts.of(document) for document in documents]
    collection = _Collection.of(parts, titles)
    made: dict[str, MadeQuery] = {}
    for turn in range(len(MAKERS)):
        for place, one in enumerate(parts):
            if len(made) == count:
                return list(made.values())
            maker = MAKERS[(place + turn) % len(MAKERS)]
            text = _TEXTS[maker](one, collection)
            if text is not None:
                made.setdefault(normalised(text), MadeQuery(text, one.id, maker))
    return list(made.values())


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a query may be made of, and the words of the whole document."""

    id: str
    title: str
    headings: Sequence[str]
    sentences: Sequence[str]
    words: frozenset[str]

    @classmethod
    def of(cls, document: Document) -> "_Parts":
        text = document.text
        blocks = _READER.blocks(text) if document.content_type == MARKDOWN else paragraphs(text)
        sentences = (
            _EMPHASIS.sub("", one_line(text[start:end]))
            for block in blocks
            if block.is_prose and not block.is_heading
            for start, end in pieces(text, block.start, block.end, lines=False)
        )
        return cls(
            document.id,
            one_line(document.title),
            [block.headings[-1] for block in blocks if block.is_heading and block.headings],
            [one for one in sentences if _is_prose(one)],
            frozenset(normalised(f"{document.title} {text}").split()),
        )


@dataclass(frozen=True, slots=True)
class _Collection:
    """What tells whether a text is one document's alone, and how rare its words are."""

    titles: Counter[str]
    headings: Counter[str]
    sentences: Counter[str]
    documents_with: Mapping[str, set[int]]
    documents: int

    @classmethod
    def of(cls, parts: Sequence[_Parts], titles: Iterable[str]) -> "_Collection":
        headings, sentences = Counter[str](), Counter[str]()
        documents_with = defaultdict[str, set[int]](set)
        for number, one in enumerate(parts):
            headings.update({normalised(heading) for heading in one.headings})
            sentences.update({normalised(sentence) for sentence in one.sentences})
            for word in one.words:
                documents_with[word].add(number)
        return cls(Counter(map(normalised, titles)), headings, sentences, dict(documents_with), len(parts))

    def count(self, word: str) -> int:
        """How many documents have a word."""
        return len(self.documents_with.get(word, ()))

    def rarity(self, text: str) -> float:
        """The mean inverse document frequency of a text's words."""
        words = set(normalised(text).split())
        return sum(math.log(self.documents / max(self.count(word), 1)) for word in words) / len(words)


def _title(one: _Parts, collection: _Collection) -> str | None:
    is_telling = len(one.title.split()) >= _LEAST_TITLE_WORDS and collection.titles[normalised(one.title)] == 1
    return one.title if is_telling else None


def _heading(one: _Parts, collection: _Collection) -> str | None:
    """The rarest heading, with the title in front where there is one."""
    headings = [heading for heading in one.headings if normalised(heading) not in ("", normalised(one.title))]
    if one.title:
        headings = headings if collection.titles[normalised(one.title)] == 1 else []
    else:
        headings = [
            heading
            for heading in headings
            if collection.headings[normalised(heading)] == 1 and len(heading.split()) >= _LEAST_HEADING_WORDS
        ]
    rarest = max(headings, key=collection.rarity, default=None)
    return None if rarest is None else f"{one.title} {rarest}".strip()


def _sentence(one: _Parts, collection: _Collection) -> str | None:
    """The sentence whose words are the rarest."""
    own = [sentence for sentence in one.sentences if collection.sentences[normalised(sentence)] == 1]
    return max(own, key=collection.rarity, default=None)


def _keywords(one: _Parts, collection: _Collection) -> str | None:
    """The fewest words of the key sentence, the rarer first, that together only this document has."""
    words = dict.fromkeys(normalised(_sentence(one, collection) or "").split())
    shared = sorted((word for word in words if collection.count(word) >= _LEAST_SHARED), key=collection.count)
    for count in _KEYWORDS:
        chosen = shared[:count]
        if len(chosen) == count and len(set.intersection(*(collection.documents_with[word] for word in chosen))) == 1:
            return " ".join(word for word in words if word in chosen)
    return None


_TEXTS: Mapping[str, Callable[[_Parts, _Collection], str | None]] = {
    "title": _title,
    "heading": _heading,
    "sentence": _sentence,
    "keywords": _keywords,
}


def _is_prose(sentence: str) -> bool:
    letters = sum(one.isalpha() or one.isspace() for one in sentence)
    return (
        len(sentence.split()) in _SENTENCE_WORDS
        and letters >= _LEAST_LETTERS * len(sentence)
        and not any(mark in sentence for mark in _MARKUP)
    )
