"""Sessions: a compiled model run one text at a time, single-threaded. This module alone runs ONNX Runtime."""

import queue
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

if TYPE_CHECKING:
    import onnxruntime


class OnnxSessions:
    """Single-threaded sessions over one ONNX file; each run borrows one. Safe to share between threads."""

    def __init__(self, path: Path, count: int, without: Sequence[str] = ()) -> None:
        """Open ``count`` sessions over ``path``, ``without`` some of ONNX Runtime's optimisations."""
        self._sessions: queue.LifoQueue[onnxruntime.InferenceSession] = queue.LifoQueue()
        opened = [_open(path, without) for _ in range(count)]
        for session in opened:
            self._sessions.put(session)
        self._inputs = [item.name for item in opened[0].get_inputs()]

    def run(self, encoding: Encoding) -> NDArray[np.float32]:
        """The model's only output for one encoded text or pair; the same one gives the same bits on one machine."""
        values = {
            "input_ids": encoding.ids,
            "attention_mask": encoding.attention_mask,
            "token_type_ids": encoding.type_ids,
        }
        feeds = {name: np.array([values[name]], np.int64) for name in self._inputs}
        session = self._sessions.get()
        try:
            output: NDArray[np.float32] = session.run(None, feeds)[0][0]
        finally:
            self._sessions.put(session)
        return output


def _open(path: Path, without: Sequence[str]) -> "onnxruntime.InferenceSession":
    import onnxruntime  # starts a thread, and takes time that commands which encode nothing need not

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"], disabled_optimizers=list(without) or None
    )
