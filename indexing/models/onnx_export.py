"""What compilers share: a torch module to ONNX, fp32 to int8, without a word on the screen."""

import contextlib
import importlib.util
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from indexing.errors import NotReady
from indexing.process_start import REGISTERING, require_memory

if TYPE_CHECKING:
    import onnx
    import torch

OPSET = 17
"""The version of ONNX's operators; 17 is the first with LayerNormalization as one node."""
WITHOUT = ("SkipLayerNormFusion",)
"""What sessions are to do without: ONNX Runtime's fused node takes five times as long as the two that it stands for."""
_QUIET = ("torch.onnx", "onnxruntime.quantization", "onnxruntime.transformers", "root")


def require_torch(what: str) -> None:
    """Go on only where torch and what loads models with it are installed and have the memory that they take.

    Raises:
        NotReady: they are not, or have not; the message names the package, or the limit.
    """
    for package in ("torch", "sentence_transformers", "onnx"):
        if importlib.util.find_spec(package) is None:
            raise NotReady(
                f"{what[:1].upper()}{what[1:]} needs {package}, which is not installed here: run 'make models' in a"
                " checkout, elsewhere pip install 'groundwork[models]'. Only the default model is compiled without it;"
                " docs/operations.md says how to take torch's build for CPUs, which is much smaller."
            )
    require_memory(REGISTERING, what)


def export_onnx(
    module: "torch.nn.Module",
    inputs: "Mapping[str, torch.Tensor]",
    output: str,
    folder: Path,
    *,
    config: object = None,
    first: str = "texts",
) -> None:
    """Write ``fp32.onnx`` and ``int8.onnx`` of a module into a folder.

    Args:
        module: Takes the inputs in their order, shape (``first``, tokens), and gives one tensor.
        inputs: An example of each input, by the name it gets.
        output: What the output is called.
        folder: Where the files go.
        config: The transformer's, where it has one: it says how many heads its attention has.
        first: What the first axis of the inputs counts.
    """
    import torch

    names = list(inputs)
    with quiet(), torch.no_grad():
        # The TorchScript exporter: the newer one needs a further package and gains nothing for these graphs.
        torch.onnx.export(
            module.eval(),
            tuple(inputs[name] for name in names),
            str(folder / "fp32.onnx"),
            input_names=names,
            output_names=[output],
            dynamic_axes={name: {0: first, 1: "tokens"} for name in names},
            opset_version=OPSET,
            dynamo=False,
        )
        _fuse_attention(folder / "fp32.onnx", config)
    write_int8(folder)


def write_int8(folder: Path) -> None:
    """Write ``int8.onnx`` of a folder's ``fp32.onnx``.

    One scale a channel instead of one a matrix: cosine to fp32 0.995 instead of 0.934 at the same speed and size (60
    SciFact abstracts, benchmarks/results/quality.json shows what it means for nDCG).
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with quiet():
        quantize_dynamic(
            folder / "fp32.onnx",
            folder / "int8.onnx",
            weight_type=QuantType.QInt8,
            per_channel=True,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},  # which fused nodes do not say
        )


def mark(model: "onnx.ModelProto") -> None:
    """Say in the file itself how it is to be run: who runs the same graph in another way gets other bits."""
    model.metadata_props.add(key="groundwork.without", value=" ".join(WITHOUT))


def _fuse_attention(path: Path, config: object) -> None:
    """Make one node of each attention, GELU and layer norm, where config and graph look like BERT's.

    An attention takes the place of some forty small nodes. The larger fusions, left out here, make one text slower.
    """
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    options = FusionOptions("bert")
    options.enable_skip_layer_norm = options.enable_bias_skip_layer_norm = False
    options.enable_embed_layer_norm = options.enable_bias_gelu = False
    heads, size = getattr(config, "num_attention_heads", None), getattr(config, "hidden_size", None)
    options.enable_attention = isinstance(heads, int) and isinstance(size, int) and size % heads == 0
    sizes = {"num_heads": heads, "hidden_size": size} if options.enable_attention else {}
    fused = optimize_model(str(path), "bert", **sizes, optimization_options=options, opt_level=0)
    mark(fused.model)
    fused.save_model_to_file(str(path))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporters' notices off the screen; errors still come through."""
    levels = {name: logging.getLogger(name).level for name in _QUIET}
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stderr(_Discard()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


class _Discard:
    """A text stream that keeps nothing."""

    def write(self, text: str) -> int:
        """Drop ``text``."""
        return len(text)

    def flush(self) -> None:
        """Nothing to do."""

    def isatty(self) -> bool:
        """No terminal."""
        return False
