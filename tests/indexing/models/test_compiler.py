"""A model is registered only when its compiled form does what the weights do, and then says all that is known of it."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing

from indexing.builds.context import prepare_build
from indexing.errors import AlreadyRunning, InvalidInput, NotFound, ParityLost
from indexing.home import Home, open_home
from indexing.models.bert_compiler import compile_bert
from indexing.models.compiler import DEFAULT_MODEL, Lineage, licence_of_card, locate_model, register_model
from indexing.models.embedder import OnnxEmbedder, load_embedder, verify_model
from indexing.models.onnx_export import WITHOUT
from indexing.models.parity_texts import CANONICAL_TEXTS, PARITY_PAIRS, PARITY_TEXTS
from indexing.models.registry import KIND, TOKENIZER_FILE, ModelVersion
from indexing.models.sentence_transformer_compiler import expected_of, load_sentence_transformer
from indexing.models.stored_reference import stored_reference
from indexing.records import Document
from indexing.releases.recipe_choices import default_recipe
from tests.conftest import settings_at

pytestmark = pytest.mark.model
TinyModel = Callable[..., Path]
CompiledModel = Callable[..., Home]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    """Makes a sentence-transformers folder with a random BERT of one layer; each kind is made once."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import (
        BertConfig,
        BertModel,
        DistilBertConfig,
        DistilBertModel,
        MPNetConfig,
        MPNetModel,
        PreTrainedTokenizerFast,
    )

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map(chr, range(33, 127))]
    names += [f"##{name}" for name in names[4:]]
    words = (word for pair in PARITY_PAIRS for text in pair for word in text.lower().split() if word.isalpha())
    names = list(dict.fromkeys([*names, *words]))
    tokenizer = Tokenizer(WordPiece({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    root = tmp_path_factory.mktemp("tiny")
    made: dict[str, Path] = {}

    def make(
        *,
        seed: int = 0,
        pooling: str = "mean",
        include_prompt: bool = True,
        cut: str = "right",
        kind: str = "bert",
        **extra: Any,
    ) -> Path:
        key = repr((seed, pooling, include_prompt, cut, kind, extra))
        if key in made:
            return made[key]
        torch.manual_seed(seed)
        base, folder = root / f"base-{len(made)}", root / f"model-{len(made)}"
        common = {"vocab_size": len(names), "max_position_embeddings": 64}
        common["initializer_range"] = 1.0  # large, so that different texts have different vectors
        sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
        if kind == "distilbert":
            model = DistilBertModel(DistilBertConfig(dim=32, n_layers=1, n_heads=2, hidden_dim=64, **common))
        elif kind == "mpnet":
            model = MPNetModel(MPNetConfig(**sizes, **common))
        else:
            model = BertModel(BertConfig(**sizes, **common))
        model.save_pretrained(base)
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, truncation_side=cut, **special).save_pretrained(base)
        encoder = Transformer(str(base))
        encoder.max_seq_length = 48
        pool = Pooling(32, pooling_mode=pooling, include_prompt=include_prompt)
        SentenceTransformer(modules=[encoder, pool, Normalize()], device="cpu", **extra).save(str(folder))
        made[key] = folder
        return folder

    return make


@pytest.fixture
def registered(model_home: Home) -> dict[str, Any]:
    """What the registry says of the default model."""
    return model_home.models.get(DEFAULT_MODEL).manifest.to_json()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory, tiny: TinyModel) -> Iterator[CompiledModel]:
    """Gives a home with one of ``tiny`` registered as ``tiny@1``, each compiled once: read it, or take a copy."""
    made: dict[Path, Home] = {}

    def compile_once(**choices: Any) -> Home:
        folder = tiny(**choices)
        if folder not in made:
            made[folder] = home = open_home(settings_at(tmp_path_factory.mktemp("compiled")))
            register_model(home.models, home.storage, str(folder), name="tiny")
        return made[folder]

    yield compile_once
    for home in made.values():
        home.close()


def nothing_is_left(home: Home) -> bool:
    folder = home.path / KIND
    return home.models.list() == [] and not (folder.is_dir() and list(folder.iterdir()))


# The default model


def test_the_compiled_form_reproduces_the_weights_and_the_effect_of_int8_is_stored(registered: dict[str, Any]) -> None:
    parity = registered["parity"]
    assert 0.999 <= parity["cosine_min"]["fp32"] <= 1.0001
    assert 0.9 <= parity["cosine_min"]["int8"] < parity["cosine_min"]["fp32"]
    for precision in ("fp32", "int8"):
        assert 0.9 <= parity["golden"][precision]["accuracy_at_1"] <= parity["golden"][precision]["mrr"] <= 1.0
    assert 0.8 <= parity["golden"]["top3_overlap"] <= 1.0


def test_the_canonical_vectors_of_both_forms_are_stored(registered: dict[str, Any]) -> None:
    assert registered["canonical"].keys() == {"fp32", "int8"}
    for canonical in registered["canonical"].values():
        assert canonical.keys() == set(CANONICAL_TEXTS)
        vectors = np.array(list(canonical.values()))
        assert vectors.shape == (len(CANONICAL_TEXTS), 384)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_the_lineage_names_origin_licence_libraries_and_machine(registered: dict[str, Any]) -> None:
    lineage = registered["lineage"]
    assert (lineage["kind"], lineage["source"], lineage["version"]) == ("package", DEFAULT_MODEL, "0.1.0")
    assert lineage["licence"] == "apache-2.0"
    assert lineage["parent"] is None
    assert lineage["training_data"] == lineage["metrics"] == {}
    assert lineage["parameters"]["opset"] == 17
    assert lineage["code_version"].startswith("groundwork ")
    assert lineage["libraries"].keys() == {"safetensors", "onnx", "onnxruntime", "tokenizers"}
    assert {"torch", "sentence-transformers"} <= lineage["proved_by"]["stored_vectors_of"].keys()
    assert lineage["machine"]
    assert lineage["registered_by"]
    assert (registered["normalisation"], registered["prompts"]) == ("l2", {"query": "", "document": ""})


# Models of one's own


def test_a_folder_registers_as_the_next_version_with_its_lineage(
    home: Home, tiny: TinyModel, compiled: CompiledModel
) -> None:
    home.models.copy_from(compiled().models)
    first = home.models.get("tiny")
    lineage = Lineage(
        parent=first.id,
        training_data={"collection": "helpdesk", "sha256": "0" * 64},
        licence="mit",
        metrics={"ndcg@10": 0.5},
        parameters={"epochs": 1},
        code_version="train.py 3",
    )
    second = register_model(home.models, home.storage, str(tiny(seed=1)), name="tiny", lineage=lineage)
    assert (first.id, second.id) == ("tiny@1", "tiny@2")
    assert home.models.get("tiny") == second
    stored = second.manifest.lineage
    assert {"torch", "sentence-transformers", "onnx", "onnxruntime", "tokenizers"} <= stored["libraries"].keys()
    assert "proved_by" not in stored  # the weights themselves were asked
    assert (stored["kind"], stored["source"]) == ("folder", str(tiny(seed=1)))
    assert (stored["parent"], stored["licence"], stored["code_version"]) == ("tiny@1", "mit", "train.py 3")
    assert stored["training_data"] == lineage.training_data
    assert stored["metrics"] == lineage.metrics
    assert stored["parameters"] == {"opset": 17, "quantisation": "dynamic, weights QInt8 per channel", "epochs": 1}
    assert (second.manifest.dimension, second.manifest.max_tokens) == (32, 48)
    assert second.files.onnx_sha256 != first.files.onnx_sha256
    assert second.files.tokenizer_sha256 == first.files.tokenizer_sha256
    assert min(verify_model(home.storage, second).values()) >= 0.999
    assert home.storage.verify(KIND, "tiny@1").files == first.manifest.to_json()["files"]


@pytest.mark.parametrize("pooling", ["mean", "max", "weightedmean", "mean_sqrt_len_tokens"])
def test_the_compiled_form_gives_the_vectors_of_sentence_transformers(
    compiled: CompiledModel, tiny: TinyModel, pooling: str
) -> None:
    check_same_vectors(compiled, tiny, pooling=pooling)


@pytest.mark.parametrize("pooling", ["cls", "lasttoken"])
def test_a_model_that_pools_one_token_registers_too(compiled: CompiledModel, tiny: TinyModel, pooling: str) -> None:
    check_same_vectors(compiled, tiny, pooling=pooling)


@pytest.mark.parametrize("kind", ["distilbert", "mpnet"])
def test_a_model_of_another_kind_than_bert_registers_too(compiled: CompiledModel, tiny: TinyModel, kind: str) -> None:
    check_same_vectors(compiled, tiny, kind=kind)


def test_each_attention_of_the_default_model_is_one_node_and_its_manifest_says_how_it_is_run(model_home: Home) -> None:
    found = model_home.models.get(DEFAULT_MODEL)
    assert found.without == ("SkipLayerNormFusion",)
    for precision, node in (("fp32", "Attention"), ("int8", "QAttention")):
        graph = onnx.load(model_home.storage.open(KIND, found.id).path / f"{precision}.onnx")
        assert sum(one.op_type == node for one in graph.graph.node) == 6
        assert {"groundwork.without": "SkipLayerNormFusion"}.items() <= {
            entry.key: entry.value for entry in graph.metadata_props
        }.items()


PROMPTS = {"query": "question: ", "document": "an answer to it: "}


def test_prompts_are_taken_over_and_added(compiled: CompiledModel, tiny: TinyModel) -> None:
    found = check_same_vectors(compiled, tiny, prompts=PROMPTS)
    assert found.manifest.to_json()["prompts"] == PROMPTS


def test_a_model_that_leaves_its_prompt_out_of_the_pooling_is_refused(home: Home, tiny: TinyModel) -> None:
    folder = tiny(prompts={"query": "question: ", "document": "a long answer to it: "}, include_prompt=False)
    with pytest.raises(ParityLost, match="only to cosine"):
        register_model(home.models, home.storage, str(folder), name="checked")
    assert nothing_is_left(home)


def check_same_vectors(compiled: CompiledModel, tiny: TinyModel, **choices: Any) -> ModelVersion:
    """Register the model of ``choices`` and compare with what sentence-transformers gives queries and documents."""
    from sentence_transformers import SentenceTransformer

    home = compiled(**choices)
    found = home.models.get("tiny")
    embedder = load_embedder(home.storage, found, "fp32", sessions=1)
    reference = SentenceTransformer(str(tiny(**choices)), device="cpu")
    texts = ["", "get money back", "pod keeps restarting " * 40, "Größe 東京"]
    documents = reference.encode_document(texts, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(embedder.encode_passages(texts), documents, atol=2e-4)
    queries = reference.encode_query(texts, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(np.stack([embedder.encode_query(text) for text in texts]), queries, atol=2e-4)
    return found


def test_a_passage_and_the_document_prompt_fit_into_the_models_limit_together(
    home: Home, compiled: CompiledModel
) -> None:
    home.models.copy_from(compiled(prompts=PROMPTS).models)
    found = home.models.get("tiny")
    context = prepare_build(home, default_recipe(home))
    document = Document("d", "", " ".join(answer for _, answer in PARITY_PAIRS))
    tokenizer = Tokenizer.from_file(str(home.storage.open(KIND, found.id).path / "tokenizer.json"))
    tokenizer.no_truncation()
    for passage in context.chunker.passages(document, context.chunker.spans(document)):
        whole = tokenizer.encode(found.files.document_prompt + passage.encoder_input)
        assert len(whole.ids) <= found.files.max_tokens


CARD = "---\nlanguage: en\nlicense: bsd-3-clause\n---\n# Model"


def test_name_and_licence_follow_from_the_source_steps_are_told_and_the_screen_is_left_alone(
    home: Home, tiny: TinyModel, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "My_Model-2.0"
    shutil.copytree(tiny(), folder)
    (folder / "README.md").write_text(CARD)
    steps: list[str] = []
    capfd.readouterr()
    found = register_model(home.models, home.storage, str(folder), on_step=steps.append)
    assert capfd.readouterr() == ("", "")
    assert (found.id, found.manifest.lineage["licence"]) == ("my-model-2.0@1", "bsd-3-clause")
    assert [step.split()[0] for step in steps] == ["loading", "compiling", "checking"]


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        (CARD, "bsd-3-clause"),
        ("---\nlicense: 'cc-by-4.0'\n---", "cc-by-4.0"),
        ("# A model without front matter", None),
        (None, None),
    ],
)
def test_the_licence_is_read_from_the_model_card(tmp_path: Path, card: str | None, licence: str | None) -> None:
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert licence_of_card(tmp_path) == licence


# With and without torch


def test_a_bert_compiled_without_torch_gives_the_bits_that_it_gives_by_way_of_torch(
    tiny: TinyModel, compiled: CompiledModel, tmp_path: Path
) -> None:
    compile_bert(tiny(), tmp_path)
    stored = compiled().storage.open(KIND, "tiny@1").path
    assert (tmp_path / TOKENIZER_FILE).read_bytes() == (stored / TOKENIZER_FILE).read_bytes()
    tokenizer = Tokenizer.from_file(str(tmp_path / TOKENIZER_FILE))
    for form in ("fp32", "int8"):
        one, other = (
            OnnxEmbedder(folder / f"{form}.onnx", tokenizer, max_tokens=48, sessions=1, without=WITHOUT)
            for folder in (tmp_path, stored)
        )
        np.testing.assert_array_equal(one.encode_passages(PARITY_TEXTS), other.encode_passages(PARITY_TEXTS))


def test_what_is_stored_of_the_default_model_is_what_sentence_transformers_says_of_it(model_home: Home) -> None:
    folder = locate_model(DEFAULT_MODEL)[0]
    stored = stored_reference(Path(folder))
    assert stored is not None
    said = expected_of(load_sentence_transformer(folder))
    assert (stored.expected.max_tokens, stored.expected.prompts) == (said.max_tokens, said.prompts)
    np.testing.assert_allclose(stored.expected.vectors, said.vectors, atol=1e-5)


# Refusals


def test_a_model_whose_compiled_form_differs_is_refused_and_leaves_nothing(home: Home, tiny: TinyModel) -> None:
    # It keeps the end of a long text; the compiled form, like every other model here, keeps the beginning.
    folder = tiny(cut="left")
    with pytest.raises(ParityLost, match=r"only to cosine 0\.\d+ \(expected at least 0\.999\)"):
        register_model(home.models, home.storage, str(folder), name="left")
    assert nothing_is_left(home)
    assert home.models.next_version("left") == 1


@pytest.mark.parametrize(
    "source",
    [
        "no-such-model",
        "click",
        "",
        "no/such-model-anywhere",
        "no.such.model",
    ],
)
def test_a_source_that_is_no_model_is_refused_by_name(home: Home, source: str) -> None:
    with pytest.raises(InvalidInput, match=source or "modules.json"):
        register_model(home.models, home.storage, source, name="x")
    assert nothing_is_left(home)


def no_folder(folder: Path) -> None:
    (folder / "modules.json").unlink()


def broken_list(folder: Path) -> None:
    (folder / "modules.json").write_text("{")


def no_weights(folder: Path) -> None:
    for file in folder.rglob("*.safetensors"):
        file.unlink()


def foreign_code(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules[-1]["type"] = "their_module.RunMe"
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "their_module.py").write_text("raise RuntimeError('the code of a stranger was run')")


def cut_weights(folder: Path) -> None:
    for file in folder.rglob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize(
    "damage",
    [no_folder, broken_list, no_weights, foreign_code, cut_weights],
)
def test_a_folder_that_cannot_be_loaded_is_refused(
    home: Home, tiny: TinyModel, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(tiny(), folder)
    damage(folder)
    with pytest.raises(InvalidInput, match="damaged"):
        register_model(home.models, home.storage, str(folder))
    assert nothing_is_left(home)


def test_a_second_registration_at_the_same_time_is_refused_before_anything_is_loaded(
    home: Home, tmp_path: Path
) -> None:
    steps: list[str] = []
    with home.models.registering(), pytest.raises(AlreadyRunning, match="Another registration of this home"):
        register_model(home.models, home.storage, str(tmp_path), name="x", on_step=steps.append)
    assert steps == []


def test_a_bad_name_is_refused_before_anything_is_loaded(home: Home, tmp_path: Path) -> None:
    steps: list[str] = []
    for name in ("a b", "a/b", "a@1"):
        with pytest.raises(InvalidInput, match="is not a model name"):
            register_model(home.models, home.storage, str(tmp_path), name=name, on_step=steps.append)
    assert steps == []


@pytest.fixture
def left_behind(home: Home) -> Home:
    """A home in which a registration was killed between publishing ``tiny@1`` and recording it."""
    with home.storage.publish(KIND, "tiny@1") as draft:
        for file in ("fp32.onnx", "int8.onnx", "tokenizer.json"):
            (draft.path / file).write_text("of the model that was killed")
        draft.info["max_tokens"] = 1
    with pytest.raises(NotFound):
        home.models.get("tiny")
    return home


def test_files_left_by_a_killed_registration_are_not_mistaken_for_the_model(left_behind: Home, tiny: TinyModel) -> None:
    found = register_model(left_behind.models, left_behind.storage, str(tiny()), name="tiny")
    assert found.manifest.max_tokens == 48
    assert min(verify_model(left_behind.storage, found).values()) >= 0.999
