"""A seeded slice of the comparison, with embedders whose difference is known."""

import numpy as np

from benchmarks.builds.compile_default import WAYS, compared, sampled
from indexing.models.embedder import HashingEmbedder


class Turned(HashingEmbedder):
    """Gives what ``HashingEmbedder`` gives, but one coordinate of each vector a little higher."""

    def encode_query(self, text):
        vector = super().encode_query(text).copy()
        vector[3] += np.float32(0.25)
        return vector


def test_forms_are_compared_with_the_same_form_of_the_other_way():
    one, other = WAYS
    embedders = {(way, "fp32"): HashingEmbedder() for way in WAYS} | {
        (one, "int8"): Turned(),
        (other, "int8"): HashingEmbedder(),
    }
    found = compared(embedders, sampled(12))
    assert (found["fp32"]["vectors equal to the bit"], found["fp32"]["largest difference of a coordinate"]) == (12, 0.0)
    assert found["int8"]["vectors equal to the bit"] == 0
    assert abs(found["int8"]["largest difference of a coordinate"] - 0.25) < 1e-6
    cosines = found["cosine of int8 to fp32 by way of torch"]
    assert cosines[other] == {"least": 1.0, "mean": 1.0}
    assert cosines[one]["least"] < 1.0


def test_the_sample_is_the_same_each_time_and_has_no_text_twice():
    found = sampled(200)
    assert found == sampled(200)
    assert len(set(found)) == 200
