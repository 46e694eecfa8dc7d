"""What is stored of the default model is used for exactly that model and no other."""

from pathlib import Path

import numpy as np
import pytest

from indexing.models.compiler import DEFAULT_MODEL, locate_model
from indexing.models.stored_reference import stored_reference


@pytest.fixture
def copied(tmp_path):
    """A folder whose files are those of the default model."""
    folder = Path(locate_model(DEFAULT_MODEL)[0])
    for path in folder.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(folder)
            copy.parent.mkdir(exist_ok=True)
            copy.symlink_to(path)
    return tmp_path


def test_the_same_files_elsewhere_are_the_same_model(copied):
    reference = stored_reference(copied)
    assert reference.expected.vectors.dtype == np.float32
    assert reference.expected.vectors.shape[1] == 384
    np.testing.assert_allclose(np.linalg.norm(reference.expected.vectors, axis=1), 1.0, atol=1e-5)
    assert {"sentence-transformers", "torch"} <= reference.libraries.keys()


@pytest.mark.parametrize("name", ["config.json", "1_Pooling/config.json", "tokenizer.json", "modules.json"])
def test_a_model_with_one_other_file_is_another_model(copied, name):
    text = (copied / name).read_text()
    (copied / name).unlink()
    (copied / name).write_text(text.replace('"', "'", 1))  # of the same size
    assert stored_reference(copied) is None


def test_a_folder_that_lacks_a_file_is_another_model(copied):
    (copied / "model.safetensors").unlink()
    assert stored_reference(copied) is None
