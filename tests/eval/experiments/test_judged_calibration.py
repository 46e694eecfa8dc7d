"""A collection's scores are fitted to its judgments, the next build serves that, and no ranking changes."""

from dataclasses import replace

import numpy as np
import pytest

from app.retrieval.retriever import Retriever
from eval.datasets.curation import add_judgments
from eval.datasets.set_changes import create_set
from eval.datasets.stored_sets import read_query_set
from eval.experiments.calibration_fit import fit_collection, fit_move
from eval.experiments.judged_calibration import calibrate, forget_calibration
from indexing.catalogue.calibrations import forget_calibrations, read_calibrations
from indexing.errors import InvalidInput
from indexing.records import Document, Partition
from indexing.releases.deployments import deploy
from indexing.snapshots.manifest import read_snapshot
from tests.support.fresh_home import OTHER_LANGUAGE, OURS, RECIPE, FreshHome, Opener

WORDS = [
    f"{first}{second}" for first in ("ba", "ce", "di", "fe", "gu", "ha", "ka") for second in ("lm", "rn", "st", "xo")
]
ACTOR = "ana"


def log_odds_and_truth(shift, stretch, count=4_000):
    rng = np.random.default_rng(5)
    log_odds = rng.normal(-1.0, 1.5, count)
    true = rng.random(count) < 1.0 / (1.0 + np.exp(-(shift + stretch * log_odds)))
    return log_odds, true.astype(np.float64)


def test_a_fit_finds_how_the_general_curve_is_off():
    move = fit_move(*log_odds_and_truth(1.5, 0.7))
    assert (move.shift, move.stretch) == (pytest.approx(1.5, abs=0.15), pytest.approx(0.7, abs=0.1))


def test_few_judgments_are_drawn_to_the_general_curve():
    many, few = (fit_move(*log_odds_and_truth(1.5, 0.7, count)) for count in (4_000, 12))
    assert 0.0 < few.shift < many.shift


def test_judgments_of_which_all_are_right_or_wrong_give_a_finite_move_that_keeps_the_order():
    log_odds, _ = log_odds_and_truth(0.0, 1.0, 50)
    for truth in (0.0, 1.0):
        move = fit_move(log_odds, np.full(50, truth))
        assert np.isfinite([move.shift, move.stretch]).all()
        assert move.stretch > 0


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    made = FreshHome(tmp_path_factory.mktemp("judged") / "home")
    made.put(*(Document(word, "", f"about {word}: the {word} is a {word}.") for word in WORDS))
    made.put(Document("other", "", "another tenant's document."), partition=Partition("b", "articles"))
    made.build(RECIPE)
    deploy(made.home.catalogue, 1, reason="test", actor=ACTOR)
    create_set(made.home, "words", OURS, "curated", provenance={}, actor=ACTOR)
    for word in WORDS:
        for question in (f"what is {word}", f"tell me of the {word}"):
            add_judgments(made.home, "words", question, {word: 1}, actor=ACTOR, reason="read")
    yield made
    made.close()


def fitted(made, **choices):
    opener = Opener(made.home, made.build_embedder)
    return calibrate(made.home, "words", release=None, actor=ACTOR, open_release=opener.open, **choices)


def hits(made, release, partition=OURS, mode="lexical"):
    serving = Opener(made.home, made.build_embedder).open(release)
    found = Retriever().search(serving, partition, f"what is {WORDS[0]}", k=10, mode=mode).hits
    return [hit.passage.id for hit in found], [hit.score for hit in found]


def test_what_was_fitted_is_served_by_the_next_build_and_changes_scores_alone(made):
    before = made.build(RECIPE)
    found = fitted(made)
    assert "lexical" in found.calibration.modes
    tried = {one.mode: one for one in found.tried}
    assert tried["lexical"].after.brier < tried["lexical"].before.brier
    assert (found.recipe, found.partition, found.calibration.source) == (1, OURS, "judgments")
    after = made.build(RECIPE)
    assert after.release.build == before.release.build + 1
    assert after.shards_written == 0
    (ids, scores), (new_ids, new_scores) = hits(made, before.release), hits(made, after.release)
    assert new_ids == ids
    assert new_scores != scores
    legs = {one.partition: one for one in read_snapshot(made.home.storage, after.release.snapshot).legs}
    assert legs[OURS].calibration == found.calibration
    assert [one.calibration for partition, one in legs.items() if partition != OURS] in ([], [None])
    assert made.build(RECIPE).release == after.release  # nothing changed, nothing is built
    again = fitted(made, is_dry=True)  # what was served before is left out of account
    assert again.calibration.modes["lexical"].shift == pytest.approx(found.calibration.modes["lexical"].shift, abs=0.01)
    assert forget_calibration(made.home, "words", release=None)
    assert not forget_calibration(made.home, "words", release=None)
    assert hits(made, made.build(RECIPE).release) == (ids, scores)


def test_another_recipe_has_its_own(made):
    fitted(made)
    other = made.build(OTHER_LANGUAGE)
    assert read_calibrations(made.home.catalogue, other.release.recipe) == {}
    assert all(one.calibration is None for one in read_snapshot(made.home.storage, other.release.snapshot).legs)
    assert forget_calibrations(made.home.catalogue, OURS)


def test_a_dry_run_keeps_nothing(made):
    assert fitted(made, is_dry=True).calibration.modes
    assert read_calibrations(made.home.catalogue, 1) == {}


def test_a_set_of_few_queries_is_refused_with_what_to_do(made):
    create_set(made.home, "few", OURS, "curated", provenance={}, actor=ACTOR)
    for number in range(8):
        add_judgments(made.home, "few", f"few {number}", {WORDS[0]: 1}, actor=ACTOR, reason="read")
    opener = Opener(made.home, made.build_embedder)
    with pytest.raises(InvalidInput, match="judged queries to fit on: expected at least 10"):
        calibrate(made.home, "few", release=None, actor=ACTOR, open_release=opener.open)


def test_a_collection_that_lost_its_vectors_is_fitted_as_it_is_scored(made):
    serving = Opener(made.home, made.build_embedder).open(made.build(RECIPE).release)

    class Lost(type(serving.snapshot)):
        def __init__(self, snapshot):
            self.__dict__ |= snapshot.__dict__

        def dense_weight(self, partition):
            return 0.0

    query_set = read_query_set(made.home, "words", split=None)
    _, tried = fit_collection(replace(serving, snapshot=Lost(serving.snapshot)), OURS, query_set, query_set)
    assert [one.mode for one in tried] == ["dense", "lexical"]
