"""The metrics of ragas, the only importer of it: over our judge and our embedder, and each score as it gives it.

Import it when something is measured: it loads langchain and the packages of several vendors, some three seconds' work.
"""

import asyncio
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from eval.judging.judge import Judge
from eval.judging.samples import Sample
from indexing.errors import ServiceFailed
from indexing.models.embedder import Embedder
from indexing.records import Json, fingerprint
from indexing.settings import forbid_ragas_tracking

forbid_ragas_tracking()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of langchain's and ragas's own parts; the collections lack these six
    from ragas import SingleTurnSample
    from ragas.embeddings.base import BaseRagasEmbedding
    from ragas.llms.base import InstructorBaseRagasLLM
    from ragas.metrics import (
        IDBasedContextPrecision,
        IDBasedContextRecall,
        NonLLMContextPrecisionWithReference,
        NonLLMContextRecall,
        NonLLMStringSimilarity,
    )
    from ragas.metrics.collections import AnswerRelevancy, ContextPrecisionWithReference, Faithfulness
    from ragas.metrics.collections.answer_relevancy.util import AnswerRelevancePrompt
    from ragas.metrics.collections.context_precision.util import ContextPrecisionPrompt
    from ragas.metrics.collections.faithfulness.util import NLIStatementPrompt, StatementGeneratorPrompt

RAGAS_VERSION = version("ragas")
"""Goes into every judgement: another version may ask otherwise."""


class RagasJudge(InstructorBaseRagasLLM):  # type: ignore[misc] # ragas is not typed
    """What ragas takes for its model: our judge, for one sample and one metric."""

    def __init__(self, judge: Judge, sample: Sample) -> None:
        """Ask ``judge`` about ``sample``."""
        self._judge, self._sample = judge, sample
        self._asked: Counter[str] = Counter()

    def generate(self, prompt: str, response_model: Any) -> Any:
        """As ``agenerate``, where no event loop runs."""
        return asyncio.run(self.agenerate(prompt, response_model))

    async def agenerate(self, prompt: str, response_model: Any) -> Any:
        """The model's reply as a ``response_model``; a prompt that is asked again gets another reply."""
        draw = self._asked[prompt]
        self._asked[prompt] += 1
        return await self._judge.ask(self._sample, prompt, response_model, draw)


class RagasEmbedder(BaseRagasEmbedding):  # type: ignore[misc] # ragas is not typed
    """What ragas takes for its embedding model: ours, of whose questions it compares the vectors."""

    def __init__(self, embedder: Embedder) -> None:
        """Encode with ``embedder``."""
        super().__init__()
        self._embedder = embedder

    def embed_text(self, text: str, **_: Any) -> list[float]:
        """The vector of a question."""
        return [float(value) for value in self._embedder.encode_query(text)]

    async def aembed_text(self, text: str, **_: Any) -> list[float]:
        """The vector of a question; it takes a few milliseconds, so it is made here and now."""
        return self.embed_text(text)


class _AllStatements(Faithfulness):  # type: ignore[misc] # ragas is not typed
    """Faithfulness over every statement: a judge that leaves some out would otherwise decide over the rest alone."""

    async def _create_verdicts(self, statements: list[str], context: str) -> Any:
        verdicts = await super()._create_verdicts(statements, context)
        if len(verdicts.statements) != len(statements):
            raise ServiceFailed(
                f"The judge gave {len(verdicts.statements)} verdicts about {len(statements)} statements;"
                " expected one for each."
            )
        return verdicts


class _Untracked:
    """Scores a sample as ragas does, without the event and the file in the user's folder that it makes beside it."""

    async def untracked(self, sample: SingleTurnSample) -> float:
        return float(await self._single_turn_ascore(sample, None))  # type: ignore[attr-defined] # of ragas's class


class _IdPrecision(_Untracked, IDBasedContextPrecision):  # type: ignore[misc]
    pass


class _IdRecall(_Untracked, IDBasedContextRecall):  # type: ignore[misc]
    pass


class _TextPrecision(_Untracked, NonLLMContextPrecisionWithReference):  # type: ignore[misc]
    pass


class _TextRecall(_Untracked, NonLLMContextRecall):  # type: ignore[misc]
    pass


class _Similarity(NonLLMStringSimilarity):  # type: ignore[misc]
    async def single_turn_ascore(self, sample: SingleTurnSample, callbacks: Any = None, timeout: Any = None) -> float:
        return float(await self._single_turn_ascore(sample, callbacks))


@dataclass(frozen=True, slots=True)
class Means:
    """What a metric may use: a judge and an embedder, where there are such."""

    judge: Judge | None = None
    embedder: Embedder | None = None

    def model(self, sample: Sample) -> RagasJudge:
        """The judge for a sample.

        Raises:
            ValueError: there is none.
        """
        if self.judge is None:
            raise ValueError("a metric asks a judge, and there is none")
        return RagasJudge(self.judge, sample)

    def vectors(self) -> RagasEmbedder:
        """The embedder.

        Raises:
            ValueError: there is none.
        """
        if self.embedder is None:
            raise ValueError("a metric compares vectors, and there is no embedder")
        return RagasEmbedder(self.embedder)


async def _offline(sample: Sample, name: str) -> float:
    row = SingleTurnSample(
        retrieved_contexts=_list(sample.contexts),
        retrieved_context_ids=_list(sample.context_ids),
        reference_contexts=_list(sample.reference_contexts),
        reference_context_ids=_list(sample.reference_context_ids),
    )
    return await _OFFLINE[name]().untracked(row)


def _list(texts: Sequence[str] | None) -> list[str] | None:
    return None if texts is None else list(texts)


async def _faithfulness(sample: Sample, means: Means) -> float:
    metric = _AllStatements(llm=means.model(sample))
    found = await metric.ascore(
        user_input=sample.question, response=sample.answer, retrieved_contexts=list(sample.contexts or ())
    )
    return float(found.value)


async def _answer_relevancy(sample: Sample, means: Means) -> float:
    metric = AnswerRelevancy(llm=means.model(sample), embeddings=means.vectors())
    return float((await metric.ascore(user_input=sample.question, response=sample.answer)).value)


async def _context_precision(sample: Sample, means: Means) -> float:
    metric = ContextPrecisionWithReference(llm=means.model(sample))
    found = await metric.ascore(
        user_input=sample.question, reference=sample.reference, retrieved_contexts=list(sample.contexts or ())
    )
    return float(found.value)


_OFFLINE: Mapping[str, Callable[[], _Untracked]] = {
    "id_context_precision": _IdPrecision,
    "id_context_recall": _IdRecall,
    "text_context_precision": lambda: _TextPrecision(distance_measure=_Similarity()),
    "text_context_recall": lambda: _TextRecall(_distance_measure=_Similarity()),
}
_PROMPTS = {
    "faithfulness": (StatementGeneratorPrompt, NLIStatementPrompt),
    "answer_relevancy": (AnswerRelevancePrompt,),
    "context_precision": (ContextPrecisionPrompt,),
}
_JUDGED: Mapping[str, Callable[[Sample, Means], Awaitable[float]]] = {
    "faithfulness": _faithfulness,
    "answer_relevancy": _answer_relevancy,
    "context_precision": _context_precision,
}


async def score(name: str, sample: Sample, means: Means) -> float:
    """What ragas measures of a sample, NaN where it determines nothing.

    Args:
        name: One of ``eval.judging.metrics.METRICS``.
        sample: Holds what the metric needs.
        means: Hold what the metric asks.

    Raises:
        BudgetSpent, ServiceFailed: the judge could not be asked, or gave no usable answer.
        ValueError: the sample or the means lack something.
    """
    return await (_JUDGED[name](sample, means) if name in _JUDGED else _offline(sample, name))


def prompt_fingerprints() -> dict[str, str]:
    """By judged metric the sha256 of its prompts: their words, their examples and the records they ask for."""
    return {name: fingerprint([_words(prompt) for prompt in prompts]) for name, prompts in _PROMPTS.items()}


def _words(prompt: Any) -> Json:
    examples = [[one.model_dump() for one in example] for example in prompt.examples]
    return [prompt.instruction, examples, prompt.output_model.model_json_schema()]
