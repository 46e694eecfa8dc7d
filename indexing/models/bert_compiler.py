"""The compiler's half for the default model: a BERT's configuration and weights to ONNX, without torch.

Every node stands where the exporter of torch and ONNX Runtime's optimizer put it (decision 26): one node an attention,
a GELU and a layer norm, so that the graph runs as fast as theirs and gives the same vectors.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from indexing.errors import InvalidInput
from indexing.models.onnx_export import OPSET, mark, write_int8
from indexing.models.registry import TOKENIZER_FILE

if TYPE_CHECKING:
    import onnx

_FUSED = "com.microsoft"
"""The domain of ONNX Runtime's own nodes."""
_IR_VERSION = 8
"""The file format of ONNX that goes with operators of version 17. Source: the table of versions in ONNX's documents."""
_LEAST_TOKENS, _LEAST_LENGTH = 1e-9, 1e-12
"""What a mean and a norm are divided by at least. Source: sentence-transformers' pooling, torch's ``normalize``."""


@dataclass(slots=True)
class _Graph:
    """Nodes and weights, in the order in which they were added; a node is named by what it gives."""

    nodes: "list[onnx.NodeProto]" = field(default_factory=list)
    weights: "list[onnx.TensorProto]" = field(default_factory=list)

    def weight(self, name: str, value: NDArray[np.generic] | np.generic) -> str:
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def add(self, kind: str, inputs: Sequence[str], output: str, *, domain: str = "", **attributes: object) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output


def compile_bert(source: Path, folder: Path) -> None:
    """Write ``fp32.onnx``, ``int8.onnx`` and ``tokenizer.json``: tokens in, one unit vector out, pooling inside.

    Args:
        source: Holds ``config.json``, ``model.safetensors`` and ``tokenizer.json`` of a BERT with mean pooling.
        folder: Where the files go.

    Raises:
        InvalidInput: the source holds another model than a BERT with GELU and absolute positions.
    """
    _write_graph(source, folder / "fp32.onnx")
    write_int8(folder)
    tokenizer = Tokenizer.from_file(str(source / TOKENIZER_FILE))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(folder / TOKENIZER_FILE))


def _write_graph(folder: Path, path: Path) -> None:
    """The fp32 graph: ids, mask and token types in, ``sentence_embedding`` out."""
    import onnx
    from onnx import TensorProto, helper

    config = json.loads((folder / "config.json").read_bytes())
    kind = (config["model_type"], config["hidden_act"], config.get("position_embedding_type", "absolute"))
    if kind != ("bert", "gelu", "absolute"):
        raise InvalidInput(f"{folder} holds {', '.join(kind)}: expected bert, gelu, absolute. Compile it with torch.")
    graph, weights = _Graph(), load_file(folder / "model.safetensors")
    hidden = _embeddings(graph, weights, config)
    mask = graph.add("Cast", ["attention_mask"], "mask_int32", to=TensorProto.INT32)
    lengths = graph.add("ReduceSum", [mask, graph.weight("axis_1", np.array([1]))], "lengths", keepdims=0)
    for place in range(config["num_hidden_layers"]):
        hidden = _layer(graph, weights, config, place, hidden, lengths)
    _pooled(graph, hidden)
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"]) for name in names]
    output = helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["texts", config["hidden_size"]])
    made = helper.make_graph(graph.nodes, "bert", inputs, [output], graph.weights)
    operators = [helper.make_opsetid("", OPSET), helper.make_opsetid(_FUSED, 1)]
    model = helper.make_model(made, opset_imports=operators, ir_version=_IR_VERSION, producer_name="groundwork")
    mark(model)
    onnx.save(model, path)


_Weights = dict[str, NDArray[np.float32]]


def _embeddings(graph: _Graph, weights: _Weights, config: dict[str, int]) -> str:
    """The sum of the rows of words, token types and positions, normalised."""
    tables = {
        name: graph.weight(f"embeddings.{name}", weights[f"embeddings.{name}_embeddings.weight"])
        for name in ("word", "token_type", "position")
    }
    positions = graph.weight("positions", np.arange(config["max_position_embeddings"])[None])
    zero, one, two = (graph.weight(f"number_{n}", np.array([n])) for n in range(3))
    shape = graph.add("Shape", ["input_ids"], "shape")
    tokens = graph.add("Slice", [shape, one, two], "token_count")
    places = graph.add("Slice", [positions, zero, tokens, one], "places")
    words = graph.add("Gather", [tables["word"], "input_ids"], "word_rows")
    types = graph.add("Gather", [tables["token_type"], "token_type_ids"], "token_type_rows")
    both = graph.add("Add", [words, types], "typed_words")
    rows = graph.add("Gather", [tables["position"], places], "position_rows")
    return _norm(graph, weights, config, "embeddings.LayerNorm", graph.add("Add", [both, rows], "placed_words"))


def _layer(graph: _Graph, weights: _Weights, config: dict[str, int], place: int, hidden: str, lengths: str) -> str:
    """Attention, then the two dense layers with GELU between, each added to what came in and normalised."""
    name = f"encoder.layer.{place}"
    parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
    matrix = np.concatenate([weights[f"{part}.weight"].T for part in parts], axis=1)
    bias = np.concatenate([weights[f"{part}.bias"] for part in parts])
    inputs = [hidden, graph.weight(f"{name}.qkv", matrix), graph.weight(f"{name}.qkv_bias", bias), lengths]
    seen = graph.add("Attention", inputs, f"{name}.attended", domain=_FUSED, num_heads=config["num_attention_heads"])
    told = _dense(graph, weights, f"{name}.attention.output.dense", seen)
    added = graph.add("Add", [told, hidden], f"{name}.attention.added")
    middle = _norm(graph, weights, config, f"{name}.attention.output.LayerNorm", added)
    wide = _dense(graph, weights, f"{name}.intermediate.dense", middle)
    bent = graph.add("Gelu", [wide], f"{name}.gelu", domain=_FUSED)
    narrow = _dense(graph, weights, f"{name}.output.dense", bent)
    added = graph.add("Add", [narrow, middle], f"{name}.added")
    return _norm(graph, weights, config, f"{name}.output.LayerNorm", added)


def _dense(graph: _Graph, weights: _Weights, name: str, given: str) -> str:
    matrix = graph.weight(f"{name}.weight", weights[f"{name}.weight"].T)
    bias = graph.weight(f"{name}.bias", weights[f"{name}.bias"])
    return graph.add("Add", [bias, graph.add("MatMul", [given, matrix], f"{name}.product")], f"{name}.output")


def _norm(graph: _Graph, weights: _Weights, config: dict[str, int], name: str, given: str) -> str:
    scale, bias = (graph.weight(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias"))
    epsilon = config["layer_norm_eps"]
    return graph.add("LayerNormalization", [given, scale, bias], f"{name}.output", axis=-1, epsilon=epsilon)


def _pooled(graph: _Graph, hidden: str) -> None:
    """The mean of the tokens that the mask lets through, at length 1."""
    from onnx import TensorProto

    last = graph.weight("axis_last", np.array([-1]))
    mask = graph.add("Unsqueeze", ["attention_mask", last], "mask_column")
    mask = graph.add("Cast", [mask], "mask_float", to=TensorProto.FLOAT)
    total = graph.add("ReduceSum", [graph.add("Mul", [hidden, mask], "masked"), "axis_1"], "total", keepdims=0)
    count = graph.add("ReduceSum", [mask, "axis_1"], "count", keepdims=0)
    tokens = graph.add("Clip", [count, graph.weight("least_tokens", np.float32(_LEAST_TOKENS))], "divisor")
    least = graph.weight("least_length", np.float32(_LEAST_LENGTH))
    # Twice, as where the model's own module is followed by the compiler's: the same vectors to the last bit.
    once = _unit(graph, graph.add("Div", [total, tokens], "mean"), least, "normalised")
    _unit(graph, once, least, "sentence_embedding")


def _unit(graph: _Graph, given: str, least: str, name: str) -> str:
    length = graph.add("ReduceL2", [given], f"{name}.length", axes=[-1], keepdims=1)
    return graph.add("Div", [given, graph.add("Clip", [length, least], f"{name}.divisor")], name)
