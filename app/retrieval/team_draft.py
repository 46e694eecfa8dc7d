"""Team draft: two ranked lists as one, in which both take turns, so that what users choose is a vote between them."""

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from indexing.ledger.interleaving import BOTH, CANDIDATE, CANDIDATE_FILLS, LIVE, LIVE_FILLS

_Hit = TypeVar("_Hit")


@dataclass(frozen=True, slots=True)
class Draft(Generic[_Hit]):
    """Two lists as one: the hits, best first, and one letter a hit that says whose it is and whether it counts."""

    hits: list[_Hit]
    slots: str


def team_draft(
    live: Sequence[_Hit],
    candidate: Sequence[_Hit],
    k: int,
    *,
    key: Callable[[_Hit], Hashable],
    toss: Callable[[], bool],
) -> Draft[_Hit]:
    """Make one list of two, each in its own order, without a hit twice.

    It goes by rounds. Where both lists would give the same hit next, it is shown and counts for neither. Where they
    differ, each gives its own, and a toss says which comes first: two competitive slots. Which hits a round shows does
    not depend on the toss, so each rank is exactly as likely to be the one's as the other's, and at whatever rank the
    list is cut neither has more than one slot more. Once a list has ended the other fills what is left, and that counts
    for neither.

    Args:
        live: The hits of the release in service, best first.
        candidate: Those of the one under trial.
        k: How many hits at most.
        key: Hits with the same key are the same hit; the live one is shown where both give it at once.
        toss: ``True`` where the candidate comes first; fair, and independent from call to call.

    Returns:
        The hits with their slots: ``LIVE`` and ``CANDIDATE`` compete, ``BOTH``, ``LIVE_FILLS`` and ``CANDIDATE_FILLS``
        do not.

    Source: Radlinski, Kurup and Joachims, How does clickthrough data reflect retrieval quality?, CIKM 2008; that hits
    on which both agree count for neither: Chuklin, Schuth, Zhou and de Rijke, A comparative analysis of interleaving
    methods for aggregated search, TOIS 33, 2015.
    """
    taken: set[Hashable] = set()
    ours, theirs = deque(live), deque(candidate)
    hits, slots = list[_Hit](), list[str]()
    while len(hits) < k:
        for left in (ours, theirs):
            while left and key(left[0]) in taken:
                left.popleft()
        if not ours and not theirs:
            break
        if not ours or not theirs:
            given = [(ours[0], LIVE_FILLS) if ours else (theirs[0], CANDIDATE_FILLS)]
        elif key(ours[0]) == key(theirs[0]):
            given = [(ours[0], BOTH)]
        else:
            given = [(ours[0], LIVE), (theirs[0], CANDIDATE)]
            if toss():
                given.reverse()
        for hit, slot in given[: k - len(hits)]:
            taken.add(key(hit))
            hits.append(hit)
            slots.append(slot)
    return Draft(hits, "".join(slots))
