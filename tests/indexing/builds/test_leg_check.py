"""A build finds out which leg cannot search a collection, says so in words, and lets it lose its weight there."""

from dataclasses import replace

import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE

from app.retrieval.retriever import Retriever
from indexing.catalogue.leg_samples import forget_leg_samples, read_leg_samples
from indexing.features.views import PassageView
from indexing.passages.chunker import Chunker
from indexing.records import Partition
from indexing.releases.calibration_rule import CalibrationRule
from indexing.releases.leg_rule import LegRule
from indexing.releases.recipes import RetrievalConfig, read_recipe, record_recipe
from indexing.snapshots.manifest import SnapshotManifest, read_snapshot
from tests.support.fresh_home import RECIPE, FreshHome, Opener
from tests.support.two_languages import EnglishEmbedder, arabic, arabic_word, english

ENGLISH, ARABIC = Partition("a", "english"), Partition("a", "arabic")
FIXED = replace(
    RECIPE,
    passage=PassageView("wide", 1, "headings", 64, overlap_tokens=0, context_tokens=0),
    shard_rows=32,
)
RULED = replace(FIXED, retrieval=RetrievalConfig(leg_rule=LegRule()))
SCORED = replace(FIXED, retrieval=RetrievalConfig(leg_rule=LegRule(), calibration_rule=CalibrationRule()))


class KnownWords(FreshHome):
    """Its tokenizer knows no token that would be unknown."""

    def bind(self, recipe):
        chunker, views = super().bind(recipe)
        return Chunker(recipe.passage, Tokenizer(BPE()), chunker.limit), views


@pytest.fixture
def made(tmp_path):
    made = KnownWords(tmp_path)
    made.build_embedder = EnglishEmbedder()
    made.put(*map(english, range(60)), partition=ENGLISH)
    made.put(*map(arabic, range(60)), partition=ARABIC)
    yield made
    made.close()


def legs(made, report):
    found = read_snapshot(made.home.storage, report.release.snapshot).legs
    return {one.partition: one for one in found}


def serving(made, report):
    return Opener(made.home, made.build_embedder).open(report.release)


def hits(opened, partition, query, mode="hybrid"):
    found = Retriever().search(opened, partition, query, k=10, mode=mode).hits
    return [(hit.passage.id, hit.score, hit.dense, hit.lexical) for hit in found]


def test_a_leg_that_cannot_read_a_collection_loses_its_weight_there_and_the_build_says_so(made):
    report = made.build(RULED)
    found = legs(made, report)
    assert (found[ENGLISH].dense_weight, found[ARABIC].dense_weight) == (None, 0.0)
    assert found[ENGLISH].counts.samples == found[ARABIC].counts.samples == 30
    assert found[ENGLISH].language == "en"
    assert found[ARABIC].language == "ar"
    (warning,) = report.warnings
    lost = 30 - found[ARABIC].counts.dense
    assert warning.startswith(f"a/arabic: the model m@1 does not read Arabic: {lost} of 30 samples are not found by")
    (change,) = report.weight_changes
    assert change.startswith("a/arabic: vectors now weigh 0 in hybrid search instead of 0.45: of 30 samples")


def test_hybrid_search_of_a_collection_that_the_model_cannot_read_is_as_good_as_by_words(made):
    opened = serving(made, made.build(RULED))
    for number in range(0, 60, 7):
        query = f"غطاء {arabic_word(number)}"
        by_words = hits(opened, ARABIC, query, "lexical")
        assert by_words[0][0] == f"ar{number}#0"
        found = hits(opened, ARABIC, query)[: len(by_words)]
        assert [(name, score) for name, score, *_ in found] == [(name, score) for name, score, *_ in by_words]


def test_what_the_model_reads_is_ranked_bit_for_bit_as_by_the_fixed_weights(made):
    fixed, ruled = serving(made, made.build(FIXED)), serving(made, made.build(RULED))
    for number in range(60):
        query = f"lid of kettle{number}"
        assert hits(ruled, ENGLISH, query) == hits(fixed, ENGLISH, query)


def test_without_a_rule_nothing_loses_its_weight_and_the_warning_is_given(made):
    report = made.build(FIXED)
    assert [one.dense_weight for one in legs(made, report).values()] == [None, None]
    assert len(report.warnings) == 1
    assert report.weight_changes == ()


def test_a_second_build_looks_at_new_passages_alone_and_changes_nothing(made):
    first = made.build(RULED)
    asked = list(made.build_embedder.texts)
    assert (made.build(RULED).release, made.build_embedder.texts) == (first.release, asked)
    made.put(english(60), partition=ENGLISH)
    report = made.build(RULED)
    assert len(made.build_embedder.texts) - len(asked) in (1, 2)  # its vector, and perhaps it is a sample
    assert report.weight_changes == ()
    assert legs(made, report)[ARABIC] == legs(made, first)[ARABIC]


def test_a_weight_comes_back_when_the_leg_finds_the_documents_again_and_the_build_says_so(made):
    made.build(RULED)
    made.build_embedder.reads_arabic = True
    made.remove(*(f"ar{number}" for number in range(60)), partition=ARABIC)
    made.put(*map(arabic, range(100, 160)), partition=ARABIC)
    report = made.build(RULED)
    assert legs(made, report)[ARABIC].dense_weight is None
    assert report.warnings == ()
    (change,) = report.weight_changes
    assert change.startswith("a/arabic: vectors now weigh 0.45 in hybrid search instead of 0:")


def test_what_the_tokenizer_does_not_know_is_not_read_whatever_the_vectors_are(tmp_path):
    made = FreshHome(tmp_path)  # of whose words its tokenizer knows none
    made.build_embedder = EnglishEmbedder()
    made.put(*map(english, range(60)), partition=ENGLISH)
    (found,) = legs(made, made.build(RULED)).values()
    assert (found.counts.dense, found.counts.unknown_share, found.dense_weight) == (0, 1.0, 0.0)
    assert len(made.build_embedder.texts) == 60  # the passages themselves: what is told is not asked
    made.close()


def test_small_collections_are_pooled_by_language_across_the_home(tmp_path):
    made = KnownWords(tmp_path)
    made.build_embedder = EnglishEmbedder()
    for number in range(6):
        made.put(*map(arabic, range(6 * number, 6 * number + 6)), partition=Partition("a", f"small{number}"))
        made.put(*map(english, range(6 * number, 6 * number + 6)), partition=Partition("b", f"small{number}"))
    report = made.build(RULED)
    found = legs(made, report)
    assert {one.dense_weight for partition, one in found.items() if partition.tenant == "a"} == {0.0}
    assert {one.dense_weight for partition, one in found.items() if partition.tenant == "b"} == {None}
    (warning,) = report.warnings
    assert warning.startswith("6 small collection(s): the model m@1 does not read Arabic: ")
    made.close()


def test_a_collection_that_only_the_live_layer_holds_has_the_recipe_s_weight(made):
    opened = serving(made, made.build(RULED))
    assert opened.dense_weight(Partition("a", "of nowhere")) == RULED.retrieval.dense_weight
    assert opened.dense_weight(ARABIC) == 0.0
    assert opened.curve(ARABIC, "hybrid") == RULED.retrieval.calibration["lexical"]


def test_samples_are_kept_by_hash_hold_no_text_and_go_with_their_collection(made):
    report = made.build(RULED)
    kept = read_leg_samples(made.home.catalogue, report.release.recipe)
    assert {partition for partition, _ in kept} == {ENGLISH, ARABIC}
    assert all(set(row[0]) <= set("0123456789abcdef") and len(row[1]) <= 3 for row in kept.values())
    forget_leg_samples(made.home.catalogue, ARABIC)
    assert {partition for partition, _ in read_leg_samples(made.home.catalogue, report.release.recipe)} == {ENGLISH}


def test_a_manifest_from_before_there_were_checks_is_what_it_was(made):
    manifest = read_snapshot(made.home.storage, made.build(RULED).release.snapshot)
    old = replace(manifest, legs=())
    assert "legs" not in old.to_json()
    assert SnapshotManifest.from_json(old.to_json()) == old
    assert SnapshotManifest.from_json(manifest.to_json()) == manifest
    assert old.id != manifest.id


def test_a_recipe_without_a_rule_keeps_its_fingerprint_and_one_with_it_is_read_as_recorded(made):
    assert "leg_rule" not in FIXED.manifest["retrieval"]
    recorded = record_recipe(made.home.catalogue, RULED)
    assert read_recipe(made.home.catalogue, recorded.number) == recorded


def test_scores_of_a_collection_move_by_what_its_build_finds_and_no_ranking_does(made):
    plain, moved = made.build(RULED), made.build(SCORED)
    calibration = legs(made, moved)[ENGLISH].calibration
    assert (calibration.source, calibration.samples) == ("leg check", 30)
    assert calibration.modes["hybrid"] == calibration.modes["lexical"]
    assert legs(made, plain)[ENGLISH].calibration is None
    for mode in ("hybrid", "dense", "lexical"):
        before, after = (hits(serving(made, report), ENGLISH, "lid of kettle7", mode) for report in (plain, moved))
        assert [name for name, *_ in after] == [name for name, *_ in before]
        assert [score for _, score, *_ in after] != [score for _, score, *_ in before]


def test_a_collection_that_one_leg_searches_is_scored_by_that_leg_s_curve(made):
    assert legs(made, made.build(SCORED))[ARABIC].calibration is None


def test_a_second_build_asks_nothing_again_and_finds_the_same_scores(made):
    first = made.build(SCORED)
    asked = list(made.build_embedder.texts)
    again = made.build(SCORED)
    assert (again.release, made.build_embedder.texts) == (first.release, asked)
