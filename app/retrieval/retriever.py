"""The retriever: one query against one partition of one release, for the API, the command line and evaluation."""

from collections.abc import Callable, Sequence

from app.retrieval.hits import Result
from app.retrieval.query import Matching, Query
from app.retrieval.reranking import Reranker
from app.retrieval.search import Search
from app.serving.release import ServingRelease
from indexing.records import Partition, Vector
from indexing.telemetry import StageTimings


class Retriever:
    """Searches a release. One serves every thread."""

    def __init__(self, reranker: Reranker | None = None) -> None:
        """Rerank by ``reranker`` the releases that ask for it."""
        self._reranker = reranker or Reranker()

    def search(
        self,
        serving: ServingRelease,
        partition: Partition,
        query: str,
        *,
        k: int,
        mode: str = "hybrid",
        group_by_document: bool = True,
        vector: Vector | None = None,
        matching: Matching | None = None,
        earlier: Sequence[str] = (),
        answer: str = "",
        before_stage: Callable[[], None] | None = None,
    ) -> Result:
        """The best ``k`` passages of a partition for a query.

        Args:
            serving: The release to search.
            partition: The tenant and collection; one that the snapshot does not hold gives no hits.
            query: The text to look for; it may be empty where ``mode`` is ``dense`` and a vector is given.
            k: How many hits, at least 1.
            mode: ``hybrid``, ``dense`` or ``lexical``.
            group_by_document: Whether a document gives at most one hit, its best passage.
            vector: The query's vector, float32 (dimension,) and of unit norm, where the caller has it.
            matching: Which documents may be found; ``None`` for all.
            earlier: The turns of the conversation before the query, oldest first, as ``read_conversation`` gives them;
                the recipe's conversation view says what they count, and without one they count nothing.
            answer: What the assistant said right before the query, likewise.
            before_stage: Called before each stage; an error that it raises ends the search.

        Returns:
            Hits best first, equal scores by document id and place in the document, whichever shard they stand in.
            ``dense`` and ``hybrid`` give fewer than ``k`` hits only when fewer may be found; ``lexical`` gives only
            passages that hold a term of the query. Where the recipe has a reranker, the best of them stand in its
            order, unless a warning says that it was skipped.

        Raises:
            InvalidInput: ``k``, ``mode`` or the vector's dimension is out of range.
        """
        asked = Query(query, k, mode, group_by_document, vector, matching, tuple(earlier), answer=answer)
        return self.begin(serving, partition, asked, before_stage).result()

    def begin(
        self,
        serving: ServingRelease,
        partition: Partition,
        asked: Query,
        before_stage: Callable[[], None] | None = None,
    ) -> Search:
        """A search that is done step by step; see ``search``, which does them all."""
        return Search(serving, partition, asked, StageTimings(before_stage), self._reranker)
