"""What caused a drift, by replay: one thing is changed at a time, and what moves then is the cause.

Fixed queries, those of the reference, are answered by the old release, by the new recipe on the old snapshot and by the
new release; today's queries by the old release. Traffic moved where today's queries look other than the fixed ones to
the very same release; the recipe where the fixed queries are answered differently on the same snapshot; the corpus
where the same recipe answers them differently on another snapshot.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.stats import wilcoxon

from app.retrieval.agreement import overlap
from eval.drift.embedding_tests import mmd
from eval.drift.error_control import adjusted
from eval.drift.observations import Observation
from eval.drift.replayed_answers import ReplayedQueries, why_freed
from eval.drift.signals import Signal, decide, of_observations, tested
from eval.drift.windows import LEAST
from indexing.errors import GroundworkError
from indexing.releases.release import Release

Verdict = Literal["moved", "same", "not enough data", "cannot be told"]
CAUSES = ("traffic", "recipe", "corpus")
"""What may be at fault, in the order in which they are told."""
LEVEL = 0.01
"""Of a contrast: a cause is named on more than what only looks odd. Source: our choice."""
CHANGED_OVERLAP = 0.9
"""Answers changed where fewer of the ten best documents stay, in the mean. Source: our choice: a build after a day of
writes moves some documents of some queries, and is no cause of anything."""
EFFECT = 0.2
"""Or where a raw score moved by so many of its standard deviations. Source: Cohen 1988: a small effect."""
DEPTH = 10
"""Documents of an answer that are compared. Our choice."""
OF_QUERIES_ALONE = ("characters", "words", "turns", "language", "mmd", "classifier")
"""Signals that no release and no corpus can move."""
_PAIRED = ("dense_top", "dense_margin", "lexical_top", "lexical_margin", "rerank_top", "leg_overlap")


@dataclass(frozen=True, slots=True)
class Contrast:
    """One cause: what was changed alone, over how many queries, and what moved by it.

    ``overlap`` is the mean share of the ten best documents that stayed, ``effects`` by how many standard deviations
    each signal moved, both of paired contrasts alone; ``why`` is said where it could not be told.
    """

    cause: str
    verdict: Verdict
    queries: int = 0
    overlap: float | None = None
    effects: Mapping[str, float] | None = None
    signals: tuple[Signal, ...] = ()
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """What is at fault, of ``CAUSES``; empty where nothing that could be changed alone moved anything."""

    named: tuple[str, ...]
    contrasts: tuple[Contrast, ...]
    old_release: str
    new_release: str


def find_cause(
    queries: ReplayedQueries,
    old: Release,
    new: Release,
    *,
    moved: Collection[str] = (),
    seed: int = 0,
    is_stale: bool = False,
) -> Cause:
    """Name the cause of what differs between a reference and a window.

    Args:
        queries: The fixed queries and today's, with what answers them.
        old: The release that answered the reference; of one that was freed the new one tells whether traffic moved.
        new: The release that answers now.
        moved: The signals that moved between reference and window: where texts are not kept, so that nothing can be
            replayed, those of the queries themselves say whether traffic did.
        seed: Of permutations.
        is_stale: Whether so many documents changed since the new snapshot that the corpus has moved away from it.

    Returns:
        The causes that moved; a contrast whose queries or releases are not at hand says why.
    """
    asked = new if old.retired_at is not None else old  # either tells queries apart; one that was freed answers nothing
    contrasts = (_by_signals(_traffic(queries, asked, seed), moved), *_releases(queries, old, new))
    named = [one.cause for one in contrasts if one.verdict == "moved"]
    if is_stale and "corpus" not in named:
        named.append("corpus")
    return Cause(tuple(one for one in CAUSES if one in named), contrasts, old.number, new.number)


def _traffic(queries: ReplayedQueries, asked: Release, seed: int) -> Contrast:
    try:
        before, after = queries.fixed(asked), queries.todays(asked)
    except GroundworkError as error:
        return Contrast("traffic", "cannot be told", why=str(error))
    count = min(len(before.observations), len(after.observations))
    if count < LEAST:
        return Contrast("traffic", "not enough data", count, why=_few(count))
    signals = of_observations(list(before.observations.values()), list(after.observations.values()), seed=seed)
    vectors = [np.array(list(one.vectors.values()), np.float32) for one in (before, after)]
    empty = Signal("mmd", "query vectors", "", "permutation", len(vectors[0]), len(vectors[1]), "not enough data")
    signals.append(tested(empty, lambda: mmd(vectors[0], vectors[1], seed=seed)))
    decided = decide(signals, level=LEVEL)
    moved = tuple(one for one in decided if one.outcome == "moved")
    return Contrast("traffic", "moved" if moved else "same", count, signals=moved)


def _by_signals(traffic: Contrast, moved: Collection[str]) -> Contrast:
    """Traffic as the signals of the queries themselves tell it, where it could not be replayed."""
    found = [name for name in OF_QUERIES_ALONE if name in moved]
    if traffic.verdict in ("moved", "same") or not found:
        return traffic
    return replace(traffic, verdict="moved", why=f"by {', '.join(found)} of the queries alone, since {traffic.why}")


def _releases(queries: ReplayedQueries, old: Release, new: Release) -> tuple[Contrast, Contrast]:
    """The contrasts of recipe and corpus; where only one of both differs, the other cannot have moved."""
    has_one_corpus = old.snapshot == new.snapshot or old.seq == new.seq
    if old.recipe == new.recipe and has_one_corpus:
        return Contrast("recipe", "same"), Contrast("corpus", "same")
    if old.recipe == new.recipe:
        return Contrast("recipe", "same"), _paired("corpus", queries, old, new)
    if has_one_corpus:
        return _paired("recipe", queries, old, new), Contrast("corpus", "same")
    if old.retired_at is not None:
        why = why_freed(old)
        return Contrast("recipe", "cannot be told", why=why), Contrast("corpus", "cannot be told", why=why)
    between = replace(new, snapshot=old.snapshot, seq=old.seq)
    recipe = _paired("recipe", queries, old, between)
    if recipe.verdict == "cannot be told":
        why = f"recipe {new.recipe} cannot search the old snapshot ({recipe.why}): build recipe {old.recipe} again"
        return replace(recipe, why=why), Contrast("corpus", "cannot be told", why=why)
    return recipe, _paired("corpus", queries, between, new)


def _paired(cause: str, queries: ReplayedQueries, old: Release, new: Release) -> Contrast:
    try:
        before, after = queries.fixed(old), queries.fixed(new)
    except GroundworkError as error:
        return Contrast(cause, "cannot be told", why=str(error))
    both = before.observations.keys() & after.observations.keys()
    if len(both) < LEAST:
        return Contrast(cause, "not enough data", len(both), why=_few(len(both)))
    pairs = [(before.observations[one], after.observations[one]) for one in sorted(both)]
    kept = float(np.mean([overlap(was.documents[:DEPTH], now.documents[:DEPTH]) for was, now in pairs]))
    effects, p_values = _effects(pairs)
    p_adjusted = dict(zip(p_values, adjusted(list(p_values.values())), strict=True))
    moved = {name: one for name, one in effects.items() if abs(one) >= EFFECT and p_adjusted[name] <= LEVEL}
    verdict: Verdict = "moved" if kept < CHANGED_OVERLAP or moved else "same"
    return Contrast(cause, verdict, len(pairs), kept, effects)


def _effects(pairs: Sequence[tuple[Observation, Observation]]) -> tuple[dict[str, float], dict[str, float]]:
    """By signal: the mean change in standard deviations of the old answers, and the p of the signed-rank test."""
    effects, p_values = {}, {}
    for name in _PAIRED:
        found = [
            (was.numbers[name], now.numbers[name]) for was, now in pairs if name in was.numbers and name in now.numbers
        ]
        if len(found) < LEAST:
            continue
        before, after = np.array(found).T
        changes = after - before
        effects[name] = float(changes.mean() / (before.std() or 1.0))
        p_values[name] = float(wilcoxon(changes).pvalue) if np.any(changes) else 1.0
    return effects, p_values


def _few(count: int) -> str:
    return (
        f"{count} queries have a text that may be replayed, expected at least {LEAST}: the ledger keeps texts where"
        " GROUNDWORK_LOG_QUERIES and the tenant's log_queries allow it"
    )
