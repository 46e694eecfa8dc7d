"""Query terms: what a query looks for in a collection's texts, for the lexical leg and for what marks its words."""

from collections.abc import Mapping

from app.retrieval.query import Query
from app.serving.release import ServingRelease
from indexing.features.conversation import conversation_terms
from indexing.records import Partition


def query_terms(serving: ServingRelease, partition: Partition, query: Query) -> Mapping[str, float]:
    """What each term of a query counts, as the collection's language and the recipe's conversation view have it."""
    conversation, analyser = serving.recipe.conversation, serving.analyser.of(partition)
    if conversation is None:
        weights = analyser.query_weights(query.text)
    else:
        weights = conversation_terms(conversation, query.turns, analyser.query_weights)
    return weights or analyser.stop_weights(query.text)
