"""How much a leg counts in a collection, by whether it finds the collection's own documents; and that in words."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from indexing.indexes.languages import language_name
from indexing.records import Json, JsonFields, Partition
from indexing.releases.evidence import wilson_interval
from indexing.snapshots.leg_counts import CollectionLegs, LegCounts

SELF_RETRIEVAL = "self-retrieval"
MIN_SAMPLES = 10
"""Samples below which a check decides and says nothing. Source: our choice; with fewer the interval spans half of all
shares."""
LOSE_BELOW, REGAIN_ABOVE = 0.5, 0.6
"""The share of its own documents that a leg must find: below the first it loses its weight, above the second it has it
back. Source: trials on a book in many languages, decision 50."""


@dataclass(frozen=True, slots=True)
class LegRule:
    """A leg that cannot find a collection's own documents loses its weight there, while the other leg can.

    It loses it when the interval of the share it finds lies below ``lose_below`` and below the other leg's interval,
    and has it back when its interval lies above ``regain_above``. In between all stays as it was. A weight is 0, 1 or
    the recipe's, so that each has a calibration of its own: that of the mode ``lexical``, ``dense`` or ``hybrid``.
    """

    name: str = SELF_RETRIEVAL
    version: int = 1
    lose_below: float = LOSE_BELOW
    regain_above: float = REGAIN_ABOVE

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what ``dataclasses.asdict`` gave.

        Raises:
            ValueError: it is something else.
        """
        fields = JsonFields(value)
        rule = cls(
            fields.take("name", str),
            fields.take("version", int),
            fields.take("lose_below", float),
            fields.take("regain_above", float),
        )
        fields.end()
        return rule

    def weight(self, counts: LegCounts, recipe_weight: float, before: float | None) -> float | None:
        """The vectors' share in hybrid search of a collection, ``None`` for the recipe's.

        Args:
            counts: What the legs find of the collection, or of the small collections of its language.
            recipe_weight: The recipe's; 0 and 1 stay, as one leg alone was chosen.
            before: What this gave for the snapshot before, ``None`` where there was none.
        """
        if not 0.0 < recipe_weight < 1.0:
            return None
        if counts.samples < MIN_SAMPLES:
            return before
        if self._is_lost(counts.dense, counts.lexical, counts.samples, was_lost=before == 0.0):
            return 0.0
        if self._is_lost(counts.lexical, counts.dense, counts.samples, was_lost=before == 1.0):
            return 1.0
        return None

    def _is_lost(self, found: int, other: int, samples: int, *, was_lost: bool) -> bool:
        low, high = wilson_interval(found, samples)
        if was_lost:
            return low <= self.regain_above
        return high < self.lose_below and high < wilson_interval(other, samples)[0]


def leg_warnings(model: str, checks: Iterable[CollectionLegs]) -> list[str]:
    """What people must know of the legs of a snapshot's collections, a sentence for each, the worst first.

    Small collections are told together, by language.
    """
    found: list[tuple[int, str]] = []
    pools: dict[str, LegCounts] = {}
    sizes: dict[str, int] = {}
    for check in checks:
        told = {code: counts for code, counts in check.languages.items() if counts.samples >= MIN_SAMPLES}
        for code, counts in told.items():
            found += _said(str(check.partition), model, code, counts)
        for code, counts in check.languages.items():
            if code not in told:
                pools[code] = pools.get(code, LegCounts()) + counts
                sizes[code] = sizes.get(code, 0) + 1
    for code, counts in pools.items():
        if counts.samples >= MIN_SAMPLES:
            found += _said(f"{sizes[code]} small collection(s)", model, code, counts)
    return [sentence for _, sentence in sorted(found, key=lambda one: (-one[0], one[1]))]


def _said(where: str, model: str, code: str, counts: LegCounts) -> Iterator[tuple[int, str]]:
    language, samples = language_name(code), counts.samples
    if wilson_interval(counts.dense, samples)[1] < LOSE_BELOW:
        lost = samples - counts.dense
        unknown = f"; {counts.unknown_share:.0%} of its tokens are unknown" if counts.unknown_share >= 0.05 else ""
        yield (
            lost,
            f"{where}: the model {model} does not read {language}: {lost} of {samples} samples are not found by"
            f" meaning{unknown}",
        )
    if wilson_interval(counts.lexical, samples)[1] < LOSE_BELOW:
        lost = samples - counts.lexical
        yield lost, f"{where}: {lost} of {samples} samples in {language} are not found by words: see --language"


def weight_changes(
    before: Mapping[Partition, CollectionLegs], after: Iterable[CollectionLegs], recipe_weight: float
) -> list[str]:
    """Which weights a build moved against the snapshot before, a sentence for each."""
    said = []
    for check in after:
        old = before[check.partition].dense_weight if check.partition in before else None
        if old == check.dense_weight:
            continue
        one, other = (recipe_weight if weight is None else weight for weight in (old, check.dense_weight))
        counts = check.counts
        said.append(
            f"{check.partition}: vectors now weigh {other:g} in hybrid search instead of {one:g}: of"
            f" {counts.samples} samples {counts.dense} are found by meaning and {counts.lexical} by words"
        )
    return said
