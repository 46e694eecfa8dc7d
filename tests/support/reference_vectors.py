"""Writes what ``indexing.models.stored_reference`` reads, with the real sentence-transformers.

Run ``python -m tests.support.reference_vectors`` when the parity texts or the default model's package change.
"""

import base64
import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from indexing.models.compiler import DEFAULT_MODEL, locate_model
from indexing.models.parity_texts import PARITY_TEXTS
from indexing.models.sentence_transformer_compiler import expected_of, load_sentence_transformer
from indexing.models.stored_reference import REFERENCE_FILE

LIBRARIES = ("sentence-transformers", "transformers", "torch", "tokenizers")
NOT_READ = {".gitattributes", "README.md", "data_config.json"}


def main() -> None:
    folder = Path(locate_model(DEFAULT_MODEL)[0])
    expected = expected_of(load_sentence_transformer(str(folder)))
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in NOT_READ)
    value = {
        "model": f"{DEFAULT_MODEL} {version(DEFAULT_MODEL)}",
        "source": "SentenceTransformer(model).encode(texts, normalize_embeddings=True), float32 in base64; the texts"
        " are ours (indexing/models/parity_texts.py). Made by python -m tests.support.reference_vectors.",
        "libraries": {name: version(name) for name in LIBRARIES},
        "files": {
            str(path.relative_to(folder)): [path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()]
            for path in found
        },
        "max_tokens": expected.max_tokens,
        "prompts": {"query": expected.prompts.query, "document": expected.prompts.document},
        "vectors": {
            text: base64.b64encode(vector.astype("<f4").tobytes()).decode()
            for text, vector in zip(PARITY_TEXTS, expected.vectors, strict=True)
        },
    }
    REFERENCE_FILE.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
