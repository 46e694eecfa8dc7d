"""The analyser of a lexical view: by its algorithm, and by its language or that of each collection."""

from collections.abc import Mapping
from functools import lru_cache

from indexing.errors import InvalidInput
from indexing.indexes.aligned_text import Span
from indexing.indexes.analyser import NONE, SNOWBALL, Analyser, PassageTerms, TextAnalyser
from indexing.indexes.forms_analyser import WITHOUT_SPACES, FormsAnalyser
from indexing.records import Partition

AUTO = "auto"
"""The language of a lexical view under which each collection has its own, which a build decides."""
_OLDER = frozenset({"porter", "dutch_porter"})
"""Second stemmers of English and Dutch; recipes that have them keep them."""
DECIDABLE = frozenset({*(SNOWBALL - _OLDER), *WITHOUT_SPACES})
"""The languages that a collection can have, each once."""
LANGUAGES = frozenset({*DECIDABLE, AUTO})
"""What a person can choose, each language once."""


class CollectionAnalyser:
    """Each collection by its own language: ``of`` gives its analyser. Threads may share one.

    ``languages`` is what the build decided and its snapshot says, by partition, so that passages and queries of a
    collection always are analysed alike. What is of no collection there, such as one that only the live layer holds, is
    analysed as ``none``, and so is a text that is given without its collection.
    """

    def __init__(self, algorithm: int, languages: Mapping[Partition, str]) -> None:
        """Analyse each collection by its language, one of ``DECIDABLE``."""
        self._languages = dict(languages)
        self._algorithm = algorithm

    def of(self, partition: Partition) -> TextAnalyser:
        """See ``TextAnalyser``."""
        return _of_language(self._languages.get(partition, NONE), self._algorithm)

    def passage_terms(self, text: str) -> PassageTerms:
        """See ``TextAnalyser``."""
        return _of_language(NONE, self._algorithm).passage_terms(text)

    def query_weights(self, text: str) -> dict[str, float]:
        """See ``TextAnalyser``."""
        return _of_language(NONE, self._algorithm).query_weights(text)

    def stop_weights(self, text: str) -> dict[str, float]:
        """See ``TextAnalyser``."""
        return _of_language(NONE, self._algorithm).stop_weights(text)

    def marks(self, text: str, wanted: frozenset[str]) -> list[Span]:
        """See ``TextAnalyser``."""
        return _of_language(NONE, self._algorithm).marks(text, wanted)


def analyser_of(language: str, algorithm: int, languages: Mapping[Partition, str] | None = None) -> TextAnalyser:
    """The analyser of a lexical view.

    Args:
        language: The view's: one of ``LANGUAGES``, or what an older recipe has.
        algorithm: The view's.
        languages: Under ``auto``, the language of each collection, as its build decided.

    Raises:
        InvalidInput: the language or the algorithm is unknown.
    """
    if algorithm not in (1, 2):
        raise InvalidInput(f"lexical algorithm {algorithm} is unknown: expected 1 or 2. Use a newer Groundwork.")
    if language == AUTO:
        return CollectionAnalyser(algorithm, languages or {})
    return _of_language(language, algorithm)


@lru_cache(maxsize=64)
def _of_language(language: str, algorithm: int) -> TextAnalyser:
    """One for all shards and recipes of a process: what one of them has analysed, the others need not."""
    return Analyser(language) if algorithm == 1 else FormsAnalyser(language)
