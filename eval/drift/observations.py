"""What drift looks at of one request: numbers, claims and categories of a ledger row, or of an answer that is replayed.

Raw scores of the legs, never the calibrated one: a calibration that moves with the recipe would hide what moved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from indexing.ledger.records import RequestRow, ServedHit

GROUPS = ("query text", "query vectors", "leg scores", "legs", "results", "contexts", "document features", "feedback")
"""What signals are about, in the order in which they are shown."""
NUMBERS: Mapping[str, str] = {
    "characters": "query text",
    "words": "query text",
    "terms": "query text",
    "turns": "query text",
    "unknown_share": "query text",
    "dense_top": "leg scores",
    "dense_margin": "leg scores",
    "lexical_top": "leg scores",
    "lexical_margin": "leg scores",
    "rerank_top": "leg scores",
    "leg_overlap": "legs",
    "context_tokens": "contexts",
    "context_used_share": "contexts",
    "context_left_out_share": "contexts",
    "context_cut_share": "contexts",
}
"""Numbers of a request and their group; features of documents, ``feature NAME``, are numbers as well."""
CLAIMS: Mapping[str, str] = {"zero_overlap": "query text", "empty": "results", "low_score": "results"}
"""What is true of a request or not. ``low_score`` is among the lowest twentieth of both samples together."""
SLICES = ("tenant", "collection", "release", "arm", "kind", "mode", "language")
"""By what requests can be told apart."""
FEATURE = "feature "
"""How the name of a document feature's signal begins."""
_LEG_NUMBERS = ("characters", "words", "terms", "turns", "unknown_share", "leg_overlap")
"""Numbers that a row has under their own name."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One request: its numbers and claims by signal, its language, and the documents of its answer, best first.

    What a request does not have, such as a dense score of a lexical search, is left out.
    """

    id: UUID
    numbers: Mapping[str, float]
    claims: Mapping[str, bool]
    language: str | None
    top_score: float | None
    documents: tuple[str, ...]
    slices: Mapping[str, str] = field(default_factory=dict)


def observe(row: RequestRow) -> Observation:
    """What a row of the ledger says."""
    slices = {
        "tenant": row.tenant,
        "collection": f"{row.tenant}/{row.collection}",
        "release": row.release,
        "arm": row.arm,
        "kind": row.kind,
        "mode": row.mode,
        "language": str(row.query_features.get("language", "none")),
    }
    return observe_answer(row.id, row.query_features, row.hits, slices)


def observe_answer(
    ledger_id: UUID,
    features: Mapping[str, float | str],
    hits: Sequence[ServedHit],
    slices: Mapping[str, str],
) -> Observation:
    """What features of a query and the hits of its answer say."""
    served = list(hits)
    numbers = {name: float(features[name]) for name in _LEG_NUMBERS if name in features}
    numbers |= _of_leg("dense", [hit.dense for hit in served]) | _of_leg("lexical", [hit.lexical for hit in served])
    reranked = [hit.rerank for hit in served if hit.rerank is not None]
    if reranked:
        numbers["rerank_top"] = max(reranked)
    numbers |= _of_documents(served) | _of_context(features, len(served))
    claims = {"empty": not served}
    if "terms" in features and "lexical_top" in numbers:
        claims["zero_overlap"] = numbers["lexical_top"] <= 0.0 or features.get("unknown_share") == 1.0
    language, top_score = features.get("language"), features.get("top_score")
    return Observation(
        ledger_id,
        numbers,
        claims,
        None if language is None else str(language),
        None if top_score is None else float(top_score),
        tuple(dict.fromkeys(hit.document_id for hit in served)),
        slices,
    )


def _of_leg(leg: str, scores: Sequence[float | None]) -> dict[str, float]:
    """The best raw score of a leg among the hits, and how far it is above the next."""
    ordered = sorted((one for one in scores if one is not None), reverse=True)
    found = {f"{leg}_top": ordered[0]} if ordered else {}
    return found | ({f"{leg}_margin": ordered[0] - ordered[1]} if len(ordered) > 1 else {})


def _of_documents(hits: Sequence[ServedHit]) -> dict[str, float]:
    """The mean of each feature over the hits that have it: hits of one query are no samples of their own."""
    values: dict[str, list[float]] = {}
    for hit in hits:
        for name, value in hit.features.items():
            values.setdefault(name, []).append(value)
    return {f"{FEATURE}{name}": sum(some) / len(some) for name, some in values.items()}


def _of_context(features: Mapping[str, float | str], hits: int) -> dict[str, float]:
    """What a prompt's context is made of: tokens, the share of the budget, and shares of what was left out or cut."""
    if "context_tokens" not in features:
        return {}
    tokens = float(features["context_tokens"])
    found = {"context_tokens": tokens}
    if (budget := float(features.get("context_max_tokens", 0.0))) > 0.0:
        found["context_used_share"] = tokens / budget
    if hits:
        found["context_left_out_share"] = float(features.get("context_left_out", 0.0)) / hits
    if (citations := float(features.get("context_citations", 0.0))) > 0.0:
        found["context_cut_share"] = float(features.get("context_cut", 0.0)) / citations
    return found
