"""A reranker is registered only when its compiled form scores as its weights do, and is used as nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from indexing.commands.root import cli
from indexing.errors import ArtefactCorrupt, InvalidInput, ModelMismatch, ParityLost
from indexing.home import Home
from indexing.models.compiler import register_model
from indexing.models.embedder import load_embedder
from indexing.models.parity_texts import CANONICAL_TEXTS, PARITY_PAIRS
from indexing.models.registry import EMBEDDING, KIND, RERANKER, ModelVersion, stored_model
from indexing.models.reranker import check_scores, load_reranker, verify_reranker
from indexing.releases.recipe_choices import change_recipe, default_recipe
from indexing.releases.recipes import Recipe, Reranking
from tests.support.cross_encoders import make_cross_encoder

pytestmark = pytest.mark.model
PAIRS = [
    ("why was my card refused", "The bank declined it. " * 40),
    ("", ""),
    ("Größe 東京 \ud800", "a"),
    *PARITY_PAIRS[:5],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, model_home: Home) -> Path:
    return make_cross_encoder(tmp_path_factory.mktemp("cross") / "model", spread=0.3)


def register(home: Home, folder: Path) -> ModelVersion:
    return register_model(home.models, home.storage, str(folder), name="cross", kind=RERANKER)


def copied(home: Home, reranker_home: Home) -> ModelVersion:
    """The cross-encoder that was compiled once for the run."""
    home.models.copy_from(reranker_home.models)
    return home.models.get("cross")


def test_the_compiled_form_gives_the_scores_of_the_weights(home: Home, folder: Path) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    model = register(home, folder)
    reranker = load_reranker(home.storage, model, "fp32", sessions=1)
    weights = CrossEncoder(str(folder), device="cpu")
    for pair in PAIRS:
        known = tuple(text.encode("utf-8", "replace").decode() for text in pair)
        expected = weights.predict([known], activation_fn=torch.nn.Identity(), show_progress_bar=False)[0]
        assert reranker.score(*pair) == pytest.approx(float(expected), abs=1e-4)


def test_the_same_pair_gives_the_same_bits_in_every_session_and_every_time(home: Home, reranker_home: Home) -> None:
    model = copied(home, reranker_home)
    for precision in ("fp32", "int8"):
        one, other = (load_reranker(home.storage, model, precision, sessions=n) for n in (1, 2))
        assert [one.score(*pair) for pair in PAIRS] == [other.score(*pair) for pair in reversed(PAIRS)][::-1]


def test_a_version_says_what_it_is_and_what_compiling_cost(home: Home, reranker_home: Home) -> None:
    model = copied(home, reranker_home)
    assert (model.id, model.kind) == ("cross@1", RERANKER)
    assert stored_model(home.storage, "cross@1").kind == RERANKER
    manifest = model.manifest.to_json()
    assert (manifest["max_tokens"], manifest["precisions"]) == (96, ["fp32", "int8"])
    assert manifest["parity"]["difference_max"]["fp32"] < 1e-4
    assert 0.99 <= manifest["parity"]["int8_correlation"] < 1.0
    assert manifest["parity"]["golden"].keys() == manifest["canonical"].keys() == {"fp32", "int8"}
    assert len(manifest["canonical"]["fp32"]) == len(CANONICAL_TEXTS)
    assert manifest["lineage"]["kind"] == "folder"
    assert max(verify_reranker(home.storage, model).values()) < 1e-3


def test_an_int8_form_that_orders_otherwise_is_left_out(home: Home, tmp_path: Path, model_home: Home) -> None:
    model = register(home, make_cross_encoder(tmp_path / "flat", spread=0.1))
    assert model.manifest.precisions == ("fp32",)
    assert model.manifest.parity["int8_correlation"] < 0.99
    assert not (home.storage.open(KIND, model.id).path / "int8.onnx").exists()
    assert verify_reranker(home.storage, model).keys() == {"fp32"}


def test_one_whose_compiled_form_scores_otherwise_is_refused(home: Home, tmp_path: Path, model_home: Home) -> None:
    # It keeps the end of a long text; the compiled form keeps the beginning.
    with pytest.raises(ParityLost, match="only to"):
        register(home, make_cross_encoder(tmp_path / "left", cut="left", spread=0.3))
    assert home.models.list() == []
    assert home.storage.list(KIND) == []


def test_one_with_several_scores_a_pair_is_refused(home: Home, tmp_path: Path, model_home: Home) -> None:
    with pytest.raises(InvalidInput, match="gives 3 scores a pair"):
        register(home, make_cross_encoder(tmp_path / "three", labels=3))


def test_a_folder_without_a_model_is_refused(home: Home, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"holds no config\.json"):
        register(home, tmp_path)


def test_a_machine_that_scores_otherwise_is_told_so(home: Home, reranker_home: Home) -> None:
    reranker = load_reranker(home.storage, copied(home, reranker_home), "fp32", sessions=1)
    stored = [{"query": "a", "passage": "b", "score": reranker.score("a", "b") + 0.2}]
    with pytest.raises(ModelMismatch, match=r"off by 0\.2000.*fp32 form, or register"):
        check_scores(reranker, stored, "cross@1 int8")
    with pytest.raises(ModelMismatch):
        check_scores(reranker, [stored[0] | {"score": float("nan")}], "cross@1 int8")


def test_a_changed_file_is_found(home: Home, folder: Path) -> None:
    model = register(home, folder)
    path = home.storage.open(KIND, model.id).path / "fp32.onnx"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\x00\x01"[:1])
    with pytest.raises(ArtefactCorrupt):
        verify_reranker(home.storage, model)


# Kinds


def test_a_model_of_the_wrong_kind_is_refused_where_it_is_used(tiny_home: Home, reranker_home: Home) -> None:
    home = tiny_home
    embedding = home.models.list()[0]
    reranker = copied(home, reranker_home)
    assert embedding.kind == EMBEDDING
    recipe = default_recipe(home)
    assert recipe.model == embedding.id
    with pytest.raises(InvalidInput, match="'reranker', expected 'embedding'"):
        load_embedder(home.storage, reranker, "fp32", sessions=1)
    with pytest.raises(InvalidInput, match="'embedding', expected 'reranker'"):
        load_reranker(home.storage, embedding, "fp32", sessions=1)
    with pytest.raises(InvalidInput, match=r"cross@1 is of kind 'reranker', expected 'embedding'"):
        change_recipe(home, recipe, model="cross")
    with pytest.raises(InvalidInput, match="'embedding', expected 'reranker'"):
        change_recipe(home, recipe, reranker=embedding.name)
    with pytest.raises(InvalidInput, match="'reranker', expected 'embedding'"):
        recipe.bind(reranker)


def chosen(home: Home, recipe: Recipe, **choices: object) -> tuple[str | None, Reranking | None]:
    changed = change_recipe(home, recipe, **choices)  # type: ignore[arg-type]
    return changed.reranker, changed.reranking


def test_a_reranker_is_chosen_with_its_depth_and_budget(tiny_home: Home, reranker_home: Home) -> None:
    home = tiny_home
    copied(home, reranker_home)
    recipe = default_recipe(home)
    assert chosen(home, recipe) == (None, None)
    assert chosen(home, recipe, reranker="cross") == ("cross@1", Reranking())
    changed = change_recipe(home, recipe, reranker="cross", rerank_depth=5, rerank_budget_ms=30)
    assert changed.reranking == Reranking(depth=5, budget_ms=30)
    assert chosen(home, changed, rerank_depth=7) == ("cross@1", Reranking(depth=7, budget_ms=30))
    assert change_recipe(home, changed, reranker="none") == recipe
    with pytest.raises(InvalidInput, match="name one, too"):
        change_recipe(home, recipe, rerank_depth=5)


def test_a_reranker_without_an_int8_form_is_used_in_fp32(home: Home, model_home: Home, tmp_path: Path) -> None:
    home.models.copy_from(model_home.models)
    register(home, make_cross_encoder(tmp_path / "flat", spread=0.1))
    assert chosen(home, default_recipe(home), reranker="cross") == ("cross@1", Reranking(precision="fp32"))


def test_scores_are_finite(home: Home, reranker_home: Home) -> None:
    reranker = load_reranker(home.storage, copied(home, reranker_home), "int8", sessions=1)
    assert all(
        np.isfinite(reranker.score(query, passage)) for query in ("", "x" * 9000) for passage in ("", "y " * 900)
    )


# Commands


def test_a_reranker_is_registered_listed_shown_and_verified_by_command(tmp_path: Path, folder: Path) -> None:
    def run(*arguments: str) -> str:
        result = CliRunner().invoke(cli, ["--home", str(tmp_path / "home"), *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    said = run("models", "register", str(folder), "--name", "cross", "--kind", "reranker")
    assert said.startswith("registered cross@1: reranker, 96 tokens; scores differ from the weights' by 0.00")
    (row,) = json.loads(run("models", "list", "--json"))
    assert (row["id"], row["kind"], row["dimension"]) == ("cross@1", "reranker", None)
    assert "reranker" in run("models", "list")
    assert json.loads(run("models", "show", "cross"))["canonical"]["fp32"][0]["query"]
    assert run("models", "verify", "cross").startswith("cross@1: files intact; fp32 off by 0.00")
