"""How an interleaving ends: better, worse, equivalent or inconclusive, by a sign test over the units that chose."""

from dataclasses import asdict, dataclass

from indexing.ledger.interleaving import Preferences
from indexing.records import Json
from indexing.releases.ab_tests import Conclusion
from indexing.releases.evidence import binomial_above, binomial_p
from indexing.releases.rollouts import AbTest


@dataclass(frozen=True, slots=True)
class PreferenceResult:
    """How an interleaving ended.

    ``candidate_wins`` and ``live_wins`` count the units that preferred one of both, ``ties`` those that chose hits of
    both alike. ``difference`` is the candidate's part of the wins minus one half, in -0.5..0.5, and ``p`` that of the
    two-sided sign test; both are ``None`` where no unit preferred any.
    """

    conclusion: Conclusion
    reason: str
    candidate_wins: int
    live_wins: int
    ties: int
    answers: int
    difference: float | None = None
    p: float | None = None

    @property
    def evidence(self) -> dict[str, Json]:
        """It as JSON, as it is kept with the transition."""
        return asdict(self)


def conclude_preferences(test: AbTest, found: Preferences) -> PreferenceResult:
    """Conclude an interleaving that is over.

    Equivalent: the candidate's part of the wins lies within one half plus and minus the margin, by two one-sided exact
    tests at the stated level. Else better or worse: it is not one half, by the exact two-sided sign test at that level.
    Else inconclusive. Units that preferred neither say nothing.

    Args:
        test: What was stated beforehand.
        found: What the units preferred.

    Source: Dixon and Mood, The statistical sign test, JASA, 1946; Schuirmann, 1987, for equivalence.
    """
    wins, losses, ties = found.wins, found.losses, found.ties
    counts = wins, losses, ties, found.answers
    total = wins + losses
    if total == 0:
        reason = f"no unit preferred one of both, of {ties} that chose a hit where they differ"
        return PreferenceResult("inconclusive", reason, *counts)
    p = binomial_p(wins, total, 0.5)
    difference = wins / total - 0.5
    said = f"{wins} of {total} units prefer the candidate (p = {p:.3g})"
    is_near = (
        binomial_above(wins, total, 0.5 - test.margin) <= test.level
        and binomial_above(losses, total, 0.5 - test.margin) <= test.level
    )
    conclusion: Conclusion
    if is_near:
        conclusion, reason = "equivalent", f"{said}, within {test.margin:g} of one half"
    elif p <= test.level:
        conclusion, reason = ("better" if difference > 0 else "worse"), said
    else:
        conclusion, reason = "inconclusive", f"{said}: one half is among the possible shares, and so are others"
    return PreferenceResult(conclusion, reason, *counts, difference, p)
