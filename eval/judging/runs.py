"""Judging as people and schedules ask for it: a file of samples, a stored query set, or every stored set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from eval.datasets.chat_client import CONCURRENCY, endpoint_of
from eval.datasets.stored_sets import list_query_sets, read_query_set
from eval.judging.batches import Judging, judge_in_batches, judge_samples_in_batches
from eval.judging.judgement import Judgement
from eval.judging.judging import Asking
from eval.judging.metrics import ANSWER_RELEVANCY, Metric, metrics_named
from eval.judging.samples import read_samples
from indexing.catalogue.judge_replies import forget_replies_before
from indexing.errors import InvalidInput, NotFound, NotReady
from indexing.home import Home
from indexing.models.embedder import Embedder, load_embedder
from indexing.records import Json, moment_text
from indexing.releases.recipe_choices import recipe_in_service

REPLY_DAYS = 90
"""Days that a judge's reply is kept: a model behind one name changes within a season. Source: our choice."""
Progress = Callable[[str, int, int], None]
"""Told of a stage: how much is done, of how much."""


def _silent(stage: str, done: int, total: int) -> None:
    """Tell no one."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to judge: which metrics (all for none), how many requests at most and at once, and whom to tell."""

    names: tuple[str, ...] = ()
    budget: int | None = None
    concurrency: int = CONCURRENCY
    on_progress: Progress = _silent


def judge_file(home: Home, path: Path, options: Options = Options()) -> tuple[Judgement, Path]:
    """Judge the samples of a file, and save the judgement in the home; gives it and its file.

    Raises:
        SourceInvalid: the file cannot be read.
        InvalidInput: a metric is unknown, or asks a model and none is configured.
        AlreadyRunning: another process judges in this home, or erases from it.
    """
    samples, metrics = read_samples(path), metrics_named(options.names)
    return judge_samples_in_batches(home, samples, _how(home, metrics, options, len(samples), {"file": path.name}))


def judge_set(
    home: Home, name: str, options: Options = Options(), *, split: str = "test", k: int = 10, mode: str = "hybrid"
) -> tuple[Judgement, Path]:
    """Judge what the release in service finds for a stored query set, and save it; gives the judgement and its file.

    Args:
        home: Whose set and release.
        name: Which set.
        options: How to judge.
        split: ``train``, ``dev``, ``test`` or ``all``.
        k: How many documents to find for each query.
        mode: How to search: ``hybrid``, ``dense`` or ``lexical``.

    Raises:
        NotFound: there is no such set, or the release does not hold its collection.
        NotReady: nothing is released.
        InvalidInput, AlreadyRunning: as ``judge_file``.
    """
    metrics = metrics_named(options.names)  # before anything is searched
    query_set = read_query_set(home, name, split=None if split == "all" else split)
    how = _how(home, metrics, options, len(query_set.queries), {})
    return judge_in_batches(home, query_set, replace(how, k=k, mode=mode))


def judge_every_set(
    home: Home, *, budget: int | None = None, on_sample: Callable[[str, int], None] = lambda name, done: None
) -> Json:
    """Judge every stored query set, for a schedule; gives by name the means, or why there are none.

    Args:
        home: Whose sets.
        budget: Requests to the judge at most, of all sets together; ``None`` for any number.
        on_sample: Told of each set before it is judged, with 0, and of each sample of it that was.
    """
    found: dict[str, Json] = {}
    for stored in list_query_sets(home):
        on_sample(stored.name, 0)
        options = Options(budget=budget, on_progress=partial(_of_set, on_sample, stored.name))
        try:
            judgement, _ = judge_set(home, stored.name, options)
        except (InvalidInput, NotFound, NotReady) as error:  # nothing to judge by, not in the release, or that changed
            found[stored.name] = {"not_judged": str(error)}
        else:
            found[stored.name] = {one.metric: one.to_json() for one in judgement.summaries}
            budget = None if budget is None else max(0, budget - judgement.costs.get("requests", 0))
    return found


def _of_set(on_sample: Callable[[str, int], None], name: str, stage: str, done: int, total: int) -> None:
    on_sample(name, done)


def forget_old_replies(home: Home, now: datetime | None = None) -> int:
    """Forget what judges said more than ``REPLY_DAYS`` ago, for a schedule; gives how many replies that were.

    What is judged again after that is asked again.
    """
    before = (datetime.now(UTC) if now is None else now) - timedelta(days=REPLY_DAYS)
    return forget_replies_before(home.catalogue, moment_text(before))


def _how(home: Home, metrics: Sequence[Metric], options: Options, total: int, noted: Json) -> Judging:
    asking, embedder, model = _means(home, metrics, options)
    return Judging(
        *(metrics, asking, embedder, {**noted, "embedding_model": model}),
        on_progress=lambda done: options.on_progress("judging", done, total),
    )


def _means(home: Home, metrics: Sequence[Metric], options: Options) -> tuple[Asking, Embedder | None, str | None]:
    """Whom to ask, and what compares questions, with its id."""
    settings = home.settings
    # Without a judge the metrics that ask one stay unmeasured, unless one of them was asked for by name.
    is_wanted = settings.judge_url is not None or bool(options.names)
    is_judged = any(metric.is_judged for metric in metrics)
    endpoint = endpoint_of(settings) if is_wanted and is_judged else None
    embedder, model = _embedder(home, metrics) if endpoint is not None else (None, None)
    return Asking(endpoint, options.budget, options.concurrency), embedder, model


def _embedder(home: Home, metrics: Sequence[Metric]) -> tuple[Embedder | None, str | None]:
    """What compares questions: the model of the recipe in service, else the home's newest, and its id."""
    if all(metric.name != ANSWER_RELEVANCY for metric in metrics):
        return None, None
    try:
        recipe = recipe_in_service(home)
    except NotFound:
        return None, None
    model = home.models.get(recipe.model)
    return load_embedder(home.storage, model, recipe.embedding.precision, sessions=1), model.id
