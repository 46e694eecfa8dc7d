"""The compiler's half for embedding models of any kind: sentence-transformers' modules to ONNX by way of torch."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from tokenizers import Tokenizer

from indexing.errors import InvalidInput
from indexing.models.onnx_export import export_onnx, quiet, require_torch
from indexing.models.parity import Expected
from indexing.models.parity_texts import PARITY_TEXTS
from indexing.models.registry import TOKENIZER_FILE, Prompts
from indexing.settings import forbid_hub_downloads

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


_BATCH = 4
"""Texts that the weights encode at once: all of a batch are padded to its longest, and one of the parity texts is. Of
the default model's 65 texts, 0.7 s of CPU instead of the 3.9 s of batches of 32. Our choice."""


def load_sentence_transformer(folder: str) -> "SentenceTransformer":
    """An embedding model with its weights.

    Raises:
        NotReady: torch is not installed, or may not have the memory it takes.
        InvalidInput: the folder (or hub name) cannot be loaded.
    """
    require_torch(f"compiling {folder}")
    if Path(folder).is_dir():
        forbid_hub_downloads()
    from sentence_transformers import SentenceTransformer

    with quiet():
        try:
            return SentenceTransformer(folder, device="cpu", model_kwargs={"attn_implementation": "eager"})
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise InvalidInput(f"{folder} cannot be loaded by sentence-transformers: {error}") from error


def compile_sentence_transformer(model: "SentenceTransformer", folder: Path) -> None:
    """Write ``fp32.onnx``, ``int8.onnx`` and ``tokenizer.json``: tokens in, one unit vector out, pooling inside."""
    import torch

    class Pipeline(torch.nn.Module):  # type: ignore[misc] # torch is not type-checked here
        """All modules of the sentence-transformer in one graph, normalised at the end."""

        def __init__(self) -> None:
            super().__init__()
            self.stages = model

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            features = dict(zip(names, inputs, strict=True))
            for stage in self.stages:
                features = stage(features)
            return torch.nn.functional.normalize(features["sentence_embedding"], dim=1)

    sample = model.tokenizer(["canonical vector"], return_tensors="pt")
    names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in sample]
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    export_onnx(Pipeline(), {name: sample[name] for name in names}, "sentence_embedding", folder, config=config)
    Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str()).save(str(folder / TOKENIZER_FILE))


def expected_of(model: "SentenceTransformer") -> Expected:
    """What sentence-transformers says of a model, its vectors computed with the weights."""
    prompts = {kind: model.prompts.get(kind) or "" for kind in ("query", "document")}
    made = model.encode(
        list(PARITY_TEXTS),
        prompt=prompts["document"],
        batch_size=_BATCH,
        normalize_embeddings=True,
        show_progress_bar=False,
    )
    return Expected(int(model.max_seq_length or 512), Prompts(**prompts), np.asarray(made, np.float32))
