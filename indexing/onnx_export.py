"""From a torch module to ONNX, fp32 and int8, without a word on the screen. Compilers use it."""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

OPSET = 17
_QUIET = ("torch.onnx", "onnxruntime.quantization", "root")


def export_onnx(
    module: "torch.nn.Module", inputs: "Mapping[str, torch.Tensor]", output: str, folder: Path, *, first: str = "texts"
) -> None:
    """Write ``fp32.onnx`` and ``int8.onnx`` of a module into a folder.

    Args:
        module: Takes the inputs in their order, shape (``first``, tokens), and gives one tensor.
        inputs: An example of each input, by the name it gets.
        output: What the output is called.
        folder: Where the files go.
        first: What the first axis of the inputs counts.
    """
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

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
        # One scale a channel instead of one a matrix: cosine to fp32 0.995 instead of 0.934 at the same speed and size
        # (60 SciFact abstracts, benchmarks/results/quality.json shows what it means for nDCG).
        quantize_dynamic(folder / "fp32.onnx", folder / "int8.onnx", weight_type=QuantType.QInt8, per_channel=True)


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
