"""The arithmetic of a process: whether another gives the same scores to the bit for the same query and documents."""

import hashlib

import numpy as np

from indexing.indexes.exact_index import inner_products
from indexing.models.embedder import Embedder
from indexing.models.reranker import RerankerModel

_PROBES = ("why was my card declined", "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. " * 3)
"""Texts that a model is tried with: a short and a longer one."""
_ROWS, _DIMENSION = 37, 96
"""Of the vectors that inner products are tried with: neither a multiple of what a library adds up at a time."""
_DIGEST_BYTES = 16
"""Of the digest: that of two machines whose results differ is the same by chance once in 2**64."""


def arithmetic_of(embedder: Embedder, reranker: RerankerModel | None = None) -> str:
    """A digest of what the model, the libraries and the processor make of fixed inputs, 32 hexadecimal digits.

    Processes with another one, such as on another kind of processor, may give scores that differ in their last bits.
    ``embedder`` is the encoder itself, not one that remembers what another process encoded.
    """
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for text in _PROBES:
        digest.update(embedder.encode_query(text).tobytes())
    chance = np.random.default_rng(0)
    vectors = chance.standard_normal((_ROWS, _DIMENSION), np.float32)
    products = inner_products(vectors, vectors[0])
    digest.update(products.tobytes())
    digest.update(np.exp(products / np.float32(_DIMENSION)).tobytes())
    if reranker is not None:
        digest.update(np.float64(reranker.score(*_PROBES)).tobytes())
    return digest.hexdigest()
