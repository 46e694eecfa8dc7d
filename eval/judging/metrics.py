"""What can be measured of a sample, what each measure needs, and which of them ask a model."""

from dataclasses import dataclass

from eval.judging.samples import Sample
from indexing.errors import InvalidInput

_TOLERANCE = 1e-6
"""Scores are sums in floating point: so far beyond its range one still counts as its end. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure of ragas: the fields of a sample that it needs, filled; whether a model is asked; its range."""

    name: str
    needs: tuple[str, ...]
    is_judged: bool = False
    low: float = 0.0
    high: float = 1.0

    def lacking(self, sample: Sample) -> str | None:
        """Which field a sample lacks, in words; ``None`` where it can be measured."""
        lacks = [name for name in self.needs if not getattr(sample, name)]
        return f"no {lacks[0]}" if lacks else None

    def within(self, score: float) -> float | None:
        """The score, cut to the range where it is beyond it by rounding alone; ``None`` where it is no score."""
        if not self.low - _TOLERANCE <= score <= self.high + _TOLERANCE:  # also NaN
            return None
        return min(self.high, max(self.low, score))


ANSWER_RELEVANCY = "answer_relevancy"
"""The metric that compares vectors as well."""
METRICS = {
    metric.name: metric
    for metric in (
        Metric("id_context_precision", ("context_ids", "reference_context_ids")),
        Metric("id_context_recall", ("context_ids", "reference_context_ids")),
        Metric("text_context_precision", ("contexts", "reference_contexts")),
        Metric("text_context_recall", ("contexts", "reference_contexts")),
        Metric("faithfulness", ("answer", "contexts"), is_judged=True),
        Metric(ANSWER_RELEVANCY, ("answer",), is_judged=True, low=-1.0),  # a mean of cosines
        Metric("context_precision", ("reference", "contexts"), is_judged=True),
    )
}
"""By name, those that cost nothing first."""


def metrics_named(names: tuple[str, ...]) -> tuple[Metric, ...]:
    """The metrics of these names, in the order of ``METRICS``; all of them for none.

    Raises:
        InvalidInput: one is unknown.
    """
    unknown = sorted(set(names) - METRICS.keys())
    if unknown:
        raise InvalidInput(f"metric {unknown[0]!r} is unknown; expected one of: {', '.join(METRICS)}")
    return tuple(metric for name, metric in METRICS.items() if not names or name in names)
