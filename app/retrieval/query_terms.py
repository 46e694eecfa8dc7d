"""Query terms: what a query looks for in a collection's texts, what passages score by it, and its vector."""

from collections.abc import Mapping, Sequence

from app.retrieval.query import Query
from app.serving.release import ServingRelease
from indexing.features.conversation import conversation_terms, conversation_vector
from indexing.indexes.bm25 import TermScores
from indexing.records import Mask, Partition, Vector
from indexing.snapshots.partition_view import PartitionView


def query_terms(serving: ServingRelease, partition: Partition, query: Query) -> Mapping[str, float]:
    """What each term of a query counts, as the collection's language and the recipe's conversation view have it."""
    conversation, analyser = serving.recipe.conversation, serving.analyser.of(partition)
    if conversation is None:
        weights = analyser.query_weights(query.text)
    else:
        weights = conversation_terms(conversation, query.turns, analyser.query_weights)
    return weights or analyser.stop_weights(query.text)


def query_vector(serving: ServingRelease, query: Query) -> Vector:
    """The vector of a query that is encoded now, as the recipe's conversation view has it."""
    conversation = serving.recipe.conversation
    if conversation is None:
        return serving.embedder.encode_query(query.text)
    return conversation_vector(conversation, query.turns, serving.embedder.encode_query)


def term_scores(
    serving: ServingRelease, view: PartitionView, query: Query, allowed: Sequence[Mask | None]
) -> TermScores:
    """BM25 of every passage, 0 for those that may not be found."""
    found = serving.bm25.score_terms(view.segments, query_terms(serving, view.partition, query))
    for offset, mask in zip(view.offsets.tolist(), allowed, strict=True):
        if mask is not None:
            found.scores[offset : offset + len(mask)][~mask] = 0.0
    return found
