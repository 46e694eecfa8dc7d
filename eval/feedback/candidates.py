"""Candidates for judging from feedback: what clicks, corrected for position, and users' own words propose."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from eval.datasets.candidates import Proposal, propose_candidates
from eval.feedback.harvest import AskedText, Harvest, harvest
from eval.feedback.position_bias import PositionBias, corrected_relevance, estimate_position_bias
from indexing.home import Home
from indexing.ledger.day_sources import OnFault, log_fault
from indexing.ledger.feedback_readers import ALL, Asked, answers_with_feedback
from indexing.records import Json, Partition
from indexing.retention.judgement_files import JUDGE_LOCK

SOURCE = "feedback"
"""What proposes these candidates."""
LEAST_SHOWN = 10
"""How often a pair must have been shown for its clicks to propose it. Source: our choice."""
MOST_PROPOSED = 200
"""Candidates that clicks propose at once, the surest first. Source: our choice, some hours of judging."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """What feedback proposed: from clicks, from what users said, how many of all are new, and what position does."""

    from_clicks: int
    from_words: int
    new: int
    bias: PositionBias


def propose_from_feedback(
    home: Home,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    asked: Asked = ALL,
    on_fault: OnFault = log_fault,
) -> Proposed:
    """Propose pairs of query and document for judging, as candidates that answer nothing by themselves.

    Clicks propose a document whose corrected relevance is surely above the mean of all; without enough data to correct
    them they propose nothing. "This hit answered it" proposes that hit, "nothing did" its query. Only queries whose
    text may be kept can be judged.

    Args:
        home: Whose ledger, and where the candidates go.
        since: Of answers from this moment on.
        until: Of answers before this moment.
        asked: Of one tenant or collection alone.
        on_fault: Told of each day that cannot be read.

    Raises:
        AlreadyRunning: another process judges in this home, or erases from it: what is read must not be erased before
            it is written.
    """
    with home.storage.lock(JUDGE_LOCK, "judging of samples, or an erasure"):
        found = harvest(home, since, until, asked=asked, on_fault=on_fault)
        bias = estimate_position_bias(found.shown)
        clicks = list(_from_clicks(found, bias))
        words = list(_from_words(home, since, until, asked))
        return Proposed(len(clicks), len(words), propose_candidates(home, [*clicks, *words]), bias)


def _from_clicks(found: Harvest, bias: PositionBias) -> Iterator[Proposal]:
    relevance = corrected_relevance(found.shown, bias, least_shown=LEAST_SHOWN)
    if not relevance or bias.eta.value is None:
        return
    mean = float(np.mean([one.value for one in relevance]))
    proposed = 0
    for one in relevance:
        key = found.keys[one.pair]
        if one.low <= mean or proposed == MOST_PROPOSED:
            return
        asked = found.texts.get((key.partition, key.query_hash))
        if asked is None or not asked.text.strip():
            continue
        proposed += 1
        evidence = {
            **{"shown": one.shown, "clicked": one.clicked, "relevance": round(one.value, 4)},
            **{"low": round(one.low, 4), "high": round(one.high, 4), "eta": round(bias.eta.value, 4)},
        }
        yield _proposal(key.partition, asked, key.document_id, evidence)


def _proposal(
    partition: Partition, asked: AskedText, document_id: str | None, evidence: Mapping[str, Json]
) -> Proposal:
    user = max(asked.askers, key=lambda one: one or "")
    return Proposal(partition, asked.text, SOURCE, document_id, evidence, user, asked.askers, asked.asked_at)


def _from_words(home: Home, since: datetime | None, until: datetime | None, asked: Asked) -> Sequence[Proposal]:
    """What users said: one proposal for each query and document, with how often it was said."""
    found: dict[tuple[Partition, str, str | None], tuple[AskedText, dict[str, Json]]] = {}
    wanted = replace(asked, hits=True, text=True)
    for answer, about in answers_with_feedback(home.ledger, since, until, asked=wanted, on_fault=lambda fault: None):
        text, partition = (answer.query or "").strip(), Partition(answer.tenant, answer.collection)
        for row in about if text else ():
            if row.action != "not_answered" and not (
                row.action == "answered" and row.document_id in answer.document_ids
            ):
                continue
            document_id = row.document_id if row.action == "answered" else None
            key = partition, text, document_id
            before, evidence = found.get(key, (None, {row.action: 0}))
            evidence = {row.action: evidence[row.action] + 1, "release": answer.release}
            found[key] = replace(AskedText.of(answer, before), text=text), evidence
    return [
        _proposal(partition, asked, document_id, evidence)
        for (partition, _, document_id), (asked, evidence) in found.items()
    ]
