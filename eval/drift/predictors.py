"""Which queries to judge first: predictors of how well a query is answered, without judgments, as ranks.

They say which queries are worth a person's time, and nothing about how good the answers are: none of this is an
estimate of nDCG, and it is never shown as one.

Source: normalised query commitment, Shtok et al., ACM TOIS 2012; agreement of retrievers, Diaz, SIGIR 2007.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from scipy.stats import rankdata

from eval.datasets.candidates import Proposal, propose_candidates
from indexing.home import Home
from indexing.ledger.ids import moment_of
from indexing.ledger.readers import served_request
from indexing.ledger.records import RequestRow, asked_text
from indexing.records import Json, Partition

SOURCE = "drift"
"""What proposes these candidates."""
PREDICTORS = ("leg_overlap", "nqc", "dense_top")
"""Agreement of the legs, how far the best scores stand out, and the best raw score: low ones are suspicious."""


@dataclass(frozen=True, slots=True)
class QueryToJudge:
    """One query, ``rank`` 1 for the most suspicious; ``ranks`` are by predictor, among the same queries.

    ``query`` is its text where the ledger keeps it, ``user`` whose request it was, by the ledger's hash.
    """

    id: UUID
    partition: Partition
    user: str | None
    rank: int
    ranks: Mapping[str, int]
    query: Json


def queries_to_judge(rows: Sequence[RequestRow], *, most: int = 20) -> list[QueryToJudge]:
    """The queries of a window by how poorly they are probably answered, worst first, each text or hash once.

    A predictor that a query has no value of leaves it in the middle.
    """
    distinct = list({row.query_hash or str(row.id): row for row in rows if row.hits}.values())
    if not distinct:
        return []
    ranks = {name: _ranks([_value(name, row) for row in distinct]) for name in PREDICTORS}
    means = np.mean([ranks[name] for name in PREDICTORS], axis=0)
    order = sorted(range(len(distinct)), key=lambda place: (means[place], distinct[place].id))
    return [
        QueryToJudge(
            distinct[place].id,
            Partition(distinct[place].tenant, distinct[place].collection),
            distinct[place].user,
            rank,
            {name: round(float(ranks[name][place])) for name in PREDICTORS},
            distinct[place].query,
        )
        for rank, place in enumerate(order[:most], 1)
    ]


def propose_queries(home: Home, queries: Sequence[QueryToJudge]) -> int:
    """Make queries whose text is kept candidates for judging, with their ranks as evidence; gives how many are new."""
    texts = [(one, asked_text(one.query)) for one in queries]
    # A look takes minutes; an erasure first empties the ledger, and then what is written here before it gets its turn.
    with home.catalogue.write():
        proposals = [
            Proposal(
                *(one.partition, text, SOURCE),
                evidence={"rank": one.rank, **one.ranks},
                user_hash=one.user,
                asked_at=moment_of(one.id),
            )
            for one, text in texts
            if text.strip() and served_request(home.ledger, one.id) is not None
        ]
        return propose_candidates(home, proposals)


def normalised_query_commitment(scores: Sequence[float]) -> float | None:
    """How far the scores of an answer are spread, relative to their size; ``None`` for fewer than two."""
    if len(scores) < 2:
        return None
    size = statistics.fmean(abs(one) for one in scores)
    return statistics.pstdev(scores) / size if size else 0.0


def _value(name: str, row: RequestRow) -> float | None:
    dense = [hit.dense for hit in row.hits if hit.dense is not None]
    if name == "leg_overlap":
        found = row.query_features.get("leg_overlap")
        return None if found is None else float(found)
    if name == "nqc":
        lexical = [hit.lexical for hit in row.hits if hit.lexical is not None]
        return normalised_query_commitment(lexical or dense)
    return max(dense, default=None)


def _ranks(values: Sequence[float | None]) -> Sequence[float]:
    """Ranks from 1, the lowest value first; the middle where there is none."""
    known = [place for place, value in enumerate(values) if value is not None]
    found = np.full(len(values), (len(values) + 1) / 2.0)
    if known:
        ranked = rankdata([values[place] for place in known])
        found[known] = ranked * len(values) / len(known)
    return [float(one) for one in found]
