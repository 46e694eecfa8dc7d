"""What needs torch and finds none says so by name, with the command to run, and leaves nothing behind."""

import sys

import pytest

from indexing.errors import NotReady
from indexing.models.compiler import register_model
from indexing.models.onnx_export import require_torch
from indexing.models.registry import EMBEDDING, KIND, RERANKER


@pytest.mark.parametrize("package", ["torch", "sentence_transformers", "onnx"])
@pytest.mark.parametrize(("kind", "marker"), [(EMBEDDING, "modules.json"), (RERANKER, "config.json")])
def test_a_model_that_needs_torch_is_refused_by_name_where_it_is_not_installed(
    home, tmp_path, monkeypatch, package, kind, marker
):
    folder = tmp_path / "my-model"
    folder.mkdir()
    (folder / marker).write_text("{}")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        NotReady, match=rf"my-model needs {package}, .*'make models'.*pip install 'groundwork\[models\]'"
    ):
        register_model(home.models, home.storage, str(folder), kind=kind)
    assert home.models.list() == []
    assert not list((home.path / KIND).glob("*"))


def test_torch_is_not_loaded_where_there_is_too_little_memory_for_it(monkeypatch):
    monkeypatch.setattr("indexing.process_start.container_limit_mb", lambda: 800)
    with pytest.raises(NotReady, match="compiling my-model needs at least 1,600 MiB of memory"):
        require_torch("compiling my-model")
