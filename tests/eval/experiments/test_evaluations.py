"""Evaluations of releases: measured once for the same inputs, kept, and reached by an erasure."""

import json
from dataclasses import replace

import pytest

from eval.experiments.comparison import compare
from eval.experiments.evaluations import read_evaluation
from eval.experiments.measures import CONDENSED, EVERY_MEASURE, JUDGED
from indexing.catalogue.evaluations import list_evaluations
from indexing.errors import ArtefactCorrupt, GroundworkError, InvalidInput, NotFound
from indexing.releases.release import find_release
from indexing.retention.document_locations import find_documents
from indexing.retention.erasure import erase
from indexing.retention.quality_rows import count_quality_of_tenant, erase_quality_of_tenant
from indexing.retention.ranking_files import ERASED, SUFFIX
from indexing.retention.tenant_erasure import partitions_of
from tests.support.evaluated_home import WORDS, EvaluatedHome, made_set, written
from tests.support.fresh_home import OTHER_LANGUAGE, OURS, RECIPE, THEIRS


@pytest.fixture
def fresh(tmp_path):
    home = EvaluatedHome(tmp_path / "home")
    home.build()
    yield home
    home.close()


def files(fresh):
    return sorted((fresh.path / "evaluations").glob(f"*{SUFFIX}"))


def test_every_measure_of_every_query_is_kept_with_the_first_ranks_and_the_latency(fresh):
    seen = []
    found = fresh.evaluate("1.1", on_progress=lambda done, total: seen.append((done, total)))
    assert found.scores.keys() == EVERY_MEASURE.keys()
    assert found.rankings["q-apple"][0] == "apple"
    assert found.means["nDCG@10"] == found.means["MAP"] == found.means["Success@10"] == found.means[CONDENSED] == 1.0
    assert found.means[JUDGED] == pytest.approx(1 / len(found.rankings["q-apple"]))
    assert (found.release, found.recipe, found.partition, found.split) == ("1.1", 1, OURS, "test")
    assert 0 < found.latency.p50_ms <= found.latency.p95_ms <= found.latency.p99_ms
    assert seen == [(0, 6), (6, 6)]
    assert found.absent == {}


def test_the_same_inputs_are_measured_once_and_read_back_equal(fresh):
    found = fresh.evaluate("1.1")
    assert fresh.evaluate(1) == found
    assert read_evaluation(fresh.home, found.id[:8]) == found
    assert fresh.loaded == 1
    assert [one.id for one in list_evaluations(fresh.home.catalogue)] == [found.id]


@pytest.mark.parametrize(
    "other",
    [
        {"mode": "dense"},
        {"k": 3},
        {"query_set": made_set(version=2)},
        {"query_set": made_set(split="dev")},
        {"query_set": made_set(qrels={f"q-{word}": {word: 2} for word in WORDS})},
    ],
)
def test_other_inputs_are_measured_anew(fresh, other):
    assert fresh.evaluate("1.1").id != fresh.evaluate("1.1", **other).id
    assert len(files(fresh)) == fresh.loaded == 2


def test_a_damaged_file_is_named_and_measured_again(fresh):
    found = fresh.evaluate("1.1")
    (path,) = files(fresh)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ArtefactCorrupt, match="evaluate it again"):
        read_evaluation(fresh.home, found.id)
    again = fresh.evaluate("1.1")
    assert (again.id, again.scores, again.rankings) == (found.id, found.scores, found.rankings)
    assert read_evaluation(fresh.home, found.id) == again


def test_a_query_that_finds_nothing_scores_0_and_leaves_nothing_to_judge(fresh):
    queries = made_set({"q": "zebra", "q-apple": "apple"}, {"q": {"apple": 1}, "q-apple": {"apple": 1}})
    found = fresh.evaluate("1.1", queries)
    assert found.rankings["q"] == []
    assert {name: scores["q"] for name, scores in found.scores.items()} == dict.fromkeys(EVERY_MEASURE, 0.0) | {
        JUDGED: 1.0
    }


def test_relevant_documents_that_the_release_does_not_hold_are_named(fresh):
    queries = made_set({"q": "apple"}, {"q": {"apple": 1, "gone": 2, "unneeded": 0}})
    assert fresh.evaluate("1.1", queries).absent == {"q": ["gone"]}


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"release": "7"}, NotFound, "No release 7"),
        ({"mode": "best"}, InvalidInput, "mode 'best'"),
        ({"k": 0}, InvalidInput, "k 0"),
        ({"query_set": made_set(partition=None)}, InvalidInput, "'made' names no collection"),
        ({"partition": THEIRS}, NotFound, "holds no document of b/articles"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_by_name(fresh, wrong, error, message):
    with pytest.raises(error, match=message):
        fresh.evaluate(**{"release": "1.1", **wrong})
    assert files(fresh) == []


def test_an_unknown_or_ambiguous_id_is_refused(fresh):
    fresh.evaluate("1.1")
    with pytest.raises(NotFound, match="No evaluation 'zz'"):
        read_evaluation(fresh.home, "zz")
    with pytest.raises(NotFound, match="No evaluation ''"):
        read_evaluation(fresh.home, "")


def test_recipes_that_were_built_from_the_same_documents_are_compared(fresh):
    fresh.build(OTHER_LANGUAGE)
    queries = made_set({f"q-{word}": word for word in WORDS})
    found = compare(fresh.evaluate(1, queries), fresh.evaluate(2, queries), queries)
    assert found.is_comparable
    assert (found.verdict, found.difference, found.p) == ("no difference shown", 0.0, 1.0)


def test_releases_that_hold_other_documents_are_not_compared_and_it_says_why(fresh):
    before = fresh.evaluate(1)
    fresh.put(written("grape"))
    fresh.build()
    found = compare(before, fresh.evaluate(1), made_set())
    assert found.verdict == "not comparable"
    assert "the documents differ: release 1.1 holds 6" in found.why_not[0]
    assert "release 1.2 holds 7" in found.why_not[0]


def test_content_that_was_written_and_taken_back_is_the_same(fresh):
    before = fresh.evaluate(1)
    fresh.put(written("apple", "otherwise"))
    fresh.put(written("apple"))
    fresh.build(replace(RECIPE, shard_rows=16))
    after = fresh.evaluate(2)
    assert before.seq < after.seq
    assert before.documents == after.documents


def erase_documents(fresh, ids):
    return erase(fresh.home, find_documents(fresh.home, OURS, ids), lambda leave_out: {}, wait=lambda seconds: None)


def test_an_erased_document_is_named_by_no_kept_ranking_and_the_others_keep_their_ranks(fresh):
    before = fresh.evaluate("1.1", mode="dense")
    erase_documents(fresh, {"apple"})
    after = read_evaluation(fresh.home, before.id)
    assert after.scores == before.scores
    assert after.rankings == {
        query: [ERASED if one == "apple" else one for one in ranking] for query, ranking in before.rankings.items()
    }
    again = fresh.evaluate("1.1", mode="dense")
    assert again.id != before.id
    assert again.absent == {"q-apple": ["apple"]}
    assert ("q-apple", ERASED) not in compare(before, after, made_set()).to_judge


def test_a_document_that_only_a_ranking_still_names_can_be_erased(fresh):
    found = fresh.evaluate("1.1", made_set({"q": "apple"}, {"q": {"apple": 1, "quibble": 1}}))
    assert found.absent == {"q": ["quibble"]}
    erase_documents(fresh, {"quibble"})
    assert read_evaluation(fresh.home, found.id).absent == {"q": [ERASED]}


def test_a_whole_collection_leaves_neither_rows_nor_files(fresh):
    fresh.put(written("apple"), partition=THEIRS)
    fresh.build()
    fresh.evaluate(1)
    kept = fresh.evaluate(1, made_set({"q": "apple"}, {"q": {"apple": 1}}), partition=THEIRS)
    erase_documents(fresh, None)
    assert [one.id for one in list_evaluations(fresh.home.catalogue)] == [kept.id]
    assert len(files(fresh)) == 1


def test_a_tenant_that_goes_takes_evaluations_that_name_no_document_along(fresh):
    fresh.evaluate("1.1", made_set({"q": "zebra"}, {"q": {"apple": 1}}))
    assert count_quality_of_tenant(fresh.home, "a") == 1
    erase_quality_of_tenant(fresh.home, "a")
    assert (list_evaluations(fresh.home.catalogue), files(fresh)) == ([], [])


def test_a_collection_that_only_evaluations_still_name_is_found_with_its_tenant(fresh):
    fresh.evaluate("1.1")
    assert partitions_of(fresh.home, "a") == [OURS]
    assert find_documents(fresh.home, OURS, None).ids == set(WORDS)


def test_an_evaluation_during_which_an_erasure_ends_is_not_kept(fresh):
    def erase_it(done, total):
        if done:
            erase_documents(fresh, {"bread"})

    with pytest.raises(GroundworkError, match=r"Release 1\.1 was rewritten by an erasure meanwhile"):
        fresh.evaluate("1.1", on_progress=erase_it)
    assert files(fresh) == []
    assert find_release(fresh.home.catalogue, "1.1").snapshot


def test_no_query_text_stands_in_a_kept_file_or_row(fresh):
    fresh.evaluate("1.1", made_set({"q": "quibblethwick apple"}, {"q": {"apple": 1}}))
    assert "quibblethwick" not in json.dumps([str(one) for one in list_evaluations(fresh.home.catalogue)])
    assert all(b"quibblethwick" not in path.read_bytes() for path in fresh.path.rglob("*") if path.is_file())
