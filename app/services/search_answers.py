"""Answers of searches: the hits, where what was looked for stands in each, its best sentences, what it stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from app.retrieval.hits import RankedPassage
from app.retrieval.query_terms import query_terms
from app.retrieval.snippets import best_pieces
from app.schemas.search import SearchBody, answer_of
from app.services.begun_search import Found
from app.services.queries import query_for
from app.serving.release import ServingRelease
from indexing.indexes.aligned_text import Span
from indexing.indexes.analyser import TextAnalyser
from indexing.records import Json, Partition
from indexing.telemetry import request_id


@dataclass(frozen=True, slots=True)
class _Sought:
    """What was looked for in a collection's texts."""

    analyser: TextAnalyser
    weights: Mapping[str, float]

    def marks(self, text: str) -> list[Span]:
        return self.analyser.marks(text, frozenset(self.weights))

    def terms(self, text: str) -> frozenset[str]:
        return frozenset(self.analyser.passage_terms(text).terms)


def details_of(found: Found, body: SearchBody) -> list[dict[str, Json]]:
    """What each hit of an answer has beside itself, as the body asks; for nothing empty."""
    is_plain = not (body.highlight or body.snippet or body.collapse or found.parts)
    return [] if is_plain else _Details(found, body).of_all()


def search_answer(found: Found, body: SearchBody) -> dict[str, Json]:
    """What a search is answered: what was found, as the body asks for it."""
    return answer_of(
        found.result,
        found.serving.release.number,
        found.serving.snapshot.id,
        request_id.get(),
        query_id=found.record.query_id,
        seq=found.seq,
        asked=body,
        details=details_of(found, body),
    )


class _Details:
    def __init__(self, found: Found, body: SearchBody) -> None:
        self._found, self._body = found, body
        self._sought: dict[Partition, _Sought] = {}

    def of_all(self) -> list[dict[str, Json]]:
        return [self._of(hit) for hit in self._found.result.hits]

    def _of(self, hit: RankedPassage) -> dict[str, Json]:
        body, passage, made = self._body, hit.passage, dict[str, Json]()
        if self._found.parts:
            made["query_id"] = self._found.parts[passage.partition.collection].query_id
        if body.highlight or body.snippet is not None:
            sought = self._looked_for(passage.partition)
            marks = sought.marks(passage.text)
            if body.highlight:
                made["highlights"] = {"title": sought.marks(passage.title), "text": marks}
            if body.snippet is not None:
                made["snippet"] = _snippet(passage.text, sought, marks, body.snippet)
        if body.collapse:
            made["near_duplicates"] = [asdict(one) for one in hit.near_duplicates]
        return made

    def _looked_for(self, partition: Partition) -> _Sought:
        if partition not in self._sought:
            serving: ServingRelease = self._found.serving
            weights = query_terms(serving, partition, query_for(self._body, serving.recipe))
            self._sought[partition] = _Sought(serving.analyser.of(partition), weights)
        return self._sought[partition]


def _snippet(text: str, sought: _Sought, marks: Sequence[Span], most: int) -> dict[str, Json]:
    pieces = best_pieces(text, sought.weights, sought.terms, marks, most)
    return {
        "text": pieces.text(text),
        "html": pieces.html(text, marks),
        "pieces": [{"start": start, "end": end} for start, end in pieces.spans],
        "is_cut": pieces.is_cut,
    }
