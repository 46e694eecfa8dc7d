"""A reranker that is real but tiny: a few kilobytes of ONNX that give each token of a pair a number and add them up."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from indexing.home import Home
from indexing.models.parity_texts import CANONICAL_TEXTS
from indexing.models.registry import KIND, RERANKER, TOKENIZER_FILE, ModelVersion
from indexing.models.reranker import OnnxReranker
from tests.support.tiny_model import FORMS, MAX_TOKENS, tiny_tokenizer


def _write_onnx(path: Path, tokens: int, seed: int) -> None:
    """The sum of a random number a token."""
    table = np.random.default_rng(seed).standard_normal(tokens, np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["numbers"]),
            helper.make_node("ReduceSum", ["numbers", "axes"], ["logit"], keepdims=0),
        ],
        "tiny-reranker",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["pairs", "tokens"])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["pairs"])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1], np.int64), "axes")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def add_reranker(home: Home, name: str = "cross") -> ModelVersion:
    """Register the tiny reranker in a home, without torch; its two forms score differently."""
    version, tokenizer = home.models.next_version(name), tiny_tokenizer()
    with home.storage.publish(KIND, f"{name}@{version}") as draft:
        tokenizer.save(str(draft.path / TOKENIZER_FILE))
        canonical = {}
        for seed, form in enumerate(FORMS):
            path = draft.path / f"{form}.onnx"
            _write_onnx(path, tokenizer.get_vocab_size(), seed)
            reranker = OnnxReranker(path, tokenizer, max_tokens=MAX_TOKENS, sessions=1)
            canonical[form] = [
                {"query": CANONICAL_TEXTS[0], "passage": text, "score": reranker.score(CANONICAL_TEXTS[0], text)}
                for text in CANONICAL_TEXTS
            ]
        draft.info.update(
            kind=RERANKER,
            max_tokens=MAX_TOKENS,
            precisions=list(FORMS),
            parity={"difference_max": {form: 0.0 for form in FORMS}, "int8_correlation": 1.0, "golden": {}},
            canonical=canonical,
            lineage={"licence": "Apache-2.0", "source": "tests"},
        )
    return home.models.add(name, version, home.storage.open(KIND, f"{name}@{version}"))
