"""What a compiled embedding model says of itself: how near it is to its weights, and what int8 costs, both measured."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from tokenizers import Tokenizer

from indexing.errors import ParityLost
from indexing.models.embedder import MIN_COSINE, OnnxEmbedder
from indexing.models.onnx_export import WITHOUT
from indexing.models.parity_texts import CANONICAL_TEXTS, PARITY_PAIRS, PARITY_TEXTS
from indexing.models.registry import TOKENIZER_FILE, Prompts
from indexing.records import Json, Vectors
from indexing.storage.store import Draft


@dataclass(frozen=True, slots=True)
class Expected:
    """What the library that the weights were made for says of a model.

    ``vectors`` are float32 of shape (texts, dimension), rows of unit norm: those of ``PARITY_TEXTS`` as documents.
    """

    max_tokens: int
    prompts: Prompts
    vectors: Vectors


def describe_embedding(draft: Draft, expected: Expected) -> dict[str, Json]:
    """Everything a model version says of itself, parity and golden effect measured on the files just written.

    Raises:
        ParityLost: the fp32 form does not reproduce the expected vectors.
    """
    embedders = _embedders(draft, expected)
    questions = [pair[0] for pair in PARITY_PAIRS]
    vectors = {precision: embedder.encode_passages(PARITY_TEXTS) for precision, embedder in embedders.items()}
    cosines = {
        precision: float(np.min(np.sum(found * expected.vectors, axis=1))) for precision, found in vectors.items()
    }
    if not cosines["fp32"] >= MIN_COSINE:
        raise ParityLost(
            f"The compiled fp32 form reproduces the weights only to cosine {cosines['fp32']:.4f} (expected at least"
            f" {MIN_COSINE}): the model is not registered. Some module may not survive ONNX export."
        )
    answers = {precision: found[-len(PARITY_PAIRS) :] for precision, found in vectors.items()}
    golden = {
        precision: _parity_effect(
            np.stack([embedder.encode_query(question) for question in questions]), answers[precision]
        )
        for precision, embedder in embedders.items()
    }
    overlap = _overlap(vectors["fp32"], vectors["int8"], len(PARITY_PAIRS))
    return {
        "dimension": embedders["fp32"].dimension,
        "max_tokens": expected.max_tokens,
        "without": list(WITHOUT),
        "prompts": asdict(expected.prompts),
        "normalisation": "l2",
        "parity": {"cosine_min": cosines, "golden": {**golden, "top3_overlap": overlap}},
        "canonical": {precision: _canonical(found) for precision, found in vectors.items()},
    }


def _embedders(draft: Draft, expected: Expected) -> dict[str, OnnxEmbedder]:
    tokenizer = Tokenizer.from_file(str(draft.path / TOKENIZER_FILE))
    return {
        precision: OnnxEmbedder(
            draft.path / f"{precision}.onnx",
            tokenizer,
            max_tokens=expected.max_tokens,
            sessions=1,
            query_prompt=expected.prompts.query,
            document_prompt=expected.prompts.document,
            without=WITHOUT,
        )
        for precision in ("fp32", "int8")
    }


def _canonical(found: Vectors) -> dict[str, Sequence[float]]:
    """The vectors of the canonical texts, which lead the parity texts, as JSON."""
    return {text: [round(float(x), 7) for x in vector] for text, vector in zip(CANONICAL_TEXTS, found, strict=False)}


def _parity_effect(questions: Vectors, answers: Vectors) -> dict[str, float]:
    """How well each question finds its answer among all answers: accuracy at 1 and mean reciprocal rank."""
    similarities = questions @ answers.T
    own = np.diag(similarities)[:, None]
    ranks = 1 + np.sum(similarities > own, axis=1)
    return {"accuracy_at_1": float(np.mean(ranks == 1)), "mrr": float(np.mean(1.0 / ranks))}


def _overlap(one: Vectors, other: Vectors, pairs: int) -> float:
    """The share of each question's three nearest answers that both forms agree on, averaged."""
    nearest = [np.argsort(-(found[-2 * pairs : -pairs] @ found[-pairs:].T), axis=1)[:, :3] for found in (one, other)]
    return float(np.mean([len(set(a) & set(b)) / 3 for a, b in zip(*nearest, strict=True)]))
