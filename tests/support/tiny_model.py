"""A model that is real but tiny: a few kilobytes of ONNX that give each token a direction and add them up."""

import itertools
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing

from indexing.home import Home
from indexing.models.embedder import OnnxEmbedder
from indexing.models.parity_texts import CANONICAL_TEXTS
from indexing.models.registry import KIND, TOKENIZER_FILE, ModelVersion
from indexing.records import Json

DIMENSION, MAX_TOKENS = 16, 64
FORMS = ("fp32", "int8")


def tiny_tokenizer() -> Tokenizer:
    """Pairs of letters, single characters, and what is unknown."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map("".join, itertools.product(letters, letters))]
    names += map(chr, range(33, 127))
    names += [f"##{name}" for name in names[4:]]
    tokenizer = Tokenizer(WordPiece({name: i for i, name in enumerate(dict.fromkeys(names))}, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def write_onnx(path: Path, tokens: int, seed: int) -> None:
    """The normalised sum of a random direction a token."""
    table = np.random.default_rng(seed).standard_normal((tokens, DIMENSION), np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
            helper.make_node("ReduceSum", ["rows", "axes"], ["sum"], keepdims=0),
            helper.make_node("LpNormalization", ["sum"], ["sentence_embedding"], axis=1, p=2),
        ],
        "tiny",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "tokens"])],
        [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["texts", DIMENSION])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1], np.int64), "axes")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.fixture(scope="session")
def tiny_files() -> Mapping[str, bytes]:
    """The three files of the tiny model; its two forms differ, so that vectors tell by which they were made."""
    tokenizer = tiny_tokenizer()
    files = {TOKENIZER_FILE: tokenizer.to_str().encode()}
    with tempfile.TemporaryDirectory() as folder:
        for seed, precision in enumerate(FORMS):
            path = Path(folder) / f"{precision}.onnx"
            write_onnx(path, tokenizer.get_vocab_size(), seed)
            files[path.name] = path.read_bytes()
    return files


def add_tiny(
    home: Home,
    files: Mapping[str, bytes],
    name: str = "tiny",
    canonical: Json = None,
    max_tokens: int = MAX_TOKENS,
) -> ModelVersion:
    """Register the tiny model's ``files`` in a home; with more ``max_tokens``, texts make fewer passages."""
    version = home.models.next_version(name)
    with home.storage.publish(KIND, f"{name}@{version}") as draft:
        for file, content in files.items():
            (draft.path / file).write_bytes(content)
        draft.info.update(
            dimension=DIMENSION,
            max_tokens=max_tokens,
            prompts={"query": "", "document": ""},
            normalisation="l2",
            parity={"cosine_min": {"fp32": 1.0, "int8": 1.0}},
            canonical=canonical
            or {form: _canonical(files[TOKENIZER_FILE], files[f"{form}.onnx"], max_tokens) for form in FORMS},
            lineage={"licence": "Apache-2.0", "source": "tests"},
        )
    return home.models.add(name, version, home.storage.open(KIND, f"{name}@{version}"))


@pytest.fixture
def register_tiny(tiny_files: Mapping[str, bytes]) -> Callable[..., ModelVersion]:
    """Registers the tiny model in a home: ``register_tiny(home, name="tiny", canonical=None)``."""

    def register(home: Home, name: str = "tiny", canonical: Json = None) -> ModelVersion:
        return add_tiny(home, tiny_files, name, canonical)

    return register


@cache
def _canonical(tokenizer_json: bytes, onnx_form: bytes, max_tokens: int) -> dict[str, list[float]]:
    """What the model gives for the canonical texts: worked out once a process, since each takes 7 ms of CPU."""
    tokenizer = Tokenizer.from_buffer(tokenizer_json)
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(onnx_form)
        file.flush()
        embedder = OnnxEmbedder(Path(file.name), tokenizer, max_tokens=max_tokens, sessions=1)
        vectors = embedder.encode_passages(list(CANONICAL_TEXTS))
    return dict(zip(CANONICAL_TEXTS, vectors.astype(float).tolist(), strict=True))


@pytest.fixture
def tiny_home(home: Home, register_tiny: Callable[..., ModelVersion]) -> Home:
    """A fresh home in which the tiny model is registered as ``tiny@1``."""
    register_tiny(home)
    return home
