"""Slices of a query set: what a query is in language, topic, frequency and kind, as given or else as its text tells."""

import re
from collections.abc import Callable, Mapping

from indexing.ledger.query_features import guess_language
from indexing.records import Json

SLICES = ("tenant", "language", "topic", "head", "kind")
"""What every query of a stored set has a value of: whose it is, its language, topic, frequency and kind."""
UNKNOWN = "unknown"
"""The value of a slice that neither was given nor can be told."""
TOPIC_FIELDS = ("topic", "category", "domain", "section", "product", "lib")
"""Fields of a document's metadata that name its topic, the first that is there counts. Source: our choice."""
_KEYWORDS = 3
"""Words at most of a query that asks nothing and so is a few keywords. Source: our choice."""
_QUESTION = re.compile(
    r"^(who|what|when|where|which|whose|why|how|can|could|do|does|did|is|are|was|were|will|would|should|may|has|have"
    r"|am|wer|was|wann|wo|welche[rs]?|warum|wieso|wie|kann|darf|ist|sind|hat|gibt|qui|que|quoi|quand|où|pourquoi"
    r"|comment|combien|est-ce|quién|qué|cuándo|dónde|por qué|cómo|cuál)\b",
    re.IGNORECASE,
)
"""How a question begins, in English, German, French and Spanish."""
_IDENTIFIER = re.compile(r"(?=\S*[A-Za-z])(?=\S*\d)[\w./:-]{3,}|\w+_\w+|[a-z]+[A-Z]\w*|\w+\(\)|\w+\.\w+\.\w+")
"""A code, a version or a name out of a program: letters with digits, snake_case, camelCase, ``call()``, a.b.c."""

Frequency = Callable[[str], str]
"""``head``, ``tail`` or ``unknown`` for a query's text."""


def kind_of(text: str) -> str:
    """What sort of query a text is.

    Returns:
        ``identifier`` where it holds a code or a program's name, else ``question``, else ``keywords`` where it has
        three words at most, else ``statement``.
    """
    if _IDENTIFIER.search(text):
        return "identifier"
    if text.rstrip().endswith(("?", "\uff1f")) or _QUESTION.match(text.strip()):
        return "question"
    return "keywords" if len(text.split()) <= _KEYWORDS else "statement"


def topic_of(document_id: str, metadata: Mapping[str, Json]) -> str:
    """What a document is about: its metadata's ``TOPIC_FIELDS``, else the first part of an id with a path in it."""
    for field in TOPIC_FIELDS:
        value = metadata.get(field)
        if isinstance(value, str) and value.strip():
            return value.strip()
    first, slash, _ = document_id.partition("/")
    return first if slash and first else UNKNOWN


def slices_of(
    text: str,
    *,
    tenant: str,
    given: Mapping[str, str],
    topic: str = UNKNOWN,
    frequency: Frequency = lambda text: UNKNOWN,
) -> dict[str, str]:
    """A query's value of each of ``SLICES`` and of whatever else is given; what is given counts.

    Args:
        text: The query.
        tenant: Whose documents it asks for.
        given: Values that are known, such as from the file that the query came in.
        topic: Its topic where it is not given.
        frequency: Tells whether it is asked often.
    """
    computed = {"tenant": tenant, "language": guess_language(text), "topic": topic, "kind": kind_of(text)}
    if "head" not in given:
        computed["head"] = frequency(text)
    return {**computed, **given}
