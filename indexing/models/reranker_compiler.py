"""The compiler's half for rerankers: a cross-encoder's weights to ONNX, with proof that both score pairs alike."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from tokenizers import Tokenizer

from indexing.errors import InvalidInput, ParityLost
from indexing.models.onnx_export import WITHOUT, export_onnx, quiet, require_torch
from indexing.models.parity_texts import CANONICAL_TEXTS, PARITY_PAIRS
from indexing.models.registry import RERANKER, TOKENIZER_FILE
from indexing.models.reranker import OnnxReranker
from indexing.records import Json
from indexing.settings import forbid_hub_downloads
from indexing.storage.store import Draft

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

MAX_DIFFERENCE = 1e-3
"""How far the fp32 form's logits may be from the weights', for each unit of their spread, which is the model's own.
Our choice."""
MIN_CORRELATION = 0.99
"""Of the int8 form's logits with the weights'; below it the form is left out. Source: our choice."""
_WRONG = 7
"""Every parity question is scored with its answer and with the answer so many places on. Our choice."""


def load_cross_encoder(folder: str) -> "CrossEncoder":
    """A cross-encoder with one score a pair.

    Raises:
        NotReady: torch is not installed, or may not have the memory it takes.
        InvalidInput: the folder (or hub name) cannot be loaded, or gives several scores.
    """
    require_torch(f"compiling {folder}")
    if Path(folder).is_dir():
        forbid_hub_downloads()
    from sentence_transformers import CrossEncoder

    with quiet():
        try:
            model = CrossEncoder(folder, device="cpu", model_kwargs={"attn_implementation": "eager"})
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise InvalidInput(f"{folder} cannot be loaded as a cross-encoder: {error}") from error
    if model.num_labels != 1:
        raise InvalidInput(f"{folder} gives {model.num_labels} scores a pair: expected a cross-encoder that gives one.")
    return model


def compile_cross_encoder(model: "CrossEncoder", folder: Path) -> None:
    """Write ``fp32.onnx``, ``int8.onnx`` and ``tokenizer.json``: tokens of a pair in, one logit out."""
    import torch

    class Logit(torch.nn.Module):  # type: ignore[misc] # torch is not type-checked here
        """The classifier without its activation."""

        def __init__(self) -> None:
            super().__init__()
            self.classifier = model.model

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            return self.classifier(**dict(zip(names, inputs, strict=True))).logits[:, 0]

    sample = model.tokenizer([["canonical", "score"]], return_tensors="pt")
    names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in sample]
    inputs = {name: sample[name] for name in names}
    export_onnx(Logit(), inputs, "logit", folder, config=model.model.config, first="pairs")
    Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str()).save(str(folder / TOKENIZER_FILE))


def describe_cross_encoder(model: "CrossEncoder", draft: Draft) -> dict[str, Json]:
    """Everything a reranker says of itself; an int8 form that orders pairs otherwise is deleted.

    Raises:
        ParityLost: the fp32 form does not reproduce the weights.
    """
    import torch

    max_tokens = int(model.max_seq_length or 512)
    pairs = [(CANONICAL_TEXTS[place - 1], text) for place, text in enumerate(CANONICAL_TEXTS)]
    canonical = len(pairs)
    pairs += list(PARITY_PAIRS)
    pairs += [
        (question, PARITY_PAIRS[(place + _WRONG) % len(PARITY_PAIRS)][1])
        for place, (question, _) in enumerate(PARITY_PAIRS)
    ]
    reference = np.array(  # one by one: a batch is padded, which moves the last digits
        [float(model.predict([pair], activation_fn=torch.nn.Identity(), show_progress_bar=False)[0]) for pair in pairs]
    )
    tokenizer = Tokenizer.from_file(str(draft.path / TOKENIZER_FILE))
    logits = {}
    for precision in ("fp32", "int8"):
        reranker = OnnxReranker(
            draft.path / f"{precision}.onnx", tokenizer, max_tokens=max_tokens, sessions=1, without=WITHOUT
        )
        logits[precision] = np.array([reranker.score(*pair) for pair in pairs])
    differences = {name: float(np.max(np.abs(found - reference))) for name, found in logits.items()}
    if not differences["fp32"] <= MAX_DIFFERENCE * max(1.0, float(np.std(reference))):
        raise ParityLost(
            f"The compiled fp32 form reproduces the weights' scores only to {differences['fp32']:.4f}: the model is not"
            " registered. It may cut long texts or treat pairs in a way that does not survive ONNX export."
        )
    correlation = _correlation(logits["int8"], reference)
    if not correlation >= MIN_CORRELATION:
        (draft.path / "int8.onnx").unlink()
        del logits["int8"]
    return {
        "kind": RERANKER,
        "max_tokens": max_tokens,
        "without": list(WITHOUT),
        "precisions": list(logits),
        "parity": {
            "difference_max": differences,
            "int8_correlation": correlation,
            "golden": {name: _accuracy(found[canonical:]) for name, found in logits.items()},
        },
        "canonical": {
            name: [
                {"query": query, "passage": passage, "score": round(float(score), 6)}
                for (query, passage), score in zip(pairs[:canonical], found, strict=False)
            ]
            for name, found in logits.items()
        },
    }


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's; 0 where either does not vary."""
    return float(np.corrcoef(one, other)[0, 1]) if np.std(one) > 0 and np.std(other) > 0 else 0.0


def _accuracy(logits: np.ndarray) -> float:
    """The share of parity questions whose own answer has a higher score than another's."""
    own, wrong = np.split(logits, 2)
    return float(np.mean(own > wrong))
