"""The model registry: model versions as frozen data, their files as artefacts, their lineage as facts.

A model version is written once and never changed. Its files are ``fp32.onnx``, ``int8.onnx`` and ``tokenizer.json``; a
reranker whose int8 form orders otherwise has none.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from tokenizers import Tokenizer

from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.models import insert_model, model_rows, newest_model_version
from indexing.errors import ArtefactCorrupt, InvalidInput, NotFound
from indexing.features.views import ModelFiles
from indexing.records import Json, JsonFields, StoredFile, files_from_json
from indexing.storage.store import Artefact, ArtefactKind, Storage

KIND = ArtefactKind(
    "models",
    remedy="Restore its folder from a backup, or register the model again as a new version and build with it.",
    may_be_restored=True,
)
TOKENIZER_FILE = "tokenizer.json"
EMBEDDING, RERANKER = "embedding", "reranker"
"""What models are for; a manifest that does not say is an embedding model's."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """What an embedding model has put before a text that it encodes."""

    query: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """Everything known of a model version.

    ``canonical`` holds, for each precision, what a machine must reproduce: vectors by text of an embedding model,
    scores of pairs of a reranker. ``without`` names what the runtime must not optimise. ``parity`` and ``lineage`` are
    what was measured and told at registration, shown and never computed with. ``rest`` holds what a newer version may
    have written beside these. Optional fields are ``None`` where the stored manifest does not have them.
    """

    files: Mapping[str, StoredFile]
    max_tokens: int
    canonical: Mapping[str, Json]
    kind: str | None = None
    dimension: int | None = None
    prompts: Prompts | None = None
    precisions: tuple[str, ...] | None = None
    without: tuple[str, ...] | None = None
    parity: Mapping[str, Json] | None = None
    lineage: Mapping[str, Json] | None = None
    rest: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what ``to_json`` gave.

        Raises:
            ValueError: it is something else.
        """
        fields = JsonFields(value)
        prompts = fields.take_if_there("prompts", dict)
        precisions, without = (fields.take_if_there(name, list) for name in ("precisions", "without"))
        return cls(
            files=files_from_json(fields.take("files", dict)),
            max_tokens=fields.take("max_tokens", int),
            canonical=fields.take("canonical", dict),
            kind=fields.take_if_there("kind", str),
            dimension=fields.take_if_there("dimension", int),
            prompts=None if prompts is None else _prompts(prompts),
            precisions=None if precisions is None else tuple(precisions),
            without=None if without is None else tuple(without),
            parity=fields.take_if_there("parity", dict),
            lineage=fields.take_if_there("lineage", dict),
            rest=fields.rest(),
        )

    def to_json(self) -> dict[str, Json]:
        """This as JSON, without what it does not have."""
        stored = {
            "kind": self.kind,
            "dimension": self.dimension,
            "max_tokens": self.max_tokens,
            "without": None if self.without is None else list(self.without),
            "precisions": None if self.precisions is None else list(self.precisions),
            "prompts": None if self.prompts is None else asdict(self.prompts),
            "parity": self.parity,
            "canonical": self.canonical,
            "lineage": self.lineage,
            "files": {name: file.to_json() for name, file in self.files.items()},
            **self.rest,
        }
        return {name: value for name, value in stored.items() if value is not None}


def _prompts(value: Json) -> Prompts:
    fields = JsonFields(value)
    prompts = Prompts(fields.take("query", str), fields.take("document", str))
    fields.end()
    return prompts


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """An embedding model or a reranker as frozen data; ``id`` is ``name@version``."""

    name: str
    version: int
    manifest: ModelManifest
    created_at: str

    @property
    def id(self) -> str:
        """How recipes and people name it."""
        return f"{self.name}@{self.version}"

    @property
    def kind(self) -> str:
        """``embedding`` or ``reranker``; a manifest that does not say is an embedding model's."""
        return self.manifest.kind or EMBEDDING

    @property
    def prompts(self) -> Prompts:
        """What stands before queries and documents; a reranker has none."""
        return self.manifest.prompts or Prompts()

    @property
    def without(self) -> tuple[str, ...]:
        """Optimisations that the runtime must leave out."""
        return self.manifest.without or ()

    @property
    def files(self) -> ModelFiles:
        """What of an embedding model can change a value.

        Raises:
            InvalidInput: it is none.
        """
        require_kind(self, EMBEDDING)
        sha256 = {name: file.sha256 for name, file in self.manifest.files.items()}
        return ModelFiles(
            tokenizer_sha256=sha256[TOKENIZER_FILE],
            onnx_sha256={precision: sha256[f"{precision}.onnx"] for precision in ("fp32", "int8")},
            max_tokens=self.manifest.max_tokens,
            document_prompt=self.prompts.document,
        )


def model_version(name: str, version: int, manifest: Json, created_at: str) -> ModelVersion:
    """A model version with its manifest read from JSON.

    Raises:
        ArtefactCorrupt: the manifest is damaged.
    """
    try:
        return ModelVersion(name, version, ModelManifest.from_json(manifest), created_at)
    except ValueError as error:
        raise ArtefactCorrupt(
            f"model {name}@{version}: its manifest is damaged ({error}). Restore the home from a backup, or register"
            " the model again as a new version and build with it."
        ) from error


class ModelRegistry:
    """Reads and writes model versions; the catalogue numbers them, the store holds their files."""

    def __init__(self, catalogue: Database, storage: Storage) -> None:
        self._catalogue = catalogue
        self._storage = storage

    def registering(self) -> AbstractContextManager[None]:
        """Hold this for a registration: two at once would take the same number.

        Raises:
            AlreadyRunning: another process is registering a model.
        """
        return self._storage.lock("models", "registration")

    def next_version(self, name: str) -> int:
        """The number that the next version of ``name`` gets.

        Raises:
            InvalidInput: the name holds anything but letters, digits, ``.``, ``_`` and ``-``.
        """
        if not name or not all(c.isalnum() or c in "._-" for c in name) or name[0] in ".-":
            raise InvalidInput(f"{name!r} is not a model name: expected letters, digits, '.', '_' and '-'.")
        return newest_model_version(self._catalogue, name) + 1

    def add(self, name: str, version: int, artefact: Artefact) -> ModelVersion:
        """Record a published model artefact as ``name@version``; its manifest is the artefact's facts and files."""
        manifest = {**artefact.info, "files": artefact.files}
        created_at = utc_now()
        model = model_version(name, version, manifest, created_at)
        insert_model(self._catalogue, name, version, json.dumps(manifest), created_at)
        return model

    def list(self) -> list[ModelVersion]:
        """All model versions, oldest first."""
        return [
            model_version(row["name"], row["version"], json.loads(row["manifest"]), row["created_at"])
            for row in model_rows(self._catalogue)
        ]

    def get(self, model_id: str) -> ModelVersion:
        """The model version ``name@version``; ``name`` alone means its newest.

        Raises:
            NotFound: there is none.
        """
        versions = self.list()
        matches = [version for version in versions if model_id in (version.id, version.name)]
        if not matches:
            known = ", ".join(version.id for version in versions) or "none yet"
            raise NotFound(f"No model {model_id!r}; registered: {known}. See 'groundwork models register --help'.")
        return max(matches, key=lambda version: version.version)

    def files(self, model_id: str) -> Artefact:
        """The files of the model version ``name@version``.

        Raises:
            ArtefactMissing, ArtefactCorrupt: as ``Storage.open``.
        """
        return self._storage.open(KIND, model_id)

    def copy_from(self, other: "ModelRegistry") -> Sequence[str]:
        """Take over every model version of another home that this one lacks (hard links where possible)."""
        known = {model.id for model in self.list()}
        missing = [model for model in other.list() if model.id not in known]
        for model in missing:
            source = other.files(model.id)
            self._storage.delete(KIND, model.id)  # without a row, it is what a crash left
            with self._storage.publish(KIND, model.id) as draft:
                draft.info.update(source.info)
                for name in source.files:
                    _link_or_copy(source.path / name, draft.path / name)
            self.add(model.name, model.version, self.files(model.id))
        return [model.id for model in missing]


def require_kind(model: ModelVersion, kind: str) -> None:
    """Let a model on that is for what it is wanted for.

    Raises:
        InvalidInput: it is for something else.
    """
    if model.kind != kind:
        raise InvalidInput(
            f"Model {model.id} is of kind {model.kind!r}, expected {kind!r}: see 'groundwork models list'."
        )


def stored_model(storage: Storage, model_id: str) -> ModelVersion:
    """A model version from its artefact alone, for a worker that sees no catalogue.

    Raises:
        ArtefactMissing, ArtefactCorrupt: its files are not what the manifest promises.
    """
    artefact = storage.open(KIND, model_id)
    name, _, version = model_id.rpartition("@")
    return model_version(name, int(version), {**artefact.info, "files": artefact.files}, "")


def load_tokenizer(storage: Storage, model: ModelVersion) -> Tokenizer:
    """The model's tokenizer with truncation and padding off, for sizing passages.

    Raises:
        ArtefactMissing, ArtefactCorrupt: its files are not what the manifest promises.
    """
    tokenizer = Tokenizer.from_file(str(storage.open(KIND, model.id).path / TOKENIZER_FILE))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        target.write_bytes(source.read_bytes())
