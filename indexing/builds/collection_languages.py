"""Which language each collection is analysed in, where the recipe leaves that to the build."""

from collections import Counter
from collections.abc import Mapping
from heapq import nsmallest

from indexing.catalogue.database import Database
from indexing.catalogue.documents import DocumentKey, document_keys, load_document
from indexing.errors import NotFound
from indexing.indexes.analyser import NONE
from indexing.indexes.languages import analyser_language, language_of
from indexing.records import Partition

_DOCUMENTS = 31
"""Of a collection that are looked at, the same as long as they do not change. Source: our choice."""
_LEAST_SHARE = 0.5
"""Of those documents that a language must have, or the collection has none. Source: our choice."""
_SHARE_TO_CHANGE = 0.66
"""Of those that another language must have where the collection has one: it changes seldom. Source: our choice."""


def decide_languages(catalogue: Database, before: Mapping[Partition, str]) -> dict[Partition, str]:
    """The language of each collection's words: that of most of its documents, else ``none``.

    Args:
        catalogue: Where the documents are.
        before: What the recipe's build before decided; a collection keeps its language unless another one is plain.
    """
    members: dict[Partition, list[DocumentKey]] = {}
    for key in document_keys(catalogue):
        members.setdefault(key.partition, []).append(key)
    return {
        partition: _decided(catalogue, nsmallest(_DOCUMENTS, keys, key=lambda key: key.content_sha256), before)
        for partition, keys in members.items()
    }


def _decided(catalogue: Database, keys: list[DocumentKey], before: Mapping[Partition, str]) -> str:
    found: Counter[str] = Counter()
    for key in keys:
        try:
            document = load_document(catalogue, key.partition, key.id)
        except NotFound:
            continue  # deleted since it was listed
        found[analyser_language(language_of(f"{document.title}\n{document.text}"))] += 1
    old = before.get(keys[0].partition)
    leading = min(found, key=lambda language: (-found[language], language), default=NONE)
    share = found[leading] / max(1, found.total())
    if old is not None and leading != old and share < _SHARE_TO_CHANGE:
        return old
    return leading if share >= _LEAST_SHARE else NONE
