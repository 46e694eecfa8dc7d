"""Pairs of a query and a passage to scores, by a compiled reranker: one pair a run, like texts in the embedder.

The score is the cross-encoder's logit; a higher one is better, and its range is the model's own.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from tokenizers import Tokenizer

from indexing.errors import ModelMismatch
from indexing.models.embedder import encodable
from indexing.models.onnx_sessions import OnnxSessions
from indexing.models.registry import KIND, RERANKER, ModelVersion, load_tokenizer, require_kind
from indexing.storage.store import Storage

MAX_DIFFERENCE = 0.05
"""How far a logit may be from its canonical value. Source: our choice; it moves a score by 0.0125 at most."""


class RerankerModel(Protocol):
    """What reranking needs of a model. Safe to share between threads."""

    def score(self, query: str, passage: str) -> float:
        """The logit of a pair; what is beyond the model's limit is cut from the longer of the two."""
        ...


class OnnxReranker:
    """A ``RerankerModel`` over a compiled model: a tokenizer and one ONNX file that gives ``logit``."""

    def __init__(
        self, onnx_path: Path, tokenizer: Tokenizer, *, max_tokens: int, sessions: int, without: Sequence[str] = ()
    ) -> None:
        """Open ``sessions`` single-threaded sessions over ``onnx_path``; ``without`` as ``OnnxSessions``."""
        self._tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens, strategy="longest_first")
        self._sessions = OnnxSessions(onnx_path, sessions, without)

    def score(self, query: str, passage: str) -> float:
        """See ``RerankerModel``; the same pair always gives the same bits on one machine."""
        return float(self._sessions.run(self._tokenizer.encode(encodable(query), encodable(passage))))


def check_scores(reranker: RerankerModel, canonical: Sequence[Mapping[str, str | float]], name: str) -> float:
    """Prove that this machine scores as the machine did that registered the model.

    Args:
        reranker: The reranker under test.
        canonical: Pairs with their logits as stored in the model version: ``query``, ``passage``, ``score``.
        name: The model version and precision, for the message.

    Returns:
        The largest difference found.

    Raises:
        ModelMismatch: a difference is above 0.05, or no number.
    """
    differences = [
        abs(reranker.score(str(pair["query"]), str(pair["passage"])) - float(pair["score"])) for pair in canonical
    ]
    largest = float(np.max(differences))
    if not largest <= MAX_DIFFERENCE:
        raise ModelMismatch(
            f"{name} gives other scores on this machine than where it was registered (off by {largest:.4f}, expected at"
            f" most {MAX_DIFFERENCE}): its arithmetic differs. Use its fp32 form, or register the model here."
        )
    return largest


def load_reranker(storage: Storage, model: ModelVersion, precision: str, *, sessions: int) -> OnnxReranker:
    """A reranker, loaded and proved on this machine by its canonical scores.

    Raises:
        InvalidInput: the model is no reranker, or has no such form.
        ArtefactMissing, ArtefactCorrupt: its files are not what the manifest promises.
        ModelMismatch: this machine's arithmetic differs; the message names the remedy.
    """
    require_kind(model, RERANKER)
    reranker = OnnxReranker(
        storage.open(KIND, model.id).path / f"{precision}.onnx",
        load_tokenizer(storage, model),
        max_tokens=model.manifest.max_tokens,
        sessions=sessions,
        without=model.without,
    )
    check_scores(reranker, model.manifest.canonical[precision], f"{model.id} {precision}")
    return reranker


def verify_reranker(storage: Storage, model: ModelVersion) -> dict[str, float]:
    """Check the sha256 of every file and the canonical scores; gives the largest difference of each form.

    Raises:
        InvalidInput, ArtefactMissing, ArtefactCorrupt, ModelMismatch: as ``load_reranker``.
    """
    storage.verify(KIND, model.id)
    return {
        precision: check_scores(
            load_reranker(storage, model, precision, sessions=1), canonical, f"{model.id} {precision}"
        )
        for precision, canonical in model.manifest.canonical.items()
    }
