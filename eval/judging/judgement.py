"""A judgement: what was measured, failed and stayed unmeasured, by sample and metric, and its file in the home."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from eval.experiments.statistics import bootstrap_interval
from indexing.errors import FormatUnknown, NotFound
from indexing.records import Json, JsonFields, Partition, fingerprint
from indexing.retention.judgement_files import JUDGEMENTS
from indexing.storage.atomic_files import write_atomically
from indexing.storage.permissions import SHARED_FILE

State: TypeAlias = Literal["measured", "failed", "unmeasured"]
"""Asked and answered; asked and not answered usably; not asked, or there is nothing to measure."""
MEASURED: State = "measured"
FAILED: State = "failed"
UNMEASURED: State = "unmeasured"
FORMAT = 1
"""Of the files: raised with every change that this cannot read. Our choice."""
MIN_FOR_INTERVAL = 20
"""Measured samples below which a mean has no interval: a bootstrap of so few is too narrow. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sample under one metric: a score where it was measured, else the reason."""

    state: State
    score: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedSample:
    """The outcomes of a sample by metric; nothing of its texts, and of what it is about what ``erase`` looks for."""

    id: str
    partition: Partition
    documents: tuple[str, ...]
    user_hash: str | None
    outcomes: Mapping[str, Outcome]


@dataclass(frozen=True, slots=True)
class Summary:
    """One metric over all samples: the mean of those that were measured, its 95 % interval, and how many were not.

    ``lowest`` and ``highest`` are what the mean could be if every sample that is not measured had the worst or the best
    score: how much the missing ones may hide.
    """

    metric: str
    measured: int
    failed: int
    unmeasured: int
    mean: float | None
    interval: tuple[float, float] | None
    lowest: float
    highest: float
    reasons: Mapping[str, int]

    def to_json(self) -> Json:
        """This as JSON."""
        names = ("metric", "measured", "failed", "unmeasured", "mean", "lowest", "highest")
        interval = None if self.interval is None else list(self.interval)
        return {name: getattr(self, name) for name in names} | {"interval": interval, "reasons": dict(self.reasons)}


@dataclass(frozen=True, slots=True)
class Judgement:
    """Samples judged once. ``inputs`` tells all that decides a score: samples, model, prompts, versions."""

    made_at: str
    inputs: Mapping[str, Json]
    costs: Mapping[str, int]
    summaries: tuple[Summary, ...]
    samples: tuple[JudgedSample, ...]

    @property
    def id(self) -> str:
        """Identifies the inputs: judging them again replaces the file."""
        return fingerprint(dict(self.inputs))

    def to_json(self) -> Json:
        """This as it stands in its file."""
        return {
            "format": FORMAT,
            "id": self.id,
            "made_at": self.made_at,
            "inputs": dict(self.inputs),
            "costs": dict(self.costs),
            "summaries": [summary.to_json() for summary in self.summaries],
            "samples": [
                {
                    "id": one.id,
                    "tenant": one.partition.tenant,
                    "collection": one.partition.collection,
                    "documents": list(one.documents),
                    "user_hash": one.user_hash,
                    "outcomes": {
                        name: {"state": found.state, "score": found.score, "reason": found.reason}
                        for name, found in one.outcomes.items()
                    },
                }
                for one in self.samples
            ],
        }


def summarise(metric: str, outcomes: Iterable[Outcome], *, low: float = 0.0, high: float = 1.0) -> Summary:
    """One metric over all samples; only what was measured counts for the mean.

    Args:
        metric: Its name.
        outcomes: One a sample, in any order.
        low: The worst score.
        high: The best score.
    """
    found = list(outcomes)
    scores = sorted(one.score for one in found if one.score is not None)
    states = Counter(one.state for one in found)
    missing, count = len(found) - len(scores), max(1, len(found))
    return Summary(
        metric=metric,
        measured=len(scores),
        failed=states[FAILED],
        unmeasured=states[UNMEASURED],
        mean=sum(scores) / len(scores) if scores else None,
        interval=bootstrap_interval(scores, seed=0) if len(scores) >= MIN_FOR_INTERVAL else None,
        lowest=(sum(scores) + missing * low) / count if found else low,
        highest=(sum(scores) + missing * high) / count if found else high,
        reasons=dict(Counter(one.reason for one in found if one.reason is not None).most_common()),
    )


def save_judgement(judgement: Judgement, evaluations: Path) -> Path:
    """Write a judgement below the folder of evaluations, whole or not at all; gives its file.

    Raises:
        StorageFull: the disk has no room.
    """
    folder = evaluations / JUDGEMENTS
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    path = folder / f"{judgement.id[:16]}.json"
    write_atomically(path, json.dumps(judgement.to_json(), indent=1).encode() + b"\n", mode=SHARED_FILE)
    return path


def list_judgements(evaluations: Path) -> Sequence[Judgement]:
    """The judgements below the folder of evaluations, oldest first.

    Raises:
        FormatUnknown: a file there is no judgement of this version.
    """
    files = sorted((evaluations / JUDGEMENTS).glob("[!.]*.json"))
    return sorted((read_judgement(path) for path in files), key=lambda one: one.made_at)


def read_judgement(path: Path) -> Judgement:
    """The judgement of a file.

    Raises:
        NotFound: there is no such file.
        FormatUnknown: it is no judgement of this version.
    """
    try:
        value = json.loads(path.read_bytes())
        if value["format"] != FORMAT:
            raise ValueError(f"format {value['format']!r}")
        return Judgement(
            made_at=value["made_at"],
            inputs=value["inputs"],
            costs=value["costs"],
            summaries=tuple(_summary(one) for one in value["summaries"]),
            samples=tuple(_sample(one) for one in value["samples"]),
        )
    except FileNotFoundError as error:
        raise NotFound(f"{path} does not exist; 'groundwork eval judge' makes judgements.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise FormatUnknown(
            f"{path} is not a judgement in format {FORMAT} ({error}): judge the samples again."
        ) from error


def _summary(value: Json) -> Summary:
    return Summary(**{**value, "interval": None if value["interval"] is None else tuple(value["interval"])})


def _sample(value: Json) -> JudgedSample:
    fields = JsonFields(value)
    return JudgedSample(
        id=fields.take("id", str),
        partition=Partition(fields.take("tenant", str), fields.take("collection", str)),
        documents=tuple(fields.take("documents", list)),
        user_hash=fields.rest()["user_hash"],
        outcomes={name: Outcome(**found) for name, found in fields.take("outcomes", dict).items()},
    )
