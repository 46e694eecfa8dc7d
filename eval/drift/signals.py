"""Signals: each thing that may drift, measured in two samples and tested; which of them moved says the whole look."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from eval.drift.embedding_tests import classifier, mmd
from eval.drift.error_control import LEVEL, adjusted
from eval.drift.observations import CLAIMS, FEATURE, GROUPS, NUMBERS, SLICES, Observation
from eval.drift.two_samples import (
    Tested,
    category_stability,
    chi_square,
    concentration_differs,
    kolmogorov_smirnov,
    population_stability,
    rates_differ,
)
from eval.drift.windows import LEAST, Sample
from indexing.errors import InvalidInput

Outcome = Literal["moved", "same", "not enough data"]
LOW_SCORE_SHARE = 0.05
"""Of both samples together: what counts as a low score, so that under no change each sample has its part of them.
Source: decision 40."""
BARS = 20
"""Of a histogram, from the lowest hundredth to the highest of both samples. Source: our choice."""
MOST_CATEGORIES = 12
"""Of a histogram of categories; the others are put together. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of both samples over the same bars: ``labels`` are the bars' lower edges, or categories."""

    labels: tuple[str, ...]
    reference: tuple[float, ...]
    window: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of one slice of the traffic, in the reference and in the window.

    ``before`` and ``value`` are the median of numbers, a rate, or the share of the commonest category of the reference;
    of vectors and of concentration there is none. ``psi`` is for reading; ``p_adjusted`` decides, below ``threshold``.
    """

    name: str
    group: str
    slice: str
    test: str
    n_reference: int
    n_window: int
    outcome: Outcome
    statistic: float | None = None
    before: float | None = None
    value: float | None = None
    psi: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    threshold: float = LEVEL
    histogram: Histogram | None = None

    @property
    def key(self) -> str:
        """Its name and slice: what tells it from the other signals of a look."""
        return f"{self.name} [{self.slice}]" if self.slice else self.name


def measure(reference: Sample, window: Sample, *, slice_by: str | None = None, seed: int = 0) -> list[Signal]:
    """Every signal of the whole and, where asked for, of each slice; which moved is not decided yet.

    Raises:
        InvalidInput: requests cannot be told apart by ``slice_by``.
    """
    found = of_observations(reference.observations, window.observations, seed=seed)
    found += _of_sketches(reference, window, seed)
    if slice_by is None:
        return found
    if slice_by not in SLICES:
        raise InvalidInput(f"The slice {slice_by[:40]!r} is unknown: expected one of {', '.join(SLICES)}.")
    for value in sorted({one.slices.get(slice_by, "") for one in window.observations} - {""}):
        before, after = (
            [one for one in sample.observations if one.slices.get(slice_by) == value] for sample in (reference, window)
        )
        found += of_observations(before, after, f"{slice_by}={value}", seed=seed)
    return found


def decide(signals: Sequence[Signal], *, level: float = LEVEL) -> list[Signal]:
    """Say which signals moved, so that of those that are said to at most the share ``level`` did not, in the mean.

    In the order of ``GROUPS``; inside a group by p.
    """
    p_values = {one.key: one.p for one in signals if one.p is not None}
    by_key = dict(zip(p_values, adjusted(list(p_values.values())), strict=True))
    decided = [_decided(one, by_key.get(one.key), level) for one in signals]
    return sorted(
        decided, key=lambda one: (one.slice, GROUPS.index(one.group), 1.0 if one.p is None else one.p, one.name)
    )


def _decided(one: Signal, p_adjusted: float | None, level: float) -> Signal:
    if p_adjusted is None:
        return one
    outcome: Outcome = "moved" if p_adjusted <= level else "same"
    return replace(one, p_adjusted=p_adjusted, threshold=level, outcome=outcome)


def of_observations(
    before: Sequence[Observation], after: Sequence[Observation], name: str = "", *, seed: int = 0
) -> list[Signal]:
    """Every signal of two samples that observations tell; which moved is not decided yet."""
    both = [*before, *after]
    features = sorted({key for one in both for key in one.numbers if key.startswith(FEATURE)})
    groups = {**NUMBERS, **dict.fromkeys(features, "document features")}
    found = []
    for signal, group in groups.items():
        low, high = ([one.numbers[signal] for one in some if signal in one.numbers] for some in (before, after))
        if low or high:
            found.append(_number(signal, group, name, low, high))
    before_claims, after_claims = _claims(before, both), _claims(after, both)
    for signal, group in CLAIMS.items():
        was, now = ([one[signal] for one in some if signal in one] for some in (before_claims, after_claims))
        if was or now:
            found.append(rate_signal(signal, group, name, was, now))
    was_said, is_said = ([one.language for one in some if one.language is not None] for some in (before, after))
    found.append(_category("language", "query text", name, was_said, is_said))
    old, new = ([one.documents for one in some if one.documents] for some in (before, after))
    empty = Signal("concentration", "results", name, "permutation", len(old), len(new), "not enough data")
    found.append(tested(empty, lambda: concentration_differs(old, new, seed=seed)))
    return found


def _claims(some: Sequence[Observation], both: Sequence[Observation]) -> list[dict[str, bool]]:
    scores = [one.top_score for one in both if one.top_score is not None]
    low = float(np.quantile(scores, LOW_SCORE_SHARE)) if scores else 0.0
    return [{**one.claims, **({} if one.top_score is None else {"low_score": one.top_score <= low})} for one in some]


def tested(signal: Signal, test: Callable[[], Tested]) -> Signal:
    """The signal with its test, where both samples are large enough for one."""
    if min(signal.n_reference, signal.n_window) < LEAST:
        return signal
    found = test()
    return replace(signal, statistic=found.statistic, p=found.p, outcome="same")


def _number(name: str, group: str, part: str, before: Sequence[float], after: Sequence[float]) -> Signal:
    empty = Signal(name, group, part, "Kolmogorov-Smirnov", len(before), len(after), "not enough data")
    found = tested(empty, lambda: kolmogorov_smirnov(before, after))
    if found.p is None:
        return found
    return replace(
        found,
        before=float(np.median(before)),
        value=float(np.median(after)),
        psi=population_stability(before, after),
        histogram=_bars(before, after),
    )


def rate_signal(name: str, group: str, part: str, before: Sequence[bool], after: Sequence[bool]) -> Signal:
    """A rate as a signal: how often something was true of requests."""
    empty = Signal(name, group, part, "Fisher", len(before), len(after), "not enough data")
    found = tested(empty, lambda: rates_differ(before, after))
    if found.p is None:
        return found
    return replace(found, before=sum(before) / len(before), value=sum(after) / len(after))


def _category(name: str, group: str, part: str, before: Sequence[str], after: Sequence[str]) -> Signal:
    empty = Signal(name, group, part, "chi-square", len(before), len(after), "not enough data")
    found = tested(empty, lambda: chi_square(before, after))
    if found.p is None:
        return found
    commonest = Counter(before).most_common(1)[0][0]
    return replace(
        found,
        before=before.count(commonest) / len(before),
        value=after.count(commonest) / len(after),
        psi=category_stability(before, after),
        histogram=_categories(before, after),
    )


def _of_sketches(reference: Sample, window: Sample, seed: int) -> list[Signal]:
    before, after = reference.sketches, window.sketches
    tests: Mapping[str, Callable[[], Tested]] = {
        "mmd": lambda: mmd(before, after, seed=seed),
        "classifier": lambda: classifier(before, after, seed=seed),
    }
    return [
        tested(Signal(name, "query vectors", "", "permutation", len(before), len(after), "not enough data"), test)
        for name, test in tests.items()
    ]


def _bars(before: Sequence[float], after: Sequence[float]) -> Histogram:
    low, high = np.quantile([*before, *after], [0.01, 0.99])
    edges = np.linspace(low, max(high, low + 1e-9), BARS + 1)
    shares = [np.histogram(np.clip(some, edges[0], edges[-1]), edges)[0] / len(some) for some in (before, after)]
    return Histogram(tuple(f"{edge:.4g}" for edge in edges[:-1]), *(tuple(map(float, one)) for one in shares))


def _categories(before: Sequence[str], after: Sequence[str]) -> Histogram:
    counts = [Counter(before), Counter(after)]
    names = [name for name, _ in (counts[0] + counts[1]).most_common(MOST_CATEGORIES)]
    shares = [tuple(one[name] / one.total() for name in names) for one in counts]
    return Histogram(tuple(names), *shares)
