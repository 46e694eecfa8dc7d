"""What the ledger says of an interleaved answer: what became of the candidate's search, and whose each hit was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

LIVE, CANDIDATE, BOTH, LIVE_FILLS, CANDIDATE_FILLS = "lc=LC"
"""Of a hit: both lists would have shown another one there, and it was the turn of the one in service or of the
candidate; both would have shown this one; or the other list had ended. Only the first two count."""
OUTCOME, SLOTS, CANDIDATE_RELEASE, LATENCY_DIFFERENCE = "interleaved", "slots", "candidate", "latency_difference_ms"
"""Keys of ``RequestRow.comparison`` of an answer whose arm is ``interleaved``. All but the first are there where the
candidate answered: a letter a hit, the release, and by how much its search took longer than the other."""
CANDIDATE_HITS, CANDIDATE_BEST = "candidate_hits", "candidate_best_dense"
"""Further such keys: how many hits the candidate found by itself, and the highest raw score of its dense leg, if any.

Guards judge the candidate by these: the list that users see is filled with hits of the release in service."""
Outcome = Literal["answered", "failed", "late", "behind", "busy", "not_open"]
"""What became of the candidate's search; all but the first were answered by the release in service alone.

``late``: it took too long. ``behind``: it lacks the write ``min_seq`` so far. ``busy``: it was not begun, since users
need the capacity. ``not_open``: it was closed meanwhile."""
OUTCOMES: Final[tuple[Outcome, ...]] = ("answered", "failed", "late", "behind", "busy", "not_open")


@dataclass(frozen=True, slots=True)
class Vote:
    """What the feedback about one answer said: credits of each list, 1 a document that its user chose."""

    live: int
    candidate: int

    @property
    def preference(self) -> int:
        """1 for the candidate, -1 for the release in service, 0 for neither."""
        return (self.candidate > self.live) - (self.candidate < self.live)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the units of an interleaving preferred: a unit prefers the list that won more of its answers.

    ``answers`` held hits of both; ``voted`` of them had a credit. ``left_out`` lack hits, or are of no
    unit; ``alone`` were answered by the release in service alone, by outcome.
    """

    units: Mapping[str, int]
    """By unit (its keyed hash), 1 where it prefers the candidate, -1 the release in service, 0 where it chose both
    alike; units without a credit are left out."""
    answers: int
    voted: int
    left_out: int
    alone: Mapping[str, int]

    @property
    def wins(self) -> int:
        """Units that prefer the candidate."""
        return sum(one > 0 for one in self.units.values())

    @property
    def losses(self) -> int:
        """Units that prefer the release in service."""
        return sum(one < 0 for one in self.units.values())

    @property
    def ties(self) -> int:
        """Units that chose hits of both alike."""
        return len(self.units) - self.wins - self.losses


def guarded_arm(arm: str) -> str:
    """As which arm guards count an answer: an interleaved one is the candidate's, as far as that had a part in it."""
    return "candidate" if arm == "interleaved" else arm


def has_failed(comparison: Mapping[str, object]) -> bool:
    """Whether the candidate failed by its own fault, so that the release in service answered alone."""
    return comparison.get(OUTCOME) == "failed"


def hits_of_candidate(comparison: Mapping[str, object]) -> int | None:
    """How many hits the candidate found by itself; ``None`` where it did not answer."""
    found = comparison.get(CANDIDATE_HITS)
    return int(found) if isinstance(found, int | float) else None


def best_of_candidate(comparison: Mapping[str, object]) -> float | None:
    """The highest raw score of the candidate's dense leg; ``None`` where it gave none."""
    best = comparison.get(CANDIDATE_BEST)
    return float(best) if isinstance(best, int | float) else None


def is_mixed(comparison: Mapping[str, object] | None) -> bool:
    """Whether an answer holds hits of two releases."""
    return comparison is not None and SLOTS in comparison


def vote_of(documents: Sequence[str], slots: str, chosen: Mapping[str, Sequence[int | None]]) -> Vote:
    """The credits of an answer.

    A document counts once, for the list whose turn gave it. One that stands at several ranks, of both lists or also
    where it does not count, counts where the user chose it, and not at all where that is not said.

    Args:
        documents: The document of each hit, best first.
        slots: One letter for each of them.
        chosen: By document, the ranks (from 1) at which users chose it, as their clients say; ``None`` where not said.
    """
    credit = {LIVE: 0, CANDIDATE: 0}
    for document, ranks in chosen.items():
        found = {slot for name, slot in zip(documents, slots, strict=True) if name == document}
        if len(found) > 1:
            said = {rank for rank in ranks if rank is not None and 0 < rank <= len(slots)}
            found = {slots[rank - 1] for rank in said if documents[rank - 1] == document}
        if len(found) == 1 and (slot := found.pop()) in credit:
            credit[slot] += 1
    return Vote(credit[LIVE], credit[CANDIDATE])
