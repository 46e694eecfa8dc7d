"""Text to vectors, the same offline and online: one text a run, in one single-threaded session a core.

On a CPU this is faster than batching, and the only way to be reproducible: dynamic int8 quantisation scales activations
per tensor, so in a mixed batch a text's vector depends on its neighbours.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from tokenizers import Tokenizer

from indexing.errors import ModelMismatch
from indexing.models.onnx_sessions import OnnxSessions
from indexing.models.registry import EMBEDDING, KIND, ModelVersion, load_tokenizer, require_kind
from indexing.records import Vector, Vectors
from indexing.storage.store import Storage

MIN_COSINE = 0.999
"""Cosine to a canonical vector below which a machine is not trusted. Our choice."""


class Embedder(Protocol):
    """What search and build need of a model. Safe to share between threads."""

    dimension: int

    @property
    def query_tokens(self) -> int | None:
        """Tokens, as ``count_tokens`` counts them, beyond which a query is cut; ``None``: never."""
        ...

    @property
    def passage_tokens(self) -> int | None:
        """Tokens beyond which a passage is cut."""
        ...

    def encode_query(self, text: str) -> Vector:
        """The unit vector of a query, its prompt added; text beyond the model's limit is cut."""
        ...

    def known(self, text: str) -> Vector | None:
        """What ``encode_query`` would give if that takes no time, since the vector is at hand, else ``None``."""
        ...

    def encode_passages(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        """The unit vectors of encoder inputs, in order; the same text always gives the same bits on one machine."""
        ...

    def count_tokens(self, text: str) -> int:
        """How many tokens the model's tokenizer makes of a text of any length, without special tokens."""
        ...


class OnnxEmbedder:
    """An ``Embedder`` over a compiled model: a tokenizer and one ONNX file that gives ``sentence_embedding``."""

    def __init__(
        self,
        onnx_path: Path,
        tokenizer: Tokenizer,
        *,
        max_tokens: int,
        sessions: int,
        query_prompt: str = "",
        document_prompt: str = "",
        without: Sequence[str] = (),
    ) -> None:
        """Open ``sessions`` single-threaded sessions over ``onnx_path``; ``without`` as ``OnnxSessions``."""
        self._tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.query_tokens, self.passage_tokens = (
            max_tokens - len(self._tokenizer.encode(prompt).ids) for prompt in (query_prompt, document_prompt)
        )
        self._tokenizer.enable_truncation(max_tokens)
        self._prompts = {"query": query_prompt, "document": document_prompt}
        self._sessions = OnnxSessions(onnx_path, sessions, without)
        self.session_count = sessions
        self.dimension = len(self._encode("dimension"))

    def encode_query(self, text: str) -> Vector:
        """See ``Embedder``."""
        return self._encode(self._prompts["query"] + text)

    def known(self, text: str) -> Vector | None:
        """See ``Embedder``."""
        return None

    def encode_passages(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        """See ``Embedder``; ``on_progress`` is told the number of texts done, from this thread."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        with ThreadPoolExecutor(self.session_count, thread_name_prefix="encode") as pool:
            encoded = pool.map(self._encode, (self._prompts["document"] + text for text in texts))
            for index, vector in enumerate(encoded):
                vectors[index] = vector
                if on_progress is not None:
                    on_progress(index + 1)
        return vectors

    def count_tokens(self, text: str) -> int:
        """See ``Embedder``."""
        encoding = self._tokenizer.encode(encodable(text), add_special_tokens=False)
        return len(encoding.ids) + sum(len(rest.ids) for rest in encoding.overflowing)

    def _encode(self, text: str) -> Vector:
        return self._sessions.run(self._tokenizer.encode(encodable(text)))


def encodable(text: str) -> str:
    """``text`` without halves of surrogate pairs: a Python string may hold them, and no tokenizer takes them."""
    return text.encode("utf-8", "replace").decode()


class HashingEmbedder:
    """A real, deterministic ``Embedder`` without a model: a signed random direction a word, summed and normalised.

    Texts that share words are close. For tests, and for measuring everything around the encoder.
    """

    query_tokens: int | None = None
    passage_tokens: int | None = None

    def __init__(self, dimension: int = 64) -> None:
        self.dimension = dimension

    def encode_query(self, text: str) -> Vector:
        """See ``Embedder``."""
        total = np.zeros(self.dimension, np.float32)
        for word in text.casefold().split():
            total += _direction(word, self.dimension)
        norm = float(np.linalg.norm(total))
        return total / np.float32(norm) if norm > 0 else np.eye(1, self.dimension, dtype=np.float32)[0]

    def known(self, text: str) -> Vector | None:
        """See ``Embedder``."""
        return self.encode_query(text)

    def encode_passages(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        """See ``Embedder``."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for index, text in enumerate(texts):
            vectors[index] = self.encode_query(text)
            if on_progress is not None:
                on_progress(index + 1)
        return vectors

    def count_tokens(self, text: str) -> int:
        """See ``Embedder``; a word is a token."""
        return len(text.split())


@lru_cache(maxsize=1 << 16)
def _direction(word: str, dimension: int) -> Vector:
    seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()[:8], "little")
    direction: Vector = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    direction.setflags(write=False)
    return direction


def check_canonical(embedder: Embedder, canonical: Mapping[str, Sequence[float]], name: str) -> float:
    """Prove that this machine computes what the machine that registered the model computed.

    Args:
        embedder: The embedder under test.
        canonical: Passages and their vectors as stored in the model version.
        name: The model version and precision, for the message.

    Returns:
        The smallest cosine found.

    Raises:
        ModelMismatch: a cosine is below 0.999.
    """
    vectors = embedder.encode_passages(list(canonical))
    expected = np.array(list(canonical.values()), np.float32)
    if vectors.shape != expected.shape:
        raise ModelMismatch(f"{name} gives vectors of shape {vectors.shape}, registered were {expected.shape}.")
    smallest = float(np.min(np.sum(vectors * expected, axis=1)))
    longest = float(np.max(np.abs(np.linalg.norm(vectors, axis=1) - 1.0)))
    if not (smallest >= MIN_COSINE and longest <= 1.0 - MIN_COSINE):
        raise ModelMismatch(
            f"{name} gives other vectors on this machine than where it was registered (cosine {smallest:.4f}, expected"
            f" at least {MIN_COSINE}; length off by {longest:.4f}): its arithmetic differs."
            " Build with --precision fp32, or register the model here."
        )
    return smallest


def load_embedder(storage: Storage, model: ModelVersion, precision: str, *, sessions: int) -> OnnxEmbedder:
    """A model version, loaded and proved on this machine by its canonical vectors.

    Raises:
        InvalidInput: it is no embedding model.
        ArtefactMissing, ArtefactCorrupt: its files are not what the manifest promises.
        ModelMismatch: this machine's arithmetic differs; the message names the remedy.
    """
    embedder, _ = _proved(storage, model, precision, sessions)
    return embedder


def _proved(storage: Storage, model: ModelVersion, precision: str, sessions: int) -> tuple[OnnxEmbedder, float]:
    """See ``load_embedder``; also the smallest cosine to a canonical vector."""
    require_kind(model, EMBEDDING)
    embedder = OnnxEmbedder(
        storage.open(KIND, model.id).path / f"{precision}.onnx",
        load_tokenizer(storage, model),
        max_tokens=model.manifest.max_tokens,
        sessions=sessions,
        query_prompt=model.prompts.query,
        document_prompt=model.prompts.document,
        without=model.without,
    )
    return embedder, check_canonical(embedder, model.manifest.canonical[precision], f"{model.id} {precision}")


def verify_model(storage: Storage, model: ModelVersion) -> dict[str, float]:
    """Check the sha256 of every file and both forms' canonical vectors; gives the smallest cosine of each form.

    Raises:
        ArtefactMissing, ArtefactCorrupt, ModelMismatch: as ``load_embedder``.
    """
    storage.verify(KIND, model.id)
    return {precision: _proved(storage, model, precision, sessions=1)[1] for precision in model.manifest.canonical}
