"""The offline gate over real homes: evaluations of two recipes, held against a policy, and the verdict kept."""

import json
from contextlib import closing
from dataclasses import replace

import pytest

from eval.datasets.set_changes import NewQuery, Note, create_set, put_contents
from eval.experiments.experiment import Latency
from eval.experiments.measures import EVERY_MEASURE, run_from_ranking, score_run
from eval.gates.latency import Timing, judge_latency, time_in_turn
from eval.gates.offline import gate, judge_cost
from eval.gates.policy import CostLimits, GuardSlice, LatencyLimits, Policy, SetPolicy
from eval.gates.set_choice import SYNTHETIC, choose_sets
from indexing.catalogue.verdicts import forget_grounds_of, verdict_rows
from indexing.errors import InvalidInput, NotFound, NotReady, ReleaseNotGated
from indexing.records import Document, Partition
from indexing.releases.gate import POLICY_FILE
from indexing.releases.promotion import promote
from indexing.releases.transitions import Decision
from tests.support.evaluated_home import EvaluatedHome
from tests.support.fresh_home import OTHER_LANGUAGE, OURS, RECIPE
from tests.support.home_copies import link_home

STEMMED, PLAIN = (replace(one, shard_rows=200) for one in (RECIPE, OTHER_LANGUAGE))
"""All documents in one shard: a query of hundreds asks one, not twenty."""
NOUNS = [f"{first}{second}" for first in ("car", "boat", "tree", "lamp") for second in "abcdefghij"]
LEXICAL = SetPolicy(name="things", split="all", mode="lexical", min_queries=20)
POLICY = Policy(query_sets=(LEXICAL,))


def by(reason="a test"):
    return Decision("ana", reason, "2026-11-29T00:00:00.000+00:00")


class GatedHome(EvaluatedHome):
    """Recipe 1 stems and is in service, recipe 2 does not; 40 queries ask in the plural for what stands there once."""

    def fill(self):
        self.put(*(Document(noun, noun, f"About one {noun} and nothing else of {noun}.") for noun in NOUNS))
        self.build()
        self.build(PLAIN)

    def build(self, recipe=STEMMED):
        return super().build(recipe)

    def judged_by_a_person(self):
        (self.path / POLICY_FILE).write_text(POLICY.model_dump_json())
        queries = [NewQuery(f"q-{noun}", f"{noun}s", "curated") for noun in NOUNS]
        create_set(self.home, "things", OURS, "curated", provenance={}, actor="ana")
        qrels = {one.id: {noun: 1} for one, noun in zip(queries, NOUNS, strict=True)}
        put_contents(self.home, "things", queries, qrels, Note("add", "ana", "a test"))

    def gate(self, candidate, baseline=None, policy=POLICY, shown=None, latency=None):
        """``shown`` and ``latency`` are what the candidate's evaluation has instead of its own."""

        def evaluated(home, release, query_set, mode):
            found = self.evaluate(release, query_set, mode="lexical")
            if not release.startswith(f"{candidate}."):
                return found
            if shown is None:
                return replace(found, latency=latency or found.latency)
            run = {query: run_from_ranking(ids) for query, ids in shown.items()}
            scores = score_run(query_set.qrels, run, EVERY_MEASURE).per_query
            return replace(found, rankings=shown, scores=scores)

        def timed(home, releases, query_set, mode):
            return time_in_turn(home, releases, query_set, "lexical", opener=self.opener())

        return gate(self.home, candidate, baseline, policy, evaluated=evaluated, timed=timed)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """The folder of such a home. Take copies; leave it be."""
    with closing(GatedHome(tmp_path_factory.mktemp("filled") / "home")) as home:
        home.fill()
    return home.path


@pytest.fixture
def fresh(filled, tmp_path):
    link_home(filled, tmp_path / "home")
    with closing(GatedHome(tmp_path / "home")) as home:
        yield home


def test_a_candidate_that_loses_is_rejected_and_does_not_go_in_service(fresh):
    fresh.judged_by_a_person()
    found = fresh.gate(2)
    assert (found.verdict, found.candidate, found.baseline, found.release) == ("REJECT", 2, 1, "2.1")
    assert "things: nDCG@10 0.000 against 1.000 on 40 queries: it is worse" in found.reasons[0]
    with pytest.raises(ReleaseNotGated, match="is REJECT: things: nDCG@10"):
        promote(fresh.home.catalogue, 2, by(), max_recipes=4)


def test_a_candidate_that_is_as_good_is_promoted_and_the_verdict_is_kept_with_its_grounds(fresh):
    fresh.judged_by_a_person()
    recipe = fresh.build(replace(STEMMED, shard_rows=201)).release.recipe
    found = fresh.gate(recipe)
    assert found.verdict == "PROMOTE"
    (row,) = verdict_rows(fresh.home.catalogue, recipe)
    assert (row["id"], row["kind"], row["verdict"], row["baseline"]) == (found.id, "offline", "PROMOTE", 1)
    assert (row["policy"], row["level"], row["release"], row["is_synthetic"]) == (POLICY.id, 0.05, f"{recipe}.1", 0)
    finding = json.loads(row["evidence"])["findings"]["things/all/lexical/nDCG@10"]
    assert (finding["queries"], finding["difference"], finding["win_tie_loss"]["ties"]) == (40, 0.0, 40)
    assert "cars" not in row["evidence"]  # no text of a query is kept
    assert promote(fresh.home.catalogue, recipe, by(), max_recipes=4).recipe == recipe


def test_a_verdict_by_another_policy_than_the_homes_own_is_stored_and_lets_nothing_in_service(fresh):
    fresh.judged_by_a_person()
    recipe = fresh.build(replace(STEMMED, shard_rows=201)).release.recipe
    lenient = Policy(query_sets=(LEXICAL.model_copy(update={"margin": 1.0}),))
    found = fresh.gate(recipe, policy=lenient)
    assert (found.verdict, found.is_own_policy) == ("PROMOTE", False)
    with pytest.raises(ReleaseNotGated, match=f"PROMOTE, is by policy {lenient.id} of a --policy file"):
        promote(fresh.home.catalogue, recipe, by(), max_recipes=4)
    forget_grounds_of(fresh.home.catalogue, OURS.tenant)
    with pytest.raises(ReleaseNotGated, match=f"by policy {lenient.id}"):
        promote(fresh.home.catalogue, recipe, by(), max_recipes=4)
    assert fresh.gate(recipe).is_own_policy
    fresh.gate(recipe, policy=lenient)
    assert promote(fresh.home.catalogue, recipe, by(), max_recipes=4).recipe == recipe


def test_a_loss_by_one_measure_is_not_forgotten_for_another_of_the_same_set(fresh):
    fresh.judged_by_a_person()
    lenient = LEXICAL.model_copy(update={"measure": "R@100", "margin": 1.0})
    found = fresh.gate(2, policy=Policy(query_sets=(LEXICAL, lenient)))
    assert found.verdict == "REJECT"
    assert {"things/all/lexical/nDCG@10", "things/all/lexical/R@100"} <= found.evidence["findings"].keys()


def test_a_loss_that_unjudged_documents_may_account_for_holds_and_lists_what_to_judge(fresh):
    fresh.judged_by_a_person()
    found = fresh.gate(2, shown={f"q-{noun}": ["other"] for noun in NOUNS})
    finding = found.evidence["findings"]["things/all/lexical/nDCG@10"]
    assert (found.verdict, finding["coverage"], finding["at_best"], finding["to_judge"]) == ("HOLD", [1, 0], 0.0, 40)
    assert "judged@10 is 1.000 and 0.000" in found.reasons[1]


def test_a_loss_that_unjudged_documents_cannot_account_for_is_rejected(fresh):
    fresh.judged_by_a_person()
    found = fresh.gate(2, shown={f"q-{noun}": ["other"] if place < 10 else [] for place, noun in enumerate(NOUNS)})
    assert found.verdict == "REJECT"
    assert found.reasons[1] == (
        "things: unjudged documents cannot account for it: were all that it shows relevant (grade 1), it would still"
        " lose 0.750"
    )


def test_other_documents_are_not_comparable_and_hold(fresh):
    fresh.judged_by_a_person()
    fresh.remove("cara", "carb")
    fresh.build()
    found = fresh.gate(2)
    assert found.verdict == "HOLD"
    assert "things: not comparable: the documents differ" in found.reasons[0]


def test_too_few_queries_hold(fresh):
    fresh.judged_by_a_person()
    strict = Policy(query_sets=(LEXICAL.model_copy(update={"min_queries": 100}),))
    found = fresh.gate(2, policy=strict)
    assert (found.verdict, found.reasons) == ("HOLD", ("things: 40 queries are judged, and 100 are needed",))


def test_without_judgments_a_synthetic_set_is_made_and_marked(fresh):
    fresh.put(*(Document(f"more{n}", f"Nouns about topic{n}", f"All of topic{n} and word{n}.") for n in range(120)))
    fresh.build()
    fresh.build(PLAIN)
    found = fresh.gate(2, policy=Policy())
    assert found.is_synthetic
    assert found.reasons[-1].startswith("its queries are synthetic")
    assert next(iter(found.evidence["findings"])).startswith(f"{SYNTHETIC}/all/")
    assert found.evidence["findings"][f"{SYNTHETIC}/all/hybrid/nDCG@10"]["queries"] >= 100
    assert choose_sets(fresh.home, Policy()).sets[0][1].version == 1  # the set that is there is used


def test_a_synthetic_set_whose_documents_are_gone_is_made_anew(fresh):
    def documents(what):
        return [Document(f"{what}{n}", f"Nouns about {what}{n}", f"All of {what}{n} and word{n}.") for n in range(120)]

    fresh.put(*documents("topic"))
    first = choose_sets(fresh.home, Policy()).sets[0][1]
    fresh.remove(*(f"topic{n}" for n in range(115)))
    fresh.put(*documents("matter"))
    (_, again), *_ = choose_sets(fresh.home, Policy()).sets
    assert (first.version, again.version, again.staleness.gone) == (1, 2, {})
    assert len(again.queries) >= 100
    assert choose_sets(fresh.home, Policy()).sets[0][1].version == 2


def test_judged_sets_with_too_few_queries_are_left_out_and_told_and_do_not_keep_the_rest_from_counting(fresh):
    fresh.judged_by_a_person()
    fresh.put(*(Document(f"more{n}", f"Nouns about topic{n}", f"All of topic{n} and word{n}.") for n in range(120)))
    chosen = choose_sets(fresh.home, Policy())
    assert [(one.name, one.split) for one, _ in chosen.sets] == [(SYNTHETIC, "all")]
    assert chosen.is_synthetic
    assert "things: left out, " in chosen.left_out["things"]
    named = choose_sets(fresh.home, POLICY)
    assert (named.is_synthetic, named.left_out) == (False, {})


def test_a_release_without_the_sets_collection_holds(fresh):
    fresh.judged_by_a_person()
    fresh.put(Document("far", "far", "Far away."), partition=Partition("b", "articles"))
    create_set(fresh.home, "theirs", Partition("b", "articles"), "curated", provenance={}, actor="ana")
    asked = [NewQuery("q-far", "far", "curated")]
    put_contents(fresh.home, "theirs", asked, {"q-far": {"far": 1}}, Note("add", "ana", "a test"))
    found = fresh.gate(2, policy=Policy(query_sets=(SetPolicy(name="theirs", split="all", mode="lexical"),)))
    assert found.verdict == "HOLD"
    assert "theirs: Release 1.1 holds no document of" in found.reasons[0]


def test_what_cannot_be_judged_is_said(fresh, tmp_path):
    with pytest.raises(InvalidInput, match="the one it would be held against"):
        fresh.gate(1)
    with pytest.raises(NotFound, match="Recipe 9 has no release"):
        fresh.gate(9)
    with pytest.raises(NotFound, match="things"):
        fresh.gate(2)


def test_a_guarded_slice_that_no_query_has_is_refused_with_those_there_are(fresh):
    fresh.judged_by_a_person()
    guarded = LEXICAL.model_copy(update={"guard_slices": (GuardSlice(slice="idiom"),)})
    with pytest.raises(InvalidInput, match=r"guards the slice 'idiom', .* expected one of: .*language, "):
        fresh.gate(2, policy=Policy(query_sets=(guarded,)))


def test_a_home_without_a_release_has_nothing_to_hold_against(home):
    with pytest.raises(NotReady, match="its first needs no gate"):
        gate(home, 2)


def judged(limits, before_ms, after_ms):
    return judge_latency(limits, Timing(before_ms, after_ms, 40))


def test_latency_over_a_limit_holds():
    limits = LatencyLimits(p95_ms=50)
    assert judged(limits, 10, 19).reasons == ("p95 is 19.0 ms here against 10.0, 40 queries timed in turn",)
    assert judged(limits, 10, 19).verdict == "PROMOTE"
    assert judged(limits, 10, 21).verdict == "HOLD"
    assert judged(limits, 45, 51).reasons == ("p95 is 51.0 ms here against 45.0, 40 queries timed in turn: over 50",)
    assert judged(LatencyLimits(), 1, 5.9).verdict == "PROMOTE"  # less than what machines differ by
    assert judged(LatencyLimits(p95_ratio=None), 1, 500).verdict == "PROMOTE"


def test_latency_is_timed_at_the_gate_and_what_evaluations_took_does_not_count(fresh):
    fresh.judged_by_a_person()
    recipe = fresh.build(replace(STEMMED, shard_rows=201)).release.recipe
    slow = Latency(900.0, 900.0, 900.0)
    found = fresh.gate(recipe, latency=slow)
    finding = found.evidence["findings"]["things/all/lexical latency"]
    assert (found.verdict, finding["timed_queries"]) == ("PROMOTE", 40)
    assert 0 < finding["candidate_p95_ms"] < 900
    unlimited = POLICY.model_copy(update={"latency": LatencyLimits(p95_ratio=None)})
    assert "things/all/lexical latency" not in fresh.gate(recipe, policy=unlimited).evidence["findings"]


def test_cost_over_a_limit_rejects(fresh):
    class Snapshot:
        def __init__(self, size_bytes, rows):
            self.size_bytes, self.rows = size_bytes, rows

    limits = CostLimits(bytes_ratio=2, passages_ratio=2)
    assert judge_cost(limits, Snapshot(100, 10), Snapshot(200, 20)).verdict == "PROMOTE"
    found = judge_cost(limits, Snapshot(100, 10), Snapshot(201, 30))
    assert (found.verdict, len(found.reasons)) == ("REJECT", 2)
    assert judge_cost(CostLimits(), Snapshot(1, 1), Snapshot(9, 9)).verdict == "PROMOTE"
