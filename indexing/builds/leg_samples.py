"""Which passages of a collection a leg check looks at, and by what question it looks for their documents."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import groupby

from indexing.builds.plan import ShardPlan
from indexing.passages.text_blocks import pieces
from indexing.records import Json, Partition, fingerprint

SHARE = 100
"""One passage in so many is a sample. Source: issue 13."""
LEAST, MOST = 30, 300
"""Samples of a collection at least, as far as it has passages, and at most. Source: issue 13."""
FIELD = MOST
"""Passages among which a sample must stand out at most: so what is found does not depend on how large a collection is.
Source: our choice."""
_SHORTEST, _LONGEST = 30, 400
"""Characters of a sentence that is asked. Source: our choice: shorter ones say too little, longer ones are no prose."""
_LONG_WORD = 15
"""Characters of a word with its space on average, above which a text has no spaces between words. Source: our choice;
it is 6 in English, 8 in Finnish."""
_REST = 600
"""Characters of a passage's rest that are encoded. Source: our choice: it bounds what a sample costs."""
_WORDS = 12
"""Words of a question at most. Source: our choice; people ask with fewer than a sentence has."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A passage that is looked at: its place in a planned shard, and the key under which what is found is kept.

    ``order`` is a hash of its content: which passages are samples does not change when others come and go.
    """

    order: int
    plan: int
    row: int
    document_rows: range
    key: str


@dataclass(frozen=True, slots=True)
class Sampled:
    """What is looked at of a collection: ``field``, those of the smallest hashes, and of these the first: ``samples``.

    ``plans`` are the numbers of the shards that hold the collection, ``documents`` is how many it has.
    """

    field: Sequence[Sample]
    samples: Sequence[Sample]
    plans: Sequence[int]
    documents: int


def choose_samples(
    plans: Sequence[ShardPlan], decided_by: Json, languages: Mapping[Partition, str] | None = None
) -> dict[Partition, Sampled]:
    """What is looked at of each collection.

    Args:
        plans: All shards of the snapshot.
        decided_by: What else decides what is found of a sample, so that its key changes with it.
        languages: In which each collection is analysed, where the build decided that; it counts for that one alone.
    """
    places: dict[Partition, list[tuple[int, int, str, int]]] = {}
    for number, plan in enumerate(plans):
        first = 0
        for partition, group in groupby(plan.documents, key=lambda placed: placed.key.partition):
            for placed in group:
                places.setdefault(partition, []).append((number, first, placed.key.content_sha256, placed.rows))
                first += placed.rows
    return {
        partition: _chosen(
            partition, documents, decided_by if languages is None else [decided_by, languages.get(partition)]
        )
        for partition, documents in sorted(places.items())
    }


def _chosen(partition: Partition, documents: Sequence[tuple[int, int, str, int]], decided_by: Json) -> Sampled:
    rows = sum(document[3] for document in documents)
    # What is found of a passage depends on how many it stands among: from four times as many on, it is found out anew.
    salt = fingerprint([decided_by, str(partition), min(rows, FIELD).bit_length() // 2]).encode()

    def candidates() -> Iterator[tuple[int, int, int, str, int, int]]:
        for plan, first, content, count in documents:
            for ordinal in range(count):
                digest = hashlib.blake2b(f"{content} {ordinal}".encode(), digest_size=8).digest()
                yield int.from_bytes(digest), plan, first, content, ordinal, count

    field = [
        Sample(
            order,
            plan,
            first + ordinal,
            range(first, first + count),
            hashlib.blake2b(f"{content} {ordinal}".encode(), digest_size=16, key=salt[:64]).hexdigest(),
        )
        for order, plan, first, content, ordinal, count in nsmallest(FIELD, candidates())
    ]
    return Sampled(field, field[: _wanted(rows)], sorted({plan for plan, *_ in documents}), len(documents))


def _wanted(rows: int) -> int:
    return min(rows, max(LEAST, min(MOST, rows // SHARE)))


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of each leg about a passage.

    ``sentence`` is asked by meaning, and ``rest``, the passage without it, must be near to it: a model that only sees
    the same letters again does not read. ``rest`` is empty where nothing is left. ``words``, the middle of the
    sentence, is asked by words: any leg of words finds a sentence that it is given whole.
    """

    sentence: str
    rest: str
    words: str


def question_of(text: str, title: str) -> Question:
    """A passage's longest sentence; its document's title where it has no two sentences."""
    places = [(start, end) for start, end in pieces(text, 0, len(text), lines=True)]
    fitting = [place for place in places if _SHORTEST <= place[1] - place[0] <= _LONGEST]
    start, end = max(fitting or places, key=lambda place: place[1] - place[0], default=(0, 0))
    sentence, rest = text[start:end][:_LONGEST], f"{text[:start]} {text[end:]}".strip()
    if len(rest) >= _SHORTEST:
        return Question(sentence, rest[:_REST], _middle(sentence))
    if title:
        return Question(title, text[:_REST], _middle(sentence or title))
    if len(text) >= 2 * _SHORTEST:  # Thai has no stops: one half asks for the other
        half = len(text) // 2
        return Question(text[:half][:_LONGEST], text[half:][:_REST], _middle(sentence))
    return Question(sentence, "", _middle(sentence))


def _middle(sentence: str) -> str:
    """The middle of a sentence: so many words where it has some, else half its characters, as in Chinese or Thai.

    A short sentence is asked whole: in documents by a template one word tells them apart, and it may be the last one.
    """
    words = sentence.split()
    if len(words) * _LONG_WORD < len(sentence):
        quarter = len(sentence) // 4
        return sentence[quarter : len(sentence) - quarter]
    size = min(_WORDS, len(words))
    first = max(0, (len(words) - size) // 2)
    return " ".join(words[first : first + size])
