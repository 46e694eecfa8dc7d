"""Experiments: one query set, one searcher, and what each mode of search scored and how long it took."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np

from eval.datasets.chats import Chat
from eval.datasets.query_sets import QuerySet
from eval.datasets.trec import Run
from eval.experiments.measures import Scores, run_from_ranking, score_run
from indexing.errors import ArtefactCorrupt, ArtefactMissing, FormatUnknown, InvalidInput
from indexing.records import Json, canonical_json, fingerprint
from indexing.storage.atomic_files import write_atomically
from indexing.storage.permissions import SHARED_FILE

FORMAT = 1
"""The format of evaluation reports."""


class Searcher(Protocol):
    """The search that is measured."""

    def __call__(self, query: str, *, k: int, mode: str, chat: Chat = ()) -> Sequence[str]:
        """Ids of at most ``k`` documents, best first, each at most once; ``query`` is the question of a ``chat``."""
        ...


@dataclass(frozen=True, slots=True)
class Latency:
    """How long single searches took, one after another, in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class ModeResult:
    """What one mode of search did: ``means[measure]``, ``per_query[measure][query_id]`` and latency."""

    means: dict[str, float]
    per_query: dict[str, dict[str, float]]
    latency: Latency


@dataclass(frozen=True, slots=True)
class Experiment:
    """The result of ``run_experiment``; ``inputs`` names versions and fingerprints of all that went in."""

    name: str
    queryset: str
    split: str
    modes: dict[str, ModeResult]
    queries: int
    inputs: dict[str, Json]
    created_at: datetime

    @property
    def fingerprint(self) -> str:
        """Identifies what went in and what came out, not when and how fast: equal where a result is reproduced."""
        per_query = {mode: result.per_query for mode, result in self.modes.items()}
        return fingerprint({"inputs": self.inputs, "per_query": per_query})


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def run_experiment(
    queryset: QuerySet,
    searcher: Searcher,
    *,
    modes: Sequence[str],
    k: int = 100,
    inputs: Mapping[str, Json],
    on_progress: Callable[[int], None] | None = None,
    name: str | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Experiment:
    """Search every query in every mode, one at a time, and score what came back.

    Args:
        queryset: At least one query.
        searcher: What is measured. What it raises passes through.
        modes: At least one, no duplicates; searched in this order.
        k: How many documents to ask for, >= 1. Below 100, R@100 counts the first ``k`` only.
        inputs: JSON values that name the versions and fingerprints of all that the searcher is made of. The keys
            ``queryset`` (fingerprint of queries and judgments) and ``k`` are added here.
        on_progress: Called after each search with the number of searches done, up to queries times modes.
        name: The experiment's name; ``None`` takes the query set's.
        clock: Tells ``created_at``, the moment of the start.

    Raises:
        InvalidInput: ``modes`` or ``inputs`` is not as described, or the searcher returned a document twice or more
            than ``k`` documents; the message names query and document.
        ValueError: ``k`` is below 1.
    """
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1")
    if not modes or len(set(modes)) != len(modes):
        raise InvalidInput(f"modes {list(modes)!r}; expected at least one, each once")
    all_inputs = _checked_inputs(inputs, {"queryset": queryset.fingerprint, "k": k})
    created_at = clock()
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if on_progress is not None:
            on_progress(done)

    results: dict[str, ModeResult] = {}
    for mode in modes:
        run, latencies_ms = _search_all(queryset, searcher, mode=mode, k=k, after_each=count)
        results[mode] = _mode_result(score_run(queryset.qrels, run), latencies_ms)
    return Experiment(
        name=queryset.name if name is None else name,
        queryset=queryset.name,
        split=queryset.split,
        modes=results,
        queries=len(queryset.queries),
        inputs=all_inputs,
        created_at=created_at,
    )


def save(experiment: Experiment, folder: Path) -> Path:
    """Write an experiment as one JSON file, whole or not at all.

    Args:
        experiment: What to write.
        folder: Where; made when missing.

    Returns:
        The file: named by the moment of creation in UTC and the fingerprint's first 12 digits, so that names sort
        by time.

    Raises:
        StorageFull: The disk has no room.
    """
    record = {**asdict(experiment), "created_at": experiment.created_at.astimezone(UTC).isoformat()}
    envelope = {
        "format": FORMAT,
        "fingerprint": experiment.fingerprint,
        "record_sha256": fingerprint(record),
        "record": record,
    }
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    moment = experiment.created_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    path = folder / f"{moment}-{experiment.fingerprint[:12]}.json"
    write_atomically(path, json.dumps(envelope, indent=1).encode() + b"\n", mode=SHARED_FILE)
    return path


def load(path: Path) -> Experiment:
    """The experiment that ``save`` wrote to ``path``, equal to the one that was saved.

    Raises:
        ArtefactMissing: There is no such file.
        FormatUnknown: It was written by another version, in a format that this one does not read.
        ArtefactCorrupt: It is no experiment, or differs from what was saved.
    """
    try:
        envelope: Json = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ArtefactMissing(f"{path}: no such file; expected a saved experiment") from error
    except ValueError as error:
        raise ArtefactCorrupt(f"{path}: not JSON ({error}); expected a saved experiment; run it again") from error
    if not isinstance(envelope, dict) or "format" not in envelope:
        raise ArtefactCorrupt(f"{path}: no 'format'; expected a saved experiment")
    if envelope["format"] != FORMAT:
        raise FormatUnknown(f"{path}: format {envelope['format']!r}; expected {FORMAT}; use the version that wrote it")
    record = envelope.get("record")
    if fingerprint(record) != envelope.get("record_sha256"):
        raise ArtefactCorrupt(f"{path}: the record differs from its sha256; expected the file as saved; run it again")
    return _experiment(record, path)


def _checked_inputs(inputs: Mapping[str, Json], own: Mapping[str, Json]) -> dict[str, Json]:
    """``inputs`` with ``own`` added, as they will read back from JSON; refused before an hour of searching."""
    for key, value in own.items():
        if key in inputs and inputs[key] != value:
            raise InvalidInput(f"input {key!r} is {inputs[key]!r}; expected {value!r}, or leave it out")
    merged = {**inputs, **own}
    try:
        read_back: Json = json.loads(canonical_json(merged))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"the inputs are not JSON ({error}); expected strings, numbers, lists and dicts") from error
    if not isinstance(read_back, dict) or read_back != merged:
        raise InvalidInput("the inputs read back from JSON differ; expected string keys, lists and finite numbers")
    return read_back


def _search_all(
    queryset: QuerySet, searcher: Searcher, *, mode: str, k: int, after_each: Callable[[], None]
) -> tuple[Run, list[float]]:
    run: Run = {}
    latencies_ms: list[float] = []
    for query_id, text in queryset.queries.items():
        started = time.perf_counter()
        chat = queryset.chats.get(query_id)
        ids = searcher(text, k=k, mode=mode) if chat is None else searcher(text, k=k, mode=mode, chat=chat)
        latencies_ms.append((time.perf_counter() - started) * 1000)
        if len(ids) > k:
            raise InvalidInput(
                f"query {query_id!r} in mode {mode!r} returned {len(ids)} documents, the first too many is {ids[k]!r}; "
                f"expected at most {k}"
            )
        try:
            run[query_id] = run_from_ranking(ids)
        except InvalidInput as error:
            raise InvalidInput(f"query {query_id!r} in mode {mode!r}: {error}") from error
        after_each()
    return run, latencies_ms


def _mode_result(scores: Scores, latencies_ms: Sequence[float]) -> ModeResult:
    p50, p95, p99 = (float(value) for value in np.percentile(latencies_ms, [50, 95, 99]))
    return ModeResult(means=scores.means, per_query=scores.per_query, latency=Latency(p50, p95, p99))


def _experiment(record: Json, path: Path) -> Experiment:
    try:
        modes = {
            mode: ModeResult(result["means"], result["per_query"], Latency(**result["latency"]))
            for mode, result in record["modes"].items()
        }
        created_at = datetime.fromisoformat(record["created_at"])
        return Experiment(**{**record, "modes": modes, "created_at": created_at})
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ArtefactCorrupt(f"{path}: the record is not an experiment ({error}); run it again") from error
