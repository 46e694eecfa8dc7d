"""Which passages of a collection a leg check looks at, and by what question it looks for their documents."""

import hashlib
from collections.abc import Iterator, Sequence
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
_SHORTEST, _LONGEST = 30, 400
"""Characters of a sentence that is asked. Source: our choice: shorter ones say too little, longer ones are no prose."""
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


def choose_samples(plans: Sequence[ShardPlan], decided_by: Json) -> dict[Partition, list[Sample]]:
    """The samples of each collection, those of the smallest hashes.

    Args:
        plans: All shards of the snapshot.
        decided_by: What else decides what is found of a sample, so that its key changes with it.
    """
    places: dict[Partition, list[tuple[int, int, str, int]]] = {}
    for number, plan in enumerate(plans):
        first = 0
        for partition, group in groupby(plan.documents, key=lambda placed: placed.key.partition):
            for placed in group:
                places.setdefault(partition, []).append((number, first, placed.key.content_sha256, placed.rows))
                first += placed.rows
    return {partition: _chosen(partition, documents, decided_by) for partition, documents in sorted(places.items())}


def _chosen(partition: Partition, documents: Sequence[tuple[int, int, str, int]], decided_by: Json) -> list[Sample]:
    rows = sum(document[3] for document in documents)
    # What is found of a passage depends on how many others there are: from four times as many on, it is found out anew.
    salt = fingerprint([decided_by, str(partition), rows.bit_length() // 2]).encode()

    def candidates() -> Iterator[tuple[int, int, int, str, int, int]]:
        for plan, first, content, count in documents:
            for ordinal in range(count):
                digest = hashlib.blake2b(f"{content} {ordinal}".encode(), digest_size=8).digest()
                yield int.from_bytes(digest), plan, first, content, ordinal, count

    return [
        Sample(
            order,
            plan,
            first + ordinal,
            range(first, first + count),
            hashlib.blake2b(f"{content} {ordinal}".encode(), digest_size=16, key=salt[:64]).hexdigest(),
        )
        for order, plan, first, content, ordinal, count in nsmallest(_wanted(rows), candidates())
    ]


def _wanted(rows: int) -> int:
    return min(rows, max(LEAST, min(MOST, rows // SHARE)))


def question_of(text: str, title: str, order: int) -> str:
    """A piece of a sentence of a passage, as a person may remember it; its title where it has no sentence.

    Args:
        text: The passage's.
        title: Its document's.
        order: Picks the sentence.
    """
    sentences = [text[start:end] for start, end in pieces(text, 0, len(text), lines=True)]
    fitting = [one for one in sentences if _SHORTEST <= len(one) <= _LONGEST]
    if not fitting:
        return title or max(sentences, key=len, default="")[:_LONGEST]
    return _middle(fitting[order % len(fitting)])


def _middle(sentence: str) -> str:
    """The middle of a sentence, half of it: by words where it has some, else by characters, as in Chinese or Thai."""
    words = sentence.split()
    if len(words) * 12 < len(sentence):  # a word of more than a dozen characters each: no spaces between words
        quarter = len(sentence) // 4
        return sentence[quarter : len(sentence) - quarter]
    size = min(_WORDS, max(4, len(words) // 2))
    first = max(0, (len(words) - size) // 2)
    return " ".join(words[first : first + size])
