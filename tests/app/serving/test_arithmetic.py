import numpy as np

from app.serving.arithmetic import arithmetic_of
from indexing.models.embedder import HashingEmbedder


class OtherBits(HashingEmbedder):
    def encode_query(self, text):
        return np.nextafter(super().encode_query(text), np.float32(1), dtype=np.float32)


class Scorer:
    def __init__(self, score):
        self.value = score

    def score(self, question, passage):
        return self.value


def test_the_same_model_gives_the_same_digest_and_any_other_bit_another():
    digests = [
        arithmetic_of(HashingEmbedder(16)),
        arithmetic_of(OtherBits(16)),
        arithmetic_of(HashingEmbedder(16), Scorer(0.5)),
        arithmetic_of(HashingEmbedder(16), Scorer(0.5000000001)),
    ]
    assert len(set(digests)) == 4
    assert arithmetic_of(HashingEmbedder(16)) == digests[0]
    assert all(len(one) == 32 for one in digests)
