"""Judging samples: each under each metric, a few at a time, with every outcome one of measured, failed, unmeasured."""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from functools import partial

from eval.datasets.chat_client import ATTEMPTS, CONCURRENCY, TIMEOUT_SECONDS, ChatClient, Completion, Endpoint
from eval.datasets.model_calls import ModelCalls
from eval.judging.judge import Judge, KeptReplies
from eval.judging.judgement import FAILED, MEASURED, UNMEASURED, JudgedSample, Judgement, Outcome, summarise
from eval.judging.metrics import ANSWER_RELEVANCY, Metric
from eval.judging.samples import Sample, samples_fingerprint
from indexing.catalogue.database import utc_now
from indexing.errors import BudgetSpent, InvalidInput, ServiceFailed
from indexing.home import Home
from indexing.models.embedder import Embedder
from indexing.records import Json

OnProgress = Callable[[int], None]
"""Told how many samples are done."""
BUDGET_SPENT = "the budget was spent"
NO_JUDGE = "no judge is configured"
NO_EMBEDDER = "no embedding model is registered"
PURPOSE = "judged"
"""What the ledger says of the calls."""
UNDETERMINED = "nothing to judge was found in it"
"""Why ragas gives no number: an answer in which the judge saw no statement."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom to ask and how much: ``budget`` in requests, ``None`` for any number; no endpoint asks no one."""

    endpoint: Endpoint | None = None
    budget: int | None = None
    concurrency: int = CONCURRENCY
    timeout_seconds: float = TIMEOUT_SECONDS
    attempts: int = ATTEMPTS


def judge_samples(
    home: Home,
    samples: Sequence[Sample],
    metrics: Sequence[Metric],
    *,
    asking: Asking = Asking(),
    embedder: Embedder | None = None,
    inputs: Json = None,
    on_progress: OnProgress = lambda done: None,
) -> Judgement:
    """Judge samples. What a judge said is kept in the home, so that the same run goes on where it ended.

    Call it, and save what it gives, with ``JUDGE_LOCK`` held, so that no erasure runs between the two.

    Args:
        home: Whose catalogue keeps the replies.
        samples: What is judged, at least one.
        metrics: What is measured of each.
        asking: Whom to ask, for the metrics that ask.
        embedder: Compares questions, for ``answer_relevancy``.
        inputs: Where the samples come from, for the record.
        on_progress: Told of each sample.

    Raises:
        InvalidInput: there is no sample.
    """
    if not samples:
        raise InvalidInput("No sample to judge; expected at least one.")
    judged, costs = asyncio.run(_Run(home, metrics, asking, embedder, on_progress).judge(samples))
    from eval.judging.ragas_metrics import RAGAS_VERSION, prompt_fingerprints

    is_asked = asking.endpoint is not None and any(metric.is_judged for metric in metrics)
    return Judgement(
        made_at=utc_now(),
        inputs={
            **(inputs or {}),
            "samples": samples_fingerprint(samples),
            "metrics": [metric.name for metric in metrics],
            "ragas": RAGAS_VERSION,
            "model": asking.endpoint.model if is_asked and asking.endpoint is not None else None,
            "prompts": {name: one for name, one in prompt_fingerprints().items() if name in {m.name for m in metrics}},
        },
        costs=costs,
        summaries=tuple(
            summarise(metric.name, (one.outcomes[metric.name] for one in judged), low=metric.low, high=metric.high)
            for metric in metrics
        ),
        samples=tuple(judged),
    )


class _Run:
    """One run over samples."""

    def __init__(
        self, home: Home, metrics: Sequence[Metric], asking: Asking, embedder: Embedder | None, on_progress: OnProgress
    ) -> None:
        self._home = home
        self._metrics, self._asking, self._embedder, self._on_progress = metrics, asking, embedder, on_progress
        self._replies, self._judge, self._done = KeptReplies(home), None, 0
        # A sample is finished before the next begins, so that a budget that ends leaves few half done.
        self._slots = asyncio.Semaphore(asking.concurrency)

    async def judge(self, samples: Sequence[Sample]) -> tuple[list[JudgedSample], dict[str, int]]:
        """Every sample in the order given, and what it cost."""
        async with AsyncExitStack() as stack:
            client, endpoint, asking = None, self._asking.endpoint, self._asking
            judge: Judge | None = None
            if endpoint is not None:
                client = await stack.enter_async_context(
                    ChatClient(
                        endpoint,
                        budget=asking.budget,
                        concurrency=asking.concurrency,
                        timeout_seconds=asking.timeout_seconds,
                        attempts=asking.attempts,
                    )
                )
                calls = stack.enter_context(ModelCalls(self._home, PURPOSE, endpoint.model))
                judge = Judge(client, self._replies, partial(self._record, calls))
            judged = await asyncio.gather(*(self._one(sample, judge) for sample in samples))
            costs = {} if client is None or judge is None else {**asdict(client.usage), **asdict(judge.counts)}
        return list(judged), costs

    def _record(self, calls: ModelCalls, sample: Sample, completion: Completion) -> None:
        calls.record(completion, sample.partition, self._replies.user_hash(sample))

    async def _one(self, sample: Sample, judge: Judge | None) -> JudgedSample:
        async with self._slots:
            outcomes = {metric.name: await self._outcome(sample, metric, judge) for metric in self._metrics}
        self._done += 1
        self._on_progress(self._done)
        user_hash = self._replies.user_hash(sample)
        return JudgedSample(sample.id, sample.partition, tuple(sorted(sample.documents)), user_hash, outcomes)

    async def _outcome(self, sample: Sample, metric: Metric, judge: Judge | None) -> Outcome:
        from eval.judging.ragas_metrics import Means, score

        lacks = metric.lacking(sample)
        if lacks is None and metric.is_judged:
            lacks = self._lacking(metric, judge)
        if lacks is not None:
            return Outcome(UNMEASURED, reason=lacks)
        try:
            found = await score(metric.name, sample, Means(judge, self._embedder))
        except BudgetSpent:
            return Outcome(UNMEASURED, reason=BUDGET_SPENT)
        except ServiceFailed as error:
            return Outcome(UNMEASURED if error.is_down else FAILED, reason=str(error))
        if math.isnan(found):
            return Outcome(UNMEASURED, reason=UNDETERMINED)
        within = metric.within(found)
        if within is None:
            return Outcome(FAILED, reason=f"a score of {found:g}, expected {metric.low:g} to {metric.high:g}")
        return Outcome(MEASURED, within)

    def _lacking(self, metric: Metric, judge: Judge | None) -> str | None:
        if judge is None:
            return NO_JUDGE
        return NO_EMBEDDER if metric.name == ANSWER_RELEVANCY and self._embedder is None else None
