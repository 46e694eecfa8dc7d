"""What a build found out about the legs of each collection: records that stand in the manifest of its snapshot."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Self

from indexing.records import Json, JsonFields, Partition
from indexing.snapshots.collection_calibration import CollectionCalibration


@dataclass(frozen=True, slots=True)
class LegCounts:
    """Samples of passages, and how many of their documents each leg finds by a piece of the passage's text.

    ``tokens`` is what the model's tokenizer makes of the passages, ``unknown_tokens`` how many of those it does not
    know.
    """

    samples: int = 0
    dense: int = 0
    lexical: int = 0
    tokens: int = 0
    unknown_tokens: int = 0

    def __add__(self, other: "LegCounts") -> "LegCounts":
        return LegCounts(
            self.samples + other.samples,
            self.dense + other.dense,
            self.lexical + other.lexical,
            self.tokens + other.tokens,
            self.unknown_tokens + other.unknown_tokens,
        )

    @property
    def unknown_share(self) -> float:
        """The share of unknown tokens, 0..1."""
        return self.unknown_tokens / self.tokens if self.tokens else 0.0

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what ``to_json`` gave.

        Raises:
            ValueError: it is something else.
        """
        fields = JsonFields(value)
        names = ("samples", "dense", "lexical", "tokens", "unknown_tokens")
        counts = cls(*(fields.take(name, int) for name in names))
        fields.end()
        return counts

    def to_json(self) -> dict[str, Json]:
        """This as JSON."""
        return {
            "samples": self.samples,
            "dense": self.dense,
            "lexical": self.lexical,
            "tokens": self.tokens,
            "unknown_tokens": self.unknown_tokens,
        }


@dataclass(frozen=True, slots=True)
class CollectionLegs:
    """The legs of one collection of a snapshot.

    ``languages`` has the counts of the samples in each language, by its code. ``dense_weight`` is the vectors' share
    in hybrid search, 0..1; ``None`` is that of the recipe. ``analysed_as`` is the language of the lexical terms where
    the recipe leaves it to the build, else ``None``. ``calibration`` says how its scores differ from the
    recipe's, ``None`` where they do not. ``rest`` holds what a newer version may have written beside these.
    """

    partition: Partition
    languages: Mapping[str, LegCounts]
    dense_weight: float | None = None
    analysed_as: str | None = None
    calibration: CollectionCalibration | None = None
    rest: Mapping[str, Json] = field(default_factory=dict)

    @property
    def counts(self) -> LegCounts:
        """The counts of all samples."""
        return total(self.languages.values())

    @property
    def language(self) -> str | None:
        """The code of the language of most samples; ``None`` without samples."""
        found = sorted(self.languages, key=lambda code: (-self.languages[code].samples, code))
        return found[0] if found else None

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what ``to_json`` gave.

        Raises:
            ValueError: it is something else.
        """
        fields = JsonFields(value)
        partition = Partition(fields.take("tenant", str), fields.take("collection", str))
        languages = {code: LegCounts.from_json(one) for code, one in fields.take("languages", dict).items()}
        weight = fields.take_if_there("dense_weight", float)
        if weight is not None and not 0.0 <= weight <= 1.0:
            raise ValueError(f"the field 'dense_weight' is {weight}, expected a number from 0 to 1")
        language, stored = fields.take_if_there("analysed_as", str), fields.take_if_there("calibration", dict)
        calibration = None if stored is None else CollectionCalibration.from_json(stored)
        return cls(partition, languages, weight, language, calibration, fields.rest())

    def to_json(self) -> dict[str, Json]:
        """This as JSON, without what it does not have."""
        stored = {
            "tenant": self.partition.tenant,
            "collection": self.partition.collection,
            "languages": {code: self.languages[code].to_json() for code in sorted(self.languages)},
            "dense_weight": self.dense_weight,
            "analysed_as": self.analysed_as,
            "calibration": None if self.calibration is None else self.calibration.to_json(),
            **self.rest,
        }
        return {name: value for name, value in stored.items() if value is not None}


def total(counts: Iterable[LegCounts]) -> LegCounts:
    """The sum of counts."""
    return reduce(LegCounts.__add__, counts, LegCounts())


def with_languages(
    legs: Sequence[CollectionLegs], languages: Mapping[Partition, str] | None
) -> tuple[CollectionLegs, ...]:
    """The legs with the language that each collection is analysed in, where a build decided it; ordered by partition.

    A collection that is too small for its legs to be checked has its language all the same.
    """
    if languages is None:
        return tuple(legs)
    known = {one.partition: one for one in legs}
    return tuple(
        replace(known.get(partition, CollectionLegs(partition, {})), analysed_as=languages[partition])
        for partition in sorted(languages, key=str)
    )


def with_calibrations(
    legs: Sequence[CollectionLegs], calibrations: Mapping[Partition, CollectionCalibration]
) -> tuple[CollectionLegs, ...]:
    """The legs with what was fitted for collections, in place of what a leg check found; ordered by partition."""
    known = {one.partition: one for one in legs}
    fitted = {
        partition: replace(known.get(partition, CollectionLegs(partition, {})), calibration=calibration)
        for partition, calibration in calibrations.items()
    }
    return tuple(sorted((known | fitted).values(), key=lambda one: one.partition))


def languages_of_collections(legs: Sequence[CollectionLegs]) -> dict[Partition, str]:
    """In which language each collection is analysed, as far as a build decided that."""
    return {one.partition: one.analysed_as for one in legs if one.analysed_as is not None}
