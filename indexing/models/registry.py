"""The model registry: model versions as frozen data, their files as artefacts, their lineage as facts.

A model version is written once and never changed. Its files are ``fp32.onnx``, ``int8.onnx`` and ``tokenizer.json``; a
reranker whose int8 form orders otherwise has none.
"""

import json
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.models import insert_model, model_rows, newest_model_version
from indexing.errors import InvalidInput, NotFound
from indexing.features.views import ModelFiles
from indexing.records import Json
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
class ModelVersion:
    """An embedding model or a reranker as frozen data.

    ``manifest`` holds everything known of it; ``id`` is ``name@version``.
    """

    name: str
    version: int
    manifest: dict[str, Json]
    created_at: str

    @property
    def id(self) -> str:
        """How recipes and people name it."""
        return f"{self.name}@{self.version}"

    @property
    def kind(self) -> str:
        """``embedding`` or ``reranker``."""
        return str(self.manifest.get("kind", EMBEDDING))

    @property
    def files(self) -> ModelFiles:
        """What of an embedding model can change a value.

        Raises:
            InvalidInput: it is none.
        """
        require_kind(self, EMBEDDING)
        sha256 = {name: entry["sha256"] for name, entry in self.manifest["files"].items()}
        return ModelFiles(
            tokenizer_sha256=sha256[TOKENIZER_FILE],
            onnx_sha256={precision: sha256[f"{precision}.onnx"] for precision in ("fp32", "int8")},
            max_tokens=self.manifest["max_tokens"],
            document_prompt=self.manifest["prompts"]["document"],
        )


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
        insert_model(self._catalogue, name, version, json.dumps(manifest), created_at)
        return ModelVersion(name, version, manifest, created_at)

    def list(self) -> list[ModelVersion]:
        """All model versions, oldest first."""
        return [
            ModelVersion(row["name"], row["version"], json.loads(row["manifest"]), row["created_at"])
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

    def copy_from(self, other: "ModelRegistry") -> Sequence[str]:
        """Take over every model version of another home that this one lacks (hard links where possible)."""
        known = {model.id for model in self.list()}
        missing = [model for model in other.list() if model.id not in known]
        for model in missing:
            source = other._storage.open(KIND, model.id)
            self._storage.delete(KIND, model.id)  # without a row, it is what a crash left
            with self._storage.publish(KIND, model.id) as draft:
                draft.info.update(source.info)
                for name in source.files:
                    _link_or_copy(source.path / name, draft.path / name)
            self.add(model.name, model.version, self._storage.open(KIND, model.id))
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
    return ModelVersion(name, int(version), {**artefact.info, "files": artefact.files}, "")


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
